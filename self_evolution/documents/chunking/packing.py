"""Packing of atoms into few pieces that are evenly filled and cut at the best places."""

from __future__ import annotations

import math
from collections.abc import Sequence

from self_evolution.documents.chunking.atoms import Atom

# A piece costs 1; one below this share of the limit costs up to _STUB more.
_SMALL = 0.25
_STUB = 0.8


def packed(atoms: Sequence[Atom], limit: int) -> list[list[Atom]]:
    """Runs of atoms, in order and complete, each within the limit by the sum of its tokens.

    They are the cheapest by dynamic programming over the cuts. A run costs 1, the square of its
    difference to the even size in parts of the limit, and more if it is a stub; a cut has its own
    price. The time is linear in the text, as a piece has at most some 64 atoms.
    """
    atoms = _merged(atoms, limit)
    tokens = [atom.tokens for atom in atoms]
    leads = [atom.lead_tokens for atom in atoms]
    even = sum(tokens) / _needed(atoms, limit) / limit
    costs = [_cost(size / limit, even) for size in range(limit + 1)]
    best = [0.0]
    back = [0]
    for end in range(1, len(atoms) + 1):
        size = atoms[end - 1].trail_tokens
        cheapest, at = math.inf, end - 1
        for start in range(end - 1, -1, -1):
            size += tokens[start]
            if size > limit:
                break
            whole = size + leads[start]
            if whole <= limit:
                cost = best[start] + costs[whole] + (atoms[start].cut if start else 0.0)
                if cost < cheapest:
                    cheapest, at = cost, start
        if cheapest == math.inf:  # a single character over the limit
            cheapest = best[end - 1] + costs[limit]
        best.append(cheapest)
        back.append(at)
    runs = []
    end = len(atoms)
    while end:
        runs.append(atoms[back[end] : end])
        end = back[end]
    return runs[::-1]


def halves(run: Sequence[Atom]) -> tuple[list[Atom], list[Atom]]:
    """Cut a run of two atoms or more in two, at the best place near its middle."""
    half = sum(atom.tokens for atom in run) / 2 or 1
    before, at, least = 0, 1, math.inf
    for i in range(1, len(run)):
        before += run[i - 1].tokens
        price = run[i].cut + abs(before - half) / half
        if price < least:
            at, least = i, price
    return list(run[:at]), list(run[at:])


def _cost(share: float, even: float) -> float:
    stub = _STUB * (1 - share / _SMALL / 2) if share < _SMALL else 0.0
    return 1 + (share - even) ** 2 + stub


def _needed(atoms: Sequence[Atom], limit: int) -> int:
    """The number of runs if each is filled as far as possible."""
    runs, size = 1, 0
    for i, atom in enumerate(atoms):
        if i and size + atom.tokens + atom.trail_tokens > limit:
            runs, size = runs + 1, atom.lead_tokens
        size += atom.tokens
    return runs


def _merged(atoms: Sequence[Atom], limit: int) -> list[Atom]:
    """Join tiny atoms in place, which bounds how many atoms make a fragment."""
    found: list[Atom] = []
    for atom in atoms:
        last = found[-1] if found else None
        # Good places to cut are given up only for the tiniest.
        most = limit // 32 if atom.cut < 0.1 else limit // 16
        if last and not (last.row or atom.row) and last.tokens + atom.tokens <= most:
            last.end = atom.end
            last.tokens += atom.tokens
            last.trail, last.trail_tokens = atom.trail, atom.trail_tokens
            last.forced |= atom.forced
        else:
            found.append(atom)
    return found
