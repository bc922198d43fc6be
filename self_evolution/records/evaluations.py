"""Test questions, predictions, scores and promotions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Item:
    """One test question.

    `suite` is one of these: `domain`, the user's questions or, without these, built ones on
    documents that are trained on; `choice`, the part of them that chooses the leader; `seen`, built
    ones on documents that are trained on, beside the user's; `unseen`, built ones on held-out
    documents; `abilities`, the base's own questions on former abilities; `retention`, the user's
    questions on these. `reference_values` are the values that the answer must state; if it is None,
    they are found in `reference`. A built question knows its fragment and its cluster: its
    document, its fragment if there are few documents, or the topic of an ability. For a question of
    the user, the cluster may be a document that the user named.
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
        """The unit that the statistics resample: the stored cluster, else the passage, else the
        item itself."""
        return self.cluster_id or self.passage.strip() or self.id


@dataclass(frozen=True, slots=True)
class Holdout:
    """A document that training never asks about."""

    document_id: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A built test question. `reason` says why it was not taken, or is None. `kind`: seen, unseen,
    ability.

    It was asked about a fragment, or on a `topic` if it is to show an ability.
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
    """The test questions (all but retention) as locked: how many, and the digest of their rows.

    `origin`: given (the user's own alone), built, or reviewed (by a person, after that).
    """

    version: int
    origin: str
    items: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Replacement:
    """An item that is not in the test set any more from a version on. `new_id` replaced it, if any
    item did."""

    item_id: str
    version: int
    new_id: str | None


@dataclass(frozen=True, slots=True)
class Rival:
    """Another model that answers the test questions, under the negative number `generation`.

    `name` is a folder, a hub name, or an endpoint. `identity` is different for another model of
    that name.
    """

    generation: int
    name: str
    identity: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer of a generation (or of a rival: below 0) to a test question.

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
    """A metric with the settings and the versions of libraries with which scores were computed."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class PredictionScore:
    """The score of a prediction by a metric, in percent; None where the metric does not apply."""

    prediction_id: str
    signature_id: int
    value: float | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judge's verdict on a generation's answer beside that of `against` (the base, or a rival).

    `place`: where the generation's stood, 1 or 2. `verdict`: better, worse or tie, or unclear
    where the reply does not say. Answers that are the same are a tie, and nobody is asked: the
    reply is then empty.
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

    `generation` is the number of a generation, or that of a rival, which is below 0.
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
    """How far a generation is above (or below) generation `against` on the same items, in points.

    The mean of paired differences with its 95% interval, and p, two-sided, of no difference.
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
    """Whether a generation became the leader, and why. The generation that was promoted last
    leads."""

    generation: int
    promoted: bool
    reason: str
