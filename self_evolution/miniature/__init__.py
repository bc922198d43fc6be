"""The tiny base model that the package carries and the sample domain it has never seen.

Only paths live here, so that naming a file never costs the import of a framework.
"""

from pathlib import Path

_HERE = Path(__file__).parent

MODEL: Path = _HERE / "model"
HANDBOOK: Path = _HERE / "handbook"
EVALUATION: Path = _HERE / "evaluation.jsonl"
REHEARSAL: Path = _HERE / "rehearsal.jsonl"
RETENTION: Path = _HERE / "retention.jsonl"

# For a real chat model that learns a part of the handbook (recipe `demo`).
FAQ: Path = _HERE / "faq.jsonl"
FAQ_EVALUATION: Path = _HERE / "faq-evaluation.jsonl"
GENERAL: Path = _HERE / "general.jsonl"

__all__ = [
    "EVALUATION",
    "FAQ",
    "FAQ_EVALUATION",
    "GENERAL",
    "HANDBOOK",
    "MODEL",
    "REHEARSAL",
    "RETENTION",
]
