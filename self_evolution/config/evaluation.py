"""The settings of the sections `evaluate` and `promote`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from self_evolution.config.types import Points, Settings, ShareBelowOne, TopP

MetricName = Literal[
    "exact-match",
    "token-f1",
    "bleu-4",
    "rouge-1",
    "rouge-2",
    "rouge-l",
    "sacrebleu",
    "chrf",
]
"""The names in `METRICS` of the metrics that may decide a promotion.

High scores must be good, and copying the document must not raise the score.
"""


class Evaluate(Settings):
    file: str = ""
    """Test questions of your own: JSON, JSONL, CSV, TSV or XLSX with instruction (the passage),
    input (the question) and output (the answer)."""
    build: Literal["auto", "always", "never"] = "auto"
    """Build test questions from the documents. `auto` does so if no file is given."""
    questions: PositiveInt = 300
    """Largest number of test questions to build about the documents that are trained on. As many
    are built about held-out documents."""
    held_out: Annotated[float, Field(ge=0.0, le=0.2)] = 0.1
    """Share of the documents, from 0 to 0.2, that is kept out of training. With fewer than five
    documents, none is kept out."""
    samples: Annotated[int, Field(ge=2)] = 3
    """Answers to a built question that must agree before one of them becomes its reference."""
    abilities: NonNegativeInt = 300
    """Questions of general knowledge that the base model asks itself, to show what training makes
    it forget. 0 asks none."""
    retention_file: str = ""
    """File of questions like `evaluate.file` on former abilities, or `embedded` for those of the
    miniature."""
    choice: ShareBelowOne = 0.5
    """Share of the domain questions that only choose which generation leads; the reported scores
    are those of the others. With 0, or if there are too few questions, all of them are used for
    both purposes."""
    limit: NonNegativeInt = 0
    """Use only this many questions of each set, to try things out. 0 uses all."""
    top_k: NonNegativeInt = 3
    """Passages that a search adds to each question in the mode `retrieved`. 0 leaves this mode
    out."""
    max_tokens: PositiveInt = 384
    """Length of the longest prediction, in tokens."""
    temperature: NonNegativeFloat = 0.0
    """Sampling temperature of predictions. 0, as recommended, takes the most likely token."""
    top_p: TopP = 0.95
    """Share of the probability that predictions are sampled from, if the temperature is above
    0."""
    resamples: PositiveInt = 10_000
    """Bootstrap resamples behind each confidence interval."""
    against: tuple[str, ...] = ()
    """Other models that answer the same questions, for comparison: folders, hub names or endpoints
    (http://HOST:PORT/v1#MODEL), separated by commas."""
    judge: str = ""
    """Model that says which of two answers is better: base, a folder, a hub name or an endpoint.
    It decides no promotion. If empty, there is no judge."""


class Promote(Settings):
    rule: Literal["significant", "rises", "always"] = "significant"
    """Condition for a generation to become the leader. `significant`: the confidence interval of
    its gain on the leader is above 0. `rises`: it has any gain. `always`: there is no condition."""
    metric: MetricName = "exact-match"
    """Metric that decides about promotion, on the closed-book answers. Questions to which it does
    not apply are left out."""
    retention_bound: Points = 5.0
    """Points of former abilities that a generation may lose and still become the leader. It must be
    shown with 95% confidence that no more was lost."""
    on_failure: Literal["lower-rate", "more-rehearsal", "both", "nothing", "continue"] = (
        "lower-rate"
    )
    """Next step after a generation that was not promoted. `continue` trains it further. All others
    go back to the leader: `lower-rate` with half the learning rate, `more-rehearsal` with twice the
    rehearsal (up to half of the training set), `both` with both, and `nothing` without a change."""
    patience: NonNegativeInt = 2
    """Generations in a row without promotion that end the run. 0 never ends it."""

    @property
    def rollback(self) -> bool:
        """Whether the generation after a failed one starts from the leader."""
        return self.on_failure != "continue"
