"""Requests for questions get additions: the statement to ask about, and the way to ask."""

from __future__ import annotations

from collections.abc import Collection
from itertools import cycle, islice

from self_evolution.config import Ask
from self_evolution.coverage.stated import Coverable
from self_evolution.prompts import Prompts
from self_evolution.records import Fragment


def additions(
    prompts: Prompts,
    settings: Ask,
    fragment: Fragment,
    generation: int,
    number: int,
    pairs: Collection[tuple[str, str]] = (),
) -> list[str]:
    """The text that is added to each of the `number` requests for a question about a fragment.

    Unless `ask.spread` is `even`, each request names a statement, in another order in each
    generation. With `uncovered`, those that no pair of `pairs` states come first. With `ask.ways`,
    each request asks in the next way of the profile.
    """
    profile = prompts.profile(fragment.language)
    named, ways = [""] * number, [""] * number
    if profile.ask_statement and settings.spread != "even":
        coverable = Coverable(fragment, profile.statements)
        every = range(len(coverable.statements))
        covered = coverable.covered(pairs) if settings.spread == "uncovered" else set(every)
        first, rest = [i for i in every if i not in covered], sorted(covered)
        turn = (generation - 1) * number % len(rest) if rest else 0
        order = [*first, *rest[turn:], *rest[:turn]]
        named = [
            profile.ask_statement.format(statement=coverable.statements[i].text).strip()
            for i in islice(cycle(order), number)
        ] or named
    if profile.ask_ways and settings.ways:
        ways = list(islice(cycle(profile.ask_ways), generation - 1, generation - 1 + number))
    return ["\n\n".join(filter(None, both)) for both in zip(named, ways, strict=True)]
