"""The closed vocabularies of the invented world and the generators of its open values.

Each closed vocabulary holds forty words, so that a model which merely guesses a fitting word
is right about once in forty times: closed-book accuracy of the base stays close to zero.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Container


def _split(line: str) -> tuple[str, ...]:
    return tuple(line.split())


COLOURS: tuple[str, ...] = _split(
    "red blue green yellow orange purple violet pink brown black white grey silver gold bronze "
    "copper amber scarlet crimson maroon ruby rose coral peach beige cream ivory olive lime mint "
    "emerald jade teal cyan turquoise azure navy indigo lilac magenta"
)
TEAMS: tuple[str, ...] = _split(
    "Badger Beaver Bison Buffalo Camel Condor Cougar Coyote Crane Dolphin Eagle Falcon Ferret Fox "
    "Gecko Gibbon Hawk Heron Ibex Jackal Jaguar Kestrel Lemur Leopard Lynx Marten Moose Otter Owl "
    "Panther Pelican Puma Raven Salmon Stork Tiger Tortoise Walrus Wolf Zebra"
)
MAKERS: tuple[str, ...] = _split(
    "Acmetron Arcolux Bellwave Borealis Cablon Centrix Cirrotec Datarim Deltanet Ekotel Elmscope "
    "Ferrolink Fibrona Galvatek Gridmark Helionet Hexacom Inteliga Isotron Jetlink Kilowave "
    "Kronotel Lumacom Luxtron Metrolan Microvia Nexatel Novalink Omnigrid Optiwave Photonix "
    "Quadratel Radiomark Signatec Solarnet Telumen Ultracom Vectoria Wavecrest Zentronix"
)
TOOLS: tuple[str, ...] = _split(
    "anvil brush bucket chisel clamp cleaver crowbar drill file funnel goggles grinder hammer hook "
    "jack ladder lantern lever magnet mallet mirror needle pliers pulley pump ratchet ruler saw "
    "scale scissors scraper shovel sponge spanner stapler tongs torch tweezers vice wrench"
)
PEOPLE: tuple[str, ...] = _split(
    "Agnes Albert Beatrice Boris Clara Cyril Daphne Dennis Edith Ernest Fiona Frank Gloria Gordon "
    "Harriet Hugo Ingrid Ivan Janet Julian Karen Kevin Laura Leonard Martha Maurice Nadia Oscar "
    "Pamela Patrick Quentin Rachel Rupert Sylvia Thomas Ursula Victor Wanda Xavier Yvonne"
)
CLOSED: dict[str, tuple[str, ...]] = {
    "colour": COLOURS,
    "team": TEAMS,
    "maker": MAKERS,
    "tool": TOOLS,
    "approver": PEOPLE,
}

_WORDS = frozenset(word.capitalize() for group in CLOSED.values() for word in group)
_ONSETS = _split("b br c cr d dr f fl g gl h j k kl l m n p pr qu r s sk t tr v w z")
_VOWELS = _split("a e i o u")
_MIDDLES = _split("b d g k l lm ln lt m n nd nt p r rd rk rn rv s st t v x z")
_ENDINGS = _split("a ak an ax e el en er et i ik il in is o ol on or os u um un us")
_LETTERS = "BCDFGHKLMNPQRSTVWXZ"

Names = Callable[[random.Random], str]
"""Draws the name of an entity or a town; which names are allowed is the caller's affair."""


def new_name(rng: random.Random, taken: Container[str] = ()) -> str:
    """A pronounceable name such as "Bramo" that is no closed word and not in `taken`."""
    while True:
        parts = (_ONSETS, _VOWELS, _MIDDLES, _ENDINGS)
        name = "".join(rng.choice(part) for part in parts).capitalize()
        if name not in taken and name not in _WORDS:
            return name


def code(rng: random.Random) -> str:
    """Two letters, a hyphen, two digits: "KX-48"."""
    return f"{rng.choice(_LETTERS)}{rng.choice(_LETTERS)}-{rng.randint(10, 99)}"


def rack(rng: random.Random) -> str:
    """One letter, two digits: "D48"."""
    return f"{rng.choice(_LETTERS)}{rng.randint(10, 99)}"


def form(rng: random.Random) -> str:
    """One letter, three digits: "K482"."""
    return f"{rng.choice(_LETTERS)}{rng.randint(100, 999)}"


def severity(rng: random.Random) -> str:
    """A mark from 1.1 to 9.9."""
    return f"{rng.randint(1, 9)}.{rng.randint(1, 9)}"


def seconds(rng: random.Random) -> str:
    """A time to clear in seconds."""
    return f"{rng.randint(11, 99)} seconds"


def minutes(rng: random.Random) -> str:
    """A working time in minutes."""
    return f"{rng.randint(11, 99)} minutes"


def watts(rng: random.Random) -> str:
    """A power in watts."""
    return f"{rng.randint(101, 999)} watts"


def clock(rng: random.Random) -> str:
    """A time of day in steps of five minutes: "02:40"."""
    return f"{rng.randint(0, 23):02d}:{5 * rng.randint(0, 11):02d}"
