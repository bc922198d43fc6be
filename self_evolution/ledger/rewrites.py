"""Rewrites: texts of fragments in other words, which are trained on beside pairs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from self_evolution.ledger.database import IDS, Part, among
from self_evolution.ledger.pairs import TrainedPair
from self_evolution.records import Rewrite


@dataclass(frozen=True, slots=True)
class RewriteCounts:
    """How many rewrites of a kind were written, and kept; `reasons` says why the others were not,
    the most frequent reason first."""

    kind: str
    written: int
    kept: int
    reasons: dict[str, int]


class Rewrites(Part):
    """A rewrite is live while its fragment may be trained on, and none of its pairs is in doubt."""

    def written(self) -> Iterator[tuple[str, int]]:
        """(fragment, number of its rewrites that are there already)."""
        return iter(self._db.execute("SELECT fragment_id, count(*) FROM rewrite GROUP BY 1"))

    def of_fragments(self, ids: Sequence[str]) -> dict[str, list[Rewrite]]:
        """{fragment: its rewrites in the order of writing} for each of `ids`."""
        found: dict[str, list[Rewrite]] = {id: [] for id in ids}
        tail = f"WHERE fragment_id IN {IDS} ORDER BY fragment_id, sample"
        for row in self._db.stream(Rewrite, tail, (among(ids),)):
            found[row.fragment_id].append(row)
        return found

    def get(self, ids: Sequence[str]) -> list[Rewrite]:
        """Rewrites in the order of `ids`."""
        return self._db.by_id(Rewrite, ids)

    def live(self) -> list[str]:
        """The rewrites that may be trained on."""
        return list(self._db.column("SELECT id FROM live_rewrite ORDER BY id"))

    def selected(self, generation: int) -> list[Rewrite]:
        """The rewrites of a selection, in its order, but those that are not live any more."""
        query = """SELECT rewrite_id FROM selection WHERE generation = ?
                   AND rewrite_id IN (SELECT id FROM live_rewrite) ORDER BY position"""
        return self.get(list(self._db.column(query, (generation,))))

    def counts(self) -> list[RewriteCounts]:
        """A row for each kind, in the order of writing."""
        query = """SELECT kind, reason, count(*) AS n, min(sample) FROM rewrite
                   GROUP BY 1, 2 ORDER BY n DESC, reason"""
        rows = self._db.execute(query).fetchall()
        first: dict[str, int] = {}
        for kind, _, _, sample in rows:
            first[kind] = min(sample, first.get(kind, sample))
        return [
            RewriteCounts(
                kind,
                sum(n for one, _, n, _ in rows if one == kind),
                sum(n for one, reason, n, _ in rows if one == kind and reason is None),
                {reason: n for one, reason, n, _ in rows if one == kind and reason},
            )
            for kind in sorted(first, key=lambda kind: (first[kind], kind))
        ]

    def trained(self) -> list[TrainedPair]:
        """All rewrites that any generation was trained on, in the order of generations."""
        query = """SELECT r.id, r.generation, r.fragment_id, r.prompt, r.text,
                     json_group_array(DISTINCT s.generation),
                     r.id IN (SELECT id FROM live_rewrite)
                   FROM selection s JOIN rewrite r ON r.id = s.rewrite_id
                   GROUP BY r.id ORDER BY r.generation, r.id"""
        return [
            TrainedPair(
                id,
                generation,
                "rewrite",
                fragment,
                prompt,
                text,
                tuple(sorted(json.loads(trained))),
                bool(live),
            )
            for id, generation, fragment, prompt, text, trained, live in self._db.execute(query)
        ]
