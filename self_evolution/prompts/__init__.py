"""Prompt profiles: the words put to the model, one YAML file a language.

Placeholders: {domain}, {description}, {heading}, {fragment}, {question}. `leaks` are phrases that
betray the open book, `pointing` those of a question that cannot be understood without its page;
both are regular expressions that the check stage uses; `common` are words (lower case) that an
answer may have although its fragment does not.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from self_evolution.config import Domain
from self_evolution.errors import UserError
from self_evolution.records import Fragment, Message

FOLDER = Path(__file__).parent


class Profile(BaseModel):
    """One profile; every text may use the placeholders above."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    system: str = ""
    ask: str
    ask_another: str
    answer: str
    closed: str = "{question}"
    question_marks: str = "?？"
    common: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    pointing: tuple[str, ...] = ()


class Prompts:
    """Conversations for a run: the profile by the fragment's language, filled in."""

    def __init__(self, domain: Domain) -> None:
        """Raises UserError if the profile that `domain` names is missing or malformed."""
        self._domain = domain
        self._fixed = None if domain.prompts == "auto" else load(domain.prompts)
        self._by_language = {name: load(name) for name in ("zh", "en")}

    def profile(self, language: str) -> Profile:
        if self._fixed:
            return self._fixed
        wanted = language if self._domain.language == "auto" else self._domain.language
        return self._by_language["zh" if wanted == "zh" else "en"]

    def ask(self, fragment: Fragment, asked: list[str]) -> list[Message]:
        """For the next question about a fragment, after those in `asked`."""
        profile = self.profile(fragment.language)
        turns = self._opening(profile, fragment)
        turns.append(self._user(profile.ask, fragment))
        for question in asked:
            turns.append({"role": "assistant", "content": question})
            turns.append(self._user(profile.ask_another, fragment))
        return turns

    def answer(self, fragment: Fragment, question: str) -> list[Message]:
        """For the answer with the book open."""
        profile = self.profile(fragment.language)
        turns = self._opening(profile, fragment)
        return [*turns, self._user(profile.answer, fragment, question)]

    def closed(self, question: str, language: str) -> list[Message]:
        """For the answer with the book closed: also how it is trained."""
        return [self._user(self.profile(language).closed, None, question)]

    def _opening(self, profile: Profile, fragment: Fragment) -> list[Message]:
        text = self._fill(profile.system, fragment, "").strip()
        return [{"role": "system", "content": text}] if text else []

    def _user(self, template: str, fragment: Fragment | None, question: str = "") -> Message:
        return {"role": "user", "content": self._fill(template, fragment, question).strip()}

    def _fill(self, template: str, fragment: Fragment | None, question: str) -> str:
        return template.format(
            domain=self._domain.name,
            description=self._domain.description,
            heading=" > ".join(fragment.heading) if fragment else "",
            fragment=fragment.text if fragment else "",
            question=question,
        )


def load(name: str) -> Profile:
    """The profile of that name, or in that YAML file. Raises UserError."""
    shipped = {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}
    path = shipped.get(name, Path(name))
    try:
        values: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        profile = Profile.model_validate(values)
        blanks = dict.fromkeys(("domain", "description", "heading", "fragment", "question"), "")
        for text in (
            profile.system,
            profile.ask,
            profile.ask_another,
            profile.answer,
            profile.closed,
        ):
            text.format(**blanks)
        for pattern in (*profile.leaks, *profile.pointing):
            re.compile(pattern)
    except (OSError, UnicodeDecodeError):
        raise UserError(
            f"--domain.prompts {name}: no such profile or readable file; "
            f"shipped: {', '.join(shipped)}"
        ) from None
    except (yaml.YAMLError, ValidationError, KeyError, IndexError, ValueError, re.error) as error:
        raise UserError(f"{path}: not a prompt profile: {' '.join(str(error).split())}") from None
    return profile
