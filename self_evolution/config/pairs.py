"""Settings of what the model writes: rehearsal, questions and answers, and their check."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from self_evolution.config.types import Settings, Share, TopP


class Rehearse(Settings):
    topics: NonNegativeInt = 400
    """Number of conversations for rehearsal that the base writes on topics of the prompt profile.
    The test of former abilities has other topics."""
    template: NonNegativeInt = 400
    """Number of conversations for rehearsal whose first user message the base writes itself, where
    its chat template expects the user's text."""
    fragments: NonNegativeInt = 200
    """Number of conversations for rehearsal in which the base asks about a fragment, or answers
    with the fragment in the prompt."""
    temperature: PositiveFloat = 1.0
    """Sampling temperature of the questions in these conversations. Their answers always take the
    most likely token."""

    def counts(self) -> dict[str, int]:
        """{origin: how many conversations the base makes in that way}."""
        return self.model_dump(exclude={"temperature"})


class Ask(Settings):
    asker: Literal["base", "current"] = "base"
    """Model that asks: the base model, or the model as tuned so far (as in the paper)."""
    pairs: str = ""
    """File of your own questions with their answers (JSON, JSONL, CSV, TSV or XLSX), which are
    trained on beside the generated ones."""
    teacher: str = ""
    """Another model that asks and answers in place of the run's own, and writes the test questions
    that are built."""
    per_fragment: NonNegativeInt = 4
    """Questions that each generation asks about each fragment. 0 asks none, for a run on your own
    pairs alone."""
    temperature: NonNegativeFloat = 0.8
    """Sampling temperature of questions. 0 always takes the most likely token."""
    top_p: TopP = 0.95
    """Share of the probability that questions are sampled from (nucleus sampling)."""
    max_tokens: PositiveInt = 96
    """Length of the longest question, in tokens."""
    spread: Literal["even", "statements", "uncovered"] = "even"
    """How the questions of a generation are spread over the fragments. `even` asks the same number
    about each. With `statements`, `ask.per-fragment` is the average, and a fragment with more
    statements (sentences, items and rows with a value) gets more questions: at least one, and at
    most four times the average. `uncovered` does the same, but statements that no kept pair states
    yet count ten times. Both name the statement in the prompt, if the prompt profile has words for
    it."""
    ways: bool = False
    """Ask in several ways in turn, as the prompt profile lists them: in few words, as a task, in
    other words than the document."""
    rewrites: NonNegativeInt = 0
    """Texts that are written once about each fragment, to be trained on beside the pairs: its key
    facts, an explanation, a summary, as the prompt profile lists them. If there are more texts than
    kinds, the kinds are used again, with `ask.temperature`. 0 writes none."""


class Answer(Settings):
    answerer: Literal["base", "current"] = "base"
    """Model that answers with the fragment in its prompt: the base model, or the model as tuned so
    far (as in the paper)."""
    temperature: NonNegativeFloat = 0.0
    """Sampling temperature of answers. 0 always takes the most likely token."""
    top_p: TopP = 0.95
    """Share of the probability that answers are sampled from, if the temperature is above 0."""
    max_tokens: PositiveInt = 384
    """Length of the longest answer, in tokens."""


class Check(Settings):
    enabled: bool = True
    """Check pairs before training. If false, every pair with a question and an answer is kept,
    unless it is a test question."""
    grounding: Share = 0.6
    """Share of the answer's words, from 0 to 1, that fragment or question must contain. 0 skips
    this check."""
    values: bool = True
    """Reject an answer with a number, code or name that neither fragment nor question contains."""
    pointing: bool = True
    """Reject a question that points at something without naming it, such as "this parameter"."""
    off_topic: bool = True
    """Reject a question that has no word in common with its fragment or the headings above it."""
    negation: bool = True
    """Reject an answer that denies what its fragment states."""
    duplicates: bool = True
    """Reject a question that was asked before and got the same answer."""
    contradictions: bool = True
    """Train on neither of two pairs with the same question whose answers contradict each other. The
    report lists such pairs."""
    prefer: tuple[str, ...] = ()
    """Says which pair is believed if two contradict each other. The most important entry comes
    first. Entries are `trusted` (your own pairs), `newest` (the document whose file was changed
    last), and patterns of paths such as standards/*."""
