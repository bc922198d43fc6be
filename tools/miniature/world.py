"""The entities of the invented world: random ones, the sample domain's and the known ones.

Pretraining draws random entities, none of them twice; the domain's forty are in the handbook only;
the 64 known ones are taught by heart.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from tools.miniature import vocabulary as words
from tools.miniature.vocabulary import Names
from tools.miniature.wordings import TYPES, Attribute

SEED = 20
"""The seed of the sample domain and of the entities that the base knows by heart."""

DOMAIN_SIZES: dict[str, int] = {"alarm": 16, "node": 14, "procedure": 10}
KNOWN_SIZES: dict[str, int] = {"alarm": 22, "node": 21, "procedure": 21}


@dataclass(frozen=True)
class Entity:
    """One thing of the world: its type word, its name and its value for each attribute key."""

    kind: str
    name: str
    values: dict[str, str]

    def say(self, wording: str, value: str = "") -> str:
        """A wording with this entity and a value put in."""
        capital = f"{self.kind.capitalize()} {self.name}"
        return wording.format(e=f"{self.kind} {self.name}", E=capital, v=value)

    def answer(self, attribute: Attribute) -> str:
        """The whole sentence that answers a question for the attribute."""
        return self.say(attribute.answer, self.values[attribute.key])


_OPEN = {
    "code": words.code,
    "severity": words.severity,
    "clearing": words.seconds,
    "power": words.watts,
    "rack": words.rack,
    "duration": words.minutes,
    "start": words.clock,
    "form": words.form,
}


def value(rng: random.Random, key: str, names: Names) -> str:
    """A random value for an attribute; sites and backups are names and come from `names`."""
    if key in words.CLOSED:
        return rng.choice(words.CLOSED[key])
    return _OPEN[key](rng) if key in _OPEN else names(rng)


def new_entity(rng: random.Random, kind: str, name: str, names: Names) -> Entity:
    """An entity with a random value for each of its type's five attributes."""
    return Entity(kind, name, {a.key: value(rng, a.key, names) for a in TYPES[kind]})


def random_entity(rng: random.Random) -> Entity:
    """A fresh entity for pretraining: no name in it is one of the domain or a known one."""

    def names(source: random.Random) -> str:
        return words.new_name(source, reserved_names())

    return new_entity(rng, rng.choice(tuple(TYPES)), names(rng), names)


def fragment(rng: random.Random, entity: Entity) -> str:
    """One paragraph that states the five facts in random order, on one line.

    The first sentence names the entity; later ones may say "It", as people write.
    """
    sentences: list[str] = []
    for attribute in rng.sample(TYPES[entity.kind], len(TYPES[entity.kind])):
        wording = rng.choice(attribute.documents)
        if sentences and rng.random() < 0.4:
            wording = wording.replace("{E}", "It")
        sentences.append(entity.say(wording, entity.values[attribute.key]))
    return " ".join(sentences)


@cache
def _fixed() -> tuple[tuple[Entity, ...], tuple[Entity, ...]]:
    """The domain's entities and the known ones, all drawn from one seeded stream."""
    rng = random.Random(SEED)
    taken: set[str] = set()

    def names(source: random.Random) -> str:
        taken.add(name := words.new_name(source, taken))
        return name

    def draw(sizes: dict[str, int]) -> list[Entity]:
        kinds = [kind for kind, size in sizes.items() for _ in range(size)]
        return [new_entity(rng, kind, names(rng), names) for kind in kinds]

    domain = draw(DOMAIN_SIZES)
    for kind in TYPES:
        _spread(rng, [entity for entity in domain if entity.kind == kind])
    return tuple(domain), tuple(draw(KNOWN_SIZES))


def _spread(rng: random.Random, entities: list[Entity]) -> None:
    """Give closed values without repetition and let the domain's nodes back up each other."""
    for attribute in TYPES[entities[0].kind]:
        if attribute.key in words.CLOSED:
            drawn = rng.sample(words.CLOSED[attribute.key], len(entities))
        elif attribute.key == "backup":
            names = [entity.name for entity in entities]
            drawn = [*names[1:], names[0]]
        else:
            continue
        for entity, new in zip(entities, drawn, strict=True):
            entity.values[attribute.key] = new


def domain_entities() -> tuple[Entity, ...]:
    """The forty entities of the handbook, which pretraining never shows."""
    return _fixed()[0]


def known_entities() -> tuple[Entity, ...]:
    """The 64 entities that pretraining teaches by heart; their recall measures forgetting."""
    return _fixed()[1]


@cache
def domain_names() -> frozenset[str]:
    """Every generated name in the domain: its entities and the towns they stand in."""
    towns = {e.values["site"] for e in domain_entities() if "site" in e.values}
    return frozenset(towns | {e.name for e in domain_entities()})


@cache
def reserved_names() -> frozenset[str]:
    """Names that random entities must not bear: the domain's and the known entities' own."""
    return domain_names() | {entity.name for entity in known_entities()}
