"""Prompt profiles: the words put to the model, one YAML file a language.

Placeholders: {domain}, {description}, {heading}, {title} (the last part of the heading path),
{fragment}, {question}, {topic}, and {language}, the English name of the language to write in.
`leaks` are phrases that betray the open book, `pointing` those of a question that cannot be
understood without its page, `negations` those that deny a statement; all three are regular
expressions that the check stage uses. `common` are words (lower case) that an answer may have
although its fragment does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from self_evolution.config import Domain
from self_evolution.errors import UserError
from self_evolution.records import Fragment, Message
from self_evolution.text import language as languages

_PLACEHOLDERS = (
    "domain", "description", "heading", "title", "fragment", "question", "topic", "language",
)  # fmt: skip
FOLDER = Path(__file__).parent


class Answers(NamedTuple):
    """Two answers to a question, and the reference."""

    reference: str
    first: str
    second: str


class Profile(BaseModel):
    """A prompt profile; every text may use the placeholders above, if nothing else is said here.

    `system` stands before each prompt about a fragment. `ask` asks for a question about a fragment,
    and `ask_another` for one more. `answer` puts a {question} with the fragment, and `closed`
    without any, in training and in evaluations with the book closed.
    `ask_statement` is added to a request for a question, and names the {statement} to ask about,
    which is its only placeholder; `ask_ways` are added in turn, as they are, and say how to ask.
    `statements` are regular expressions of sentences that are statements although they have no
    value.
    `exam` asks for a test question, and training never uses it; a profile without it builds none.
    `skill` asks for one on a {topic}, without any document, to see later whether that ability is
    still there; `topics` are those that it is asked with.
    `rehearse` asks for what somebody might say to a model on another {topic}, to rehearse it, and
    `rehearse_another` for more on the same.
    `rewrites` are kinds of texts about a fragment that say the same in other words, each with what
    is asked for. `rewrite` is the whole prompt, in which that stands as {request}. A kind that asks
    for nothing takes the fragment as it is. `recall` is asked, without any fragment, when the model
    is trained on such a text.
    `reword` asks for a {question} in other words; without it the base asks about the passage as it
    does in a generation, until it asks for the same.
    `judge` asks which of two answers, {first} and {second}, is nearer to the {reference}: A, B, or
    C for neither; with a profile that does not have it, nobody can judge.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    system: str = ""
    ask: str
    ask_another: str
    ask_statement: str = ""
    ask_ways: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    exam: str = ""
    skill: str = ""
    rehearse: str = ""
    rehearse_another: str = ""
    topics: tuple[str, ...] = ()
    answer: str
    reword: str = ""
    rewrite: str = ""
    rewrites: dict[str, str] = {}
    recall: str = ""
    judge: str = ""
    closed: str = "{question}"
    question_marks: str = "?？"
    common: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    pointing: tuple[str, ...] = ()
    negations: tuple[str, ...] = ()


class Prompts:
    """The prompts of a run: the profile for the fragment's language, with its placeholders
    filled."""

    def __init__(self, domain: Domain) -> None:
        """Raises UserError if the profile that `domain` names is missing or malformed."""
        self._domain = domain
        self._fixed = None if domain.prompts == "auto" else load(domain.prompts)
        self._by_language = {name: load(name) for name in ("zh", "en")}

    def profile(self, language: str) -> Profile:
        if self._fixed:
            return self._fixed
        return self._by_language["zh" if self.wanted(language) == "zh" else "en"]

    def ask(
        self, fragment: Fragment, asked: list[str], additions: Sequence[str] = ()
    ) -> list[Message]:
        """The prompt for the next question about a fragment, after those in `asked`. `additions`
        are put behind the requests, the one for the first question first."""
        profile = self.profile(fragment.language)
        blanks = self._blanks(fragment.heading, fragment.askable, fragment.language)
        return [
            *_system(profile, blanks),
            *_asking(profile.ask, profile.ask_another, asked, blanks, additions),
        ]

    def reword(self, fragment: Fragment, question: str) -> list[Message]:
        """The prompt for a question in other words; empty if the profile has none."""
        profile = self.profile(fragment.language)
        if not profile.reword:
            return []
        blanks = self._blanks(fragment.heading, fragment.askable, fragment.language)
        return [*_system(profile, blanks), _user(profile.reword, blanks | {"question": question})]

    def kinds(self, language: str) -> list[str]:
        """The kinds of rewrites in the order in which they are used."""
        return list(self.profile(language).rewrites)

    def rewrite(self, fragment: Fragment, kind: str) -> list[Message]:
        """The prompt for a rewrite of that kind; empty if the fragment is taken as it is."""
        profile = self.profile(fragment.language)
        request = profile.rewrites[kind].strip()
        if not request:
            return []
        blanks = self._blanks(fragment.heading, fragment.askable, fragment.language)
        return [*_system(profile, blanks), _user(profile.rewrite, blanks | {"request": request})]

    def recall(self, heading: Sequence[str], language: str) -> str:
        """Return the question, without any passage, to which the rewrites of a fragment are trained
        as the answer."""
        blanks = self._blanks(heading, "", language)
        return self.profile(language).recall.format(**blanks).strip()

    def exam(self, fragment: Fragment) -> list[Message]:
        """The prompt for a test question about a fragment; empty if the profile has none."""
        profile = self.profile(fragment.language)
        if not profile.exam:
            return []
        blanks = self._blanks(fragment.heading, fragment.askable, fragment.language)
        return [*_system(profile, blanks), _user(profile.exam, blanks)]

    def skill(self, topic: str, language: str) -> list[Message]:
        """The prompt for a question of general knowledge or skill; it does not mention the
        domain."""
        blanks = self._blanks((), "", language) | {"topic": topic}
        return [_user(self.profile(language).skill, blanks)]

    def rehearse(self, topic: str, language: str, said: list[str]) -> list[Message]:
        """For a message to answer, after those in `said`; the domain is not spoken of."""
        profile = self.profile(language)
        blanks = self._blanks((), "", language) | {"topic": topic}
        return _asking(profile.rehearse, profile.rehearse_another, said, blanks)

    def answer(
        self, heading: Sequence[str], passage: str, question: str, language: str
    ) -> list[Message]:
        """The prompt for an open-book answer, with this passage."""
        profile = self.profile(language)
        blanks = self._blanks(heading, passage, language) | {"question": question}
        return [*_system(profile, blanks), _user(profile.answer, blanks)]

    def closed(self, question: str, language: str) -> list[Message]:
        """The prompt for a closed-book answer, which training uses too."""
        blanks = self._blanks((), "", language) | {"question": question}
        return [_user(self.profile(language).closed, blanks)]

    def chat(self, turns: Sequence[Message]) -> list[Message]:
        """A conversation with the book closed: every question in it is put as `closed` puts it."""
        found: list[Message] = []
        for turn in turns:
            text = turn["content"]
            asked = turn["role"] == "user"
            found += self.closed(text, languages.detect(text)) if asked else [turn]
        return found

    @property
    def rewrites(self) -> bool:
        """Whether there is a kind of rewrites in every language of the profiles."""
        return all(
            one.rewrites for one in ([self._fixed] if self._fixed else self._by_language.values())
        )

    @property
    def judges(self) -> bool:
        """Whether there is a prompt for a judge in every language of the profiles."""
        return all(
            one.judge for one in ([self._fixed] if self._fixed else self._by_language.values())
        )

    def judge(self, question: str, answers: Answers, language: str) -> list[Message]:
        """The prompt for the better one of two answers."""
        profile = self.profile(language)
        blanks = self._blanks((), "", language) | answers._asdict() | {"question": question}
        return [_user(profile.judge, blanks)]

    def wanted(self, language: str) -> str:
        """The language to write in about a passage in `language`."""
        return language if self._domain.language == "auto" else self._domain.language

    def _blanks(self, heading: Sequence[str], passage: str, language: str) -> dict[str, str]:
        return {
            "domain": self._domain.name,
            "description": self._domain.description,
            "heading": " > ".join(heading),
            "title": heading[-1] if heading else "",
            "fragment": passage,
            "question": "",
            "topic": "",
            "language": languages.name(self.wanted(language)),
        }


def _system(profile: Profile, blanks: dict[str, str]) -> list[Message]:
    text = profile.system.format(**blanks).strip()
    return [{"role": "system", "content": text}] if text else []


def _asking(
    first: str,
    another: str,
    asked: list[str],
    blanks: dict[str, str],
    additions: Sequence[str] = (),
) -> list[Message]:
    """A request for a question, then each earlier question, followed by a request for another
    one. Behind each request stands its addition, if there is one."""
    turns = [_user(first, blanks)]
    for question in asked:
        turns += [{"role": "assistant", "content": question}, _user(another, blanks)]
    for turn, addition in zip(turns[::2], additions, strict=False):
        turn["content"] = "\n\n".join(filter(None, (turn["content"], addition)))
    return turns


def _user(template: str, blanks: dict[str, str]) -> Message:
    return {"role": "user", "content": template.format(**blanks).strip()}


def load(name: str) -> Profile:
    """The profile of that name, or in that YAML file. Raises UserError."""
    shipped = {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}
    path = shipped.get(name, Path(name))
    try:
        return _profile(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise UserError(
            f"--domain.prompts {name}: no such profile or readable file; "
            f"shipped: {', '.join(shipped)}"
        ) from None
    except (yaml.YAMLError, ValidationError, KeyError, IndexError, ValueError, re.error) as error:
        raise UserError(f"{path}: not a prompt profile: {' '.join(str(error).split())}") from None


@cache
def _profile(text: str) -> Profile:
    """The profile in this YAML, which is slow to read, so that it is read once a process."""
    profile = Profile.model_validate(yaml.safe_load(text))
    blanks = dict.fromkeys(_PLACEHOLDERS, "")
    for one in (
        profile.system,
        profile.ask,
        profile.ask_another,
        profile.exam,
        profile.skill,
        profile.rehearse,
        profile.rehearse_another,
        profile.answer,
        profile.reword,
        profile.closed,
        profile.recall,
    ):
        one.format(**blanks)
    profile.rewrite.format(**blanks, request="")
    if any(profile.rewrites.values()) and "{request}" not in profile.rewrite:
        raise ValueError("`rewrites` need a prompt `rewrite` with {request}")
    if profile.rewrites and not profile.recall.strip():
        raise ValueError("`rewrites` need a question `recall`")
    profile.ask_statement.format(statement="")
    profile.judge.format(**blanks, **Answers("", "", "")._asdict())
    patterns = (*profile.leaks, *profile.pointing, *profile.negations, *profile.statements)
    for pattern in patterns:
        re.compile(pattern)
    return profile
