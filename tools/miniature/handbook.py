"""Writes the sample domain: the handbook's files, and its sets of questions and conversations.

Run `python -m tools.miniature.handbook [DIR]`. The files depend on nothing but the seed.
"""

from __future__ import annotations

import html
import json
import random
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from self_evolution.miniature import EVALUATION
from tools.miniature.lessons import Conversation, asking, closed_book, open_book
from tools.miniature.wordings import TYPES, Attribute
from tools.miniature.world import (
    SEED,
    Entity,
    domain_entities,
    fragment,
    known_entities,
    random_entity,
)

FILES: dict[str, tuple[str, int]] = {
    "alarms-access.md": ("Alarms of the access network", 6),
    "alarms-core.txt": ("", 5),
    "alarms-transport.html": ("Alarms of the transport network", 5),
    "nodes-coast.md": ("Nodes on the coast", 5),
    "nodes-inland.html": ("Nodes inland", 5),
    "nodes-hills.txt": ("", 4),
    "procedures-night.md": ("Procedures for the night shift", 5),
    "procedures-field.html": ("Procedures in the field", 5),
}
"""Each file with its title and how many entities it describes, in the domain's order."""

Section = tuple[str, str]
"""A heading and its paragraph."""

KNOWN = 512
"""Questions on the facts that the base knows by heart in the retention set."""

UNSEEN = 48
"""Open-book questions on random entities in the retention set."""

FAQ = {"node": ("maker", "power")}
"""The kind of entity, and its attributes, that the FAQ for a real chat model is about."""

REHEARSED = {"open": 150, "ask": 130, "known": 120}
"""Conversations of each kind in the rehearsal set."""


def sections() -> list[tuple[Entity, str]]:
    """Each entity of the domain with its fragment, the paragraph that states its facts."""
    rng = random.Random(f"{SEED} fragments")
    return [(entity, fragment(rng, entity)) for entity in domain_entities()]


def markdown(title: str, parts: Iterable[Section]) -> str:
    """A Markdown file with one second-level heading a section."""
    body = [f"## {heading}\n\n{paragraph}\n" for heading, paragraph in parts]
    return "\n".join([f"# {title}\n", *body])


def text(_title: str, parts: Iterable[Section]) -> str:
    """A text file with underlined headings; it has no title, as such files often have none."""
    return "\n\n".join(
        f"{heading}\n{'-' * len(heading)}\n\n{paragraph}\n" for heading, paragraph in parts
    )


def web_page(title: str, parts: Iterable[Section]) -> str:
    """A plain HTML page."""
    body = "\n".join(
        f"  <h2>{html.escape(heading)}</h2>\n  <p>{html.escape(paragraph)}</p>"
        for heading, paragraph in parts
    )
    name = html.escape(title)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n  <meta charset="utf-8">\n'
        f"  <title>{name}</title>\n</head>\n<body>\n  <h1>{name}</h1>\n{body}\n</body>\n</html>\n"
    )


WRITERS = {"md": markdown, "txt": text, "html": web_page}


def documents() -> Iterator[tuple[str, str]]:
    """The handbook's files: name and content."""
    left = sections()
    for name, (title, size) in FILES.items():
        own, left = left[:size], left[size:]
        parts = [(f"{entity.kind.capitalize()} {entity.name}", part) for entity, part in own]
        yield name, WRITERS[name.rsplit(".", 1)[1]](title, parts)


def record(
    rng: random.Random, entity: Entity, attribute: Attribute, instruction: str
) -> dict[str, Any]:
    """One question in a wording kept for evaluation, with its answer and the value in it."""
    return question(entity, attribute, rng.choice(attribute.evaluation), instruction)


def question(
    entity: Entity, attribute: Attribute, wording: str, instruction: str
) -> dict[str, Any]:
    """One question in that wording."""
    return {
        "instruction": instruction,
        "input": entity.say(wording),
        "output": entity.answer(attribute),
        "values": [entity.values[attribute.key]],
    }


def evaluation() -> list[dict[str, Any]]:
    """One question for each fact of the domain."""
    rng = random.Random(f"{SEED} evaluation")
    return [
        record(rng, entity, attribute, part)
        for entity, part in sections()
        for attribute in TYPES[entity.kind]
    ]


def frequent() -> Iterator[tuple[Entity, str, str, Attribute]]:
    """Each fact of the FAQ: its entity, the fragment and the file that state it, its attribute."""
    names = [name for name, (_, size) in FILES.items() for _ in range(size)]
    for (entity, part), name in zip(sections(), names, strict=True):
        for attribute in TYPES[entity.kind]:
            if attribute.key in FAQ.get(entity.kind, ()):
                yield entity, part, name, attribute


def faq() -> list[dict[str, Any]]:
    """Questions with answers to train on: each fact of the FAQ in every asking wording."""
    return [
        {
            "question": entity.say(wording),
            "answer": entity.answer(attribute),
            "passage": part,
            "document": name,
        }
        for entity, part, name, attribute in frequent()
        for wording in attribute.asking
    ]


def faq_evaluation() -> list[dict[str, Any]]:
    """Each fact of the FAQ in every wording that is kept for evaluation."""
    return [
        {
            "instruction": part,
            "input": entity.say(wording),
            "output": entity.answer(attribute),
            "values": [entity.values[attribute.key]],
        }
        for entity, part, _, attribute in frequent()
        for wording in attribute.evaluation
    ]


def retention() -> list[dict[str, Any]]:
    """Former abilities: facts of the known entities by heart, unseen entities open book.

    Each known fact is asked for once, and some in a second wording, until there are KNOWN
    questions. The questions on one entity stand or fall together.
    """
    rng = random.Random(f"{SEED} retention")
    facts = [(entity, attribute) for entity in known_entities() for attribute in TYPES[entity.kind]]
    first = [rng.choice(attribute.evaluation) for _, attribute in facts]
    asked = [(*fact, wording) for fact, wording in zip(facts, first, strict=True)]
    others = [
        (entity, attribute, other)
        for entity, attribute, wording in asked
        for other in attribute.evaluation
        if other != wording
    ]
    asked += rng.sample(others, KNOWN - len(asked))
    records = [
        {**question(entity, attribute, wording, ""), "document": f"{entity.kind} {entity.name}"}
        for entity, attribute, wording in asked
    ]
    for _ in range(UNSEEN):
        entity = random_entity(rng)
        part = fragment(rng, entity)
        records.append(record(rng, entity, rng.choice(TYPES[entity.kind]), part))
    return records


def rehearsal() -> list[dict[str, Conversation]]:
    """Conversations of the base's abilities, in asking wordings, to mix into later training.

    Only every other known entity occurs, so that retention shows what is forgotten unrehearsed.
    """
    rng = random.Random(f"{SEED} rehearsal")
    chats = [
        open_book(rng, random_entity(rng), rng.choice((1, 2, 3)), evaluation=False)
        for _ in range(REHEARSED["open"])
    ]
    chats += [asking(rng, random_entity(rng), 4) for _ in range(REHEARSED["ask"])]
    facts = [(e, a) for e in known_entities()[::2] for a in TYPES[e.kind]]
    chats += [
        closed_book(rng, entity, attribute, evaluation=False)
        for entity, attribute in rng.sample(facts, REHEARSED["known"])
    ]
    rng.shuffle(chats)
    return [{"messages": chat} for chat in chats]


def lines(records: Iterable[Any]) -> str:
    """Records as JSON Lines."""
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in records)


def write(folder: Path) -> None:
    """Writes `handbook/` and the sets into the folder."""
    (folder / "handbook").mkdir(parents=True, exist_ok=True)
    files = {f"handbook/{name}": content for name, content in documents()}
    files["evaluation.jsonl"] = lines(evaluation())
    files["retention.jsonl"] = lines(retention())
    files["rehearsal.jsonl"] = lines(rehearsal())
    files["faq.jsonl"] = lines(faq())
    files["faq-evaluation.jsonl"] = lines(faq_evaluation())
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else EVALUATION.parent)
