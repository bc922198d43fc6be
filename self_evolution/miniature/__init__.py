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

__all__ = ["EVALUATION", "HANDBOOK", "MODEL", "REHEARSAL", "RETENTION"]
