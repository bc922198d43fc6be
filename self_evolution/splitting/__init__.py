"""Sections of documents into pieces that fit a limit of tokens; sections joined; languages told.

- `pieces`: where to cut a text; `blocks`, `sentences`, `tables` find the places, `atoms` prices
  them, `packing` chooses.
- `joins`: overlapping passages mended, short neighbouring sections gathered.
- `language`: which language a text is in.
"""

from self_evolution.splitting.joins import Group, gather, mend
from self_evolution.splitting.language import detect, differs, lacks_script, name
from self_evolution.splitting.pieces import Piece, pieces

__all__ = [
    "Group",
    "Piece",
    "detect",
    "differs",
    "gather",
    "lacks_script",
    "mend",
    "name",
    "pieces",
]
