"""Feedback: what people said about answers, in `feedback.db` beside the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from self_evolution.errors import UserError
from self_evolution.ledger.store import Store, check_texts

FILE = "feedback.db"
VERDICTS = ("right", "wrong", "better")
LONGEST = {"question": 4_000, "answer": 20_000, "better": 20_000, "reviewer": 200, "adapter": 64}
"""The most characters of each text."""
FRAGMENTS = 64
"""The most fragments that a row names."""

_SCHEMA = """
CREATE TABLE feedback (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('right', 'wrong', 'better')),
  question TEXT NOT NULL,
  answer TEXT NOT NULL,
  better TEXT NOT NULL,
  fragments TEXT NOT NULL,
  generation INTEGER NOT NULL,
  adapter TEXT NOT NULL,
  reviewer TEXT NOT NULL
) STRICT
"""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person said about one answer.

    `verdict`: right, wrong, or better, if the person gave a better answer (`better`). `fragments`
    are the ids of the passages that were shown with the answer, `generation` the one that answered,
    and `adapter` the SHA-256 of its adapter (empty for the base). `reviewer` is free text. The
    store gives `id`, which grows from row to row, and `time`, in UTC.
    """

    verdict: str
    question: str
    answer: str
    better: str = ""
    fragments: tuple[str, ...] = ()
    generation: int = 0
    adapter: str = ""
    reviewer: str = ""
    id: int = 0
    time: str = ""


class FeedbackStore(Store[Feedback]):
    """The feedback of the run in `folder`."""

    file, table, row, schema = FILE, "feedback", Feedback, _SCHEMA
    application_id = 0x53450002
    full = "move the file away after `self-evolution run` has taken its corrections in"

    def check(self, row: Feedback) -> None:
        if row.verdict not in VERDICTS:
            raise UserError(f"verdict {row.verdict!r}: expected one of {', '.join(VERDICTS)}")
        wanted = ["question", "answer", *(["better"] if row.verdict == "better" else [])]
        for name in wanted:
            if not getattr(row, name).strip():
                raise UserError(f"feedback: {name} is empty; give it with some text")
        if row.better and row.verdict != "better":
            raise UserError(f"verdict {row.verdict}: comes without a better answer; say `better`")
        check_texts("feedback", {name: getattr(row, name) for name in LONGEST}, LONGEST)
        if len(row.fragments) > FRAGMENTS or any(len(id) > FRAGMENTS for id in row.fragments):
            raise UserError(f"feedback: at most {FRAGMENTS} fragments, with their ids")
