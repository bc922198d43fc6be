"""why: show the training pairs behind an answer, and when it was first right."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from self_evolution.errors import UserError, printable
from self_evolution.run.read import read_run
from self_evolution.serving import why as reasons
from self_evolution.serving.why import Near, Tested, Why

WHO = {
    "generated": "asked by the model",
    "trusted": "given by a person",
    "rewrite": "a rewrite of a fragment, written",
    "fragment": "the fragment itself, taken",
}
"""How training pairs came to be, by their origin."""


def why(options: argparse.Namespace) -> int:
    """Print the training pairs nearest to a question or an answer."""
    text = sys.stdin.read() if options.text is None else options.text
    if not text.strip():
        raise UserError("why: the text is empty; give a question or an answer")
    with read_run(Path(options.source)) as run:
        if not run.ledger.training.adapters():
            raise UserError(
                f"{options.source}: no generation was trained yet, so nothing was learnt; "
                f"`self-evolution run --run {options.source}` goes on with the run"
            )
        found = reasons.why(run.ledger, text, options.limit)
    print(json.dumps(_plain(found), ensure_ascii=False, indent=1) if options.json else _told(found))
    return 0


def _plain(found: Why) -> dict[str, Any]:
    """Return what was found as plain data, which is printed as JSON for programs."""
    pairs = [
        one.pair._asdict()
        | {"share": round(one.share, 4), "source": one.source and one.source._asdict()}
        for one in found.pairs
    ]
    tested = found.tested and {
        "question": found.tested.item.question,
        "reference": found.tested.item.reference,
        "share": round(found.tested.share, 4),
        "first_right": found.tested.first,
        "right_since": found.tested.since,
    }
    return {"pairs": pairs, "tested": tested}


def _told(found: Why) -> str:
    lines = [_of_test(found.tested)]
    if not found.pairs:
        lines.append("no training pair shares a term with the text")
    for number, near in enumerate(found.pairs, 1):
        lines += [
            f"{number}. {printable(near.pair.question)}",
            f"   {printable(near.pair.answer)}",
            f"   shares {near.share:.0%} of the text's terms; {_of_training(near)}",
        ]
        if near.source:
            page = f", page {near.source.page}" if near.source.page is not None else ""
            place = f"{near.source.document}{page} · {' › '.join(near.source.heading)}"
            lines += [f"   from {printable(place)}", f"   {printable(near.source.opening)}"]
    return "\n".join(lines)


def _of_training(near: Near) -> str:
    pair = near.pair
    who = WHO[pair.origin]
    several = len(pair.trained) > 1
    trained = ", ".join(map(str, pair.trained))
    text = (
        f"{who} in generation {pair.generation}, trained on in generation{'s' * several} {trained}"
    )
    return text if pair.live else f"{text}; not used any more"


def _of_test(tested: Tested | None) -> str:
    """When the nearest test question was first answered right."""
    if tested is None:
        return "no test question is near the text"
    told = f"nearest test question ({tested.share:.0%} of the words in common): "
    told += printable(tested.item.question)
    if tested.first is None:
        return f"{told}\nno generation has answered it right from memory"
    name = f"generation {tested.first}" if tested.first else "the base"
    told += f"\nfirst answered right from memory by {name}"
    if tested.since is None:
        return f"{told}, but not by the last one"
    if tested.since != tested.first:
        told += f", and by all from generation {tested.since} on"
    return told
