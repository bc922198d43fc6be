"""Counts by name and by a column, such as the reason and the generation."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Column = TypeVar("Column", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Counts(Generic[Column]):
    """`names` in order of their totals, the largest first; `cells[name, column]`."""

    names: tuple[str, ...]
    cells: dict[tuple[str, Column], int]

    def total(self, name: str) -> int:
        return sum(n for (one, _), n in self.cells.items() if one == name)


def counts(rows: Iterable[tuple[Column, str, int]], first: str = "") -> Counts[Column]:
    """Count `rows` of (column, name, number). The name `first` comes before all others."""
    cells = {(name, column): n for column, name, n in rows}
    found = Counts((), cells)
    names = sorted({name for name, _ in cells}, key=lambda n: (n != first, -found.total(n), n))
    return Counts(tuple(names), cells)
