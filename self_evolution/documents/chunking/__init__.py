"""Chunking: sections of documents become fragments that fit a limit of tokens.

- `pieces` decides where to cut a text; `blocks`, `sentences` and `tables` find the places, `atoms`
  gives their costs, `packing` chooses among them.
- `joins` merges overlapping passages and gathers short neighbouring sections.
"""

from self_evolution.documents.chunking.joins import Group, gather, mend
from self_evolution.documents.chunking.pieces import Piece, pieces

__all__ = ["Group", "Piece", "gather", "mend", "pieces"]
