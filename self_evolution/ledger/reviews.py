"""Reviews: what people said about test questions, in `reviews.db` beside the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from self_evolution.errors import UserError
from self_evolution.ledger.store import Store, check_texts

FILE = "reviews.db"
VERDICTS = ("accept", "edit", "reject")
LONGEST = {"item": 64, "question": 4_000, "reference": 20_000, "reviewer": 200}
"""The most characters of each text."""

_SCHEMA = """
CREATE TABLE review (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time TEXT NOT NULL,
  item TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('accept', 'edit', 'reject')),
  question TEXT NOT NULL,
  reference TEXT NOT NULL,
  reviewer TEXT NOT NULL
) STRICT
"""


@dataclass(frozen=True, slots=True)
class Review:
    """What a person said about one test question (`item` is its id).

    `question` and `reference` are the new texts of an edit, and empty otherwise. `reviewer` is free
    text. The store gives `id`, which grows from row to row, and `time`, in UTC.
    """

    item: str
    verdict: str
    question: str = ""
    reference: str = ""
    reviewer: str = ""
    id: int = 0
    time: str = ""


class ReviewStore(Store[Review]):
    """The reviews of the run in `folder`."""

    file, table, row, schema = FILE, "review", Review, _SCHEMA
    application_id = 0x53450003
    full = "move the file away after `self-evolution review RUN --apply`"

    def check(self, row: Review) -> None:
        if row.verdict not in VERDICTS:
            raise UserError(f"verdict {row.verdict!r}: expected one of {', '.join(VERDICTS)}")
        texts = (row.question.strip(), row.reference.strip())
        if (row.verdict == "edit") != all(texts) or (row.verdict != "edit" and any(texts)):
            raise UserError(
                f"review: {row.verdict} with {sum(map(bool, texts))} new texts; an edit needs a "
                "question and a reference, and other verdicts come without them"
            )
        check_texts("review", {name: getattr(row, name) for name in LONGEST}, LONGEST)
