"""The records of a run as small frozen types. Each type is a table of the ledger."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

Message = dict[str, str]
"""One turn of a conversation: {"role": "system" | "user" | "assistant", "content": text}."""


def content_id(*parts: Any) -> str:
    """An id of 16 hexadecimal digits that depends only on the parts (JSON values) and their order.

    A rerun that makes the same thing makes the same id, and so finds it in the ledger.
    """
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def seed_of(*parts: Any) -> int:
    """A seed in [0, 2**31) that depends only on the parts."""
    return int(content_id(*parts), 16) % 2**31


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read, or that could not be read (`problem` says why).

    `note` says which parts of it could not be read. `container` is the SHA-256 of the archive or
    mail that contained it. `sha256` is empty if the file could not be opened.
    """

    id: str
    path: str
    sha256: str
    format: str
    title: str
    problem: str | None = None
    note: str = ""
    container: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a document after it was read: `changed`, `withdrawn`, or `returned`.

    The last event of a document counts. A document without events is as it was read.
    """

    position: int
    document_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Section:
    """The text of a document under one heading path, before it is split to size.

    `start` and `end` are character offsets in the document's text. `pages` are (offset in the
    section's text, page number); the first `overlap` characters repeat the end of the section
    before.
    """

    id: str
    document_id: str
    position: int
    heading: tuple[str, ...]
    text: str
    start: int
    end: int
    pages: tuple[tuple[int, int], ...] = ()
    overlap: int = 0


@dataclass(frozen=True, slots=True)
class Fragment:
    """The unit that questions are asked about: a section, a part of one, or several short ones.

    `section_id` is the section that it begins in, and `page` the page, if there are pages.
    `duplicate_of` names an earlier fragment that equals this one (`exact`), says all of it
    (`near`), or contains this passage (`passage`). `number` counts fragments in the order of
    making.
    """

    id: str
    document_id: str
    section_id: str
    position: int
    heading: tuple[str, ...]
    text: str
    start: int
    end: int
    page: int | None
    tokens: int
    language: str
    number: int
    duplicate: str | None = None
    duplicate_of: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """Question number `sample` that generation `generation` asked about a fragment."""

    id: str
    generation: int
    fragment_id: str
    sample: int
    text: str
    finish: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question, given with the fragment open. `finish`: stop or length."""

    id: str
    question_id: str
    text: str
    finish: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision of the check stage about a pair: kept (`reason` is None), or rejected."""

    answer_id: str
    reason: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Likeness:
    """A kept pair whose question is close to an evaluation question, but not the same.

    `share`: the share of the words of both questions that they have in common.
    """

    answer_id: str
    item_id: str
    share: float


@dataclass(frozen=True, slots=True)
class Score:
    """The pair's IFD. Negative log-likelihoods are means per answer token, in nats.

    `outcome` is `scored`, or names why `ifd` is None (see `self_evolution.stages.score`).
    """

    answer_id: str
    scorer: str
    outcome: str
    ifd: float | None
    nll_given_question: float | None
    nll_alone: float | None
    answer_tokens: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """A rehearsal conversation, which has nothing to do with the documents."""

    id: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """One training example of a generation; `source`: new, replay or rehearsal.

    Exactly one of `answer_id` and `conversation_id` is set.
    """

    generation: int
    position: int
    source: str
    answer_id: str | None
    conversation_id: str | None


@dataclass(frozen=True, slots=True)
class Adapter:
    """The LoRA adapter that a generation trained, continued from `parent`'s."""

    generation: int
    parent: int
    path: str
    sha256: str
    examples: int
    steps: int
    first_loss: float
    last_loss: float


@dataclass(frozen=True, slots=True)
class Item:
    """One evaluation question.

    `suite`: domain (the questions that decide: the user's, or built ones on documents that are
    trained on), seen (built ones on the same documents, if the user has questions), unseen (built
    ones on held-out documents), abilities (the base's own questions) or retention (the user's
    questions on former abilities). `reference_values` are the values that the answer must state;
    None takes those found in `reference`. Built items name their fragment and their cluster: their
    document, their fragment where documents are few, or the subject of an ability.
    """

    id: str
    suite: str
    position: int
    passage: str
    question: str
    reference: str
    reference_values: tuple[str, ...] | None
    fragment_id: str | None = None
    cluster_id: str | None = None

    @property
    def cluster(self) -> str:
        """The group of items that statistics resample together: as built, its passage, or the
        item."""
        return self.cluster_id or self.passage.strip() or self.id


@dataclass(frozen=True, slots=True)
class Holdout:
    """A document that is kept out of training."""

    document_id: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A built test question: taken (`reason` is None), or why not. `kind`: seen, unseen, ability.

    It was asked about a fragment, or about a `topic` if it tests an ability.
    """

    id: str
    kind: str
    position: int
    fragment_id: str | None
    question: str
    reference: str
    reason: str | None
    detail: str
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Lock:
    """The locked test questions (all but retention): their number, and the digest of their rows.

    `origin`: given (the user's own alone), built, or reviewed (by a person, after that).
    """

    version: int
    origin: str
    items: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Replacement:
    """An item that a version of the test set no longer has; `new_id` names its replacement, if
    any."""

    item_id: str
    version: int
    new_id: str | None


@dataclass(frozen=True, slots=True)
class Rival:
    """Another model that answers the test questions, under the negative number `generation`.

    `name` is a folder, a hub name, or an endpoint; `identity` differs if another model has that
    name.
    """

    generation: int
    name: str
    identity: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer to an evaluation question of a generation (or a rival: below 0).

    `mode`: closed, open (with the item's passage), or retrieved (with what a search found:
    `sources` are the fragments that were shown, the best first). `finish` is "stop", or "length" if
    the answer was cut off.
    """

    id: str
    generation: int
    item_id: str
    mode: str
    text: str
    sources: tuple[str, ...] = ()
    finish: str = "stop"


@dataclass(frozen=True, slots=True)
class Signature:
    """A metric with its settings and the versions of its libraries, as scores were made with it."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class PredictionScore:
    """The score of a prediction in a metric, in percent; None where the metric does not apply."""

    prediction_id: str
    signature_id: int
    value: float | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judge's comparison of a generation's answer with that of `against` (the base, or a rival).

    `place`: the place of the generation's answer in the prompt, 1 or 2. `verdict`: better, worse,
    tie, or unclear if the reply names no clear winner. Equal answers are a tie: the judge is not
    asked, and the reply is empty.
    """

    id: str
    judge: str
    generation: int
    against: int
    item_id: str
    place: int
    verdict: str
    reply: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A metric's mean over a suite in one mode, in percent, with its 95% interval.

    `generation` is below 0 for a rival.
    """

    generation: int
    suite: str
    mode: str
    metric: str
    mean: float
    low: float
    high: float
    n: int
    signature: str


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean difference of a generation from generation `against` on the same items, in points.

    It has a 95% interval and a two-sided p-value of the hypothesis that there is no difference.
    """

    generation: int
    against: int
    suite: str
    mode: str
    metric: str
    mean: float
    low: float
    high: float
    n: int
    p: float


@dataclass(frozen=True, slots=True)
class Promotion:
    """Whether a generation became the leader, and why."""

    generation: int
    promoted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A question with its answer and fragment, as several stages want to see it."""

    answer_id: str
    generation: int
    fragment_id: str
    question: str
    answer: str
    finish: str
    fragment: str
    language: str
