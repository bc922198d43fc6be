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
    """How many rewrites of a kind there are, and how many were kept; `reasons` says why the others
    were not, the most frequent reason first. `copied` of them are the fragment word for
    word."""

    kind: str
    written: int
    copied: int
    kept: int
    reasons: dict[str, int]


_COPIED = "r.text = coalesce(f.own, f.text)"
"""A condition on rewrite r and its fragment f: the text is the fragment itself."""


class Rewrites(Part):
    """A rewrite is live while its fragment may be trained on, and none of its pairs is in doubt."""

    def written(self) -> Iterator[tuple[str, int]]:
        """(fragment, number of its rewrites that are there already)."""
        return self._db.each("SELECT fragment_id, count(*) FROM rewrite GROUP BY 1")

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
        query = """SELECT rewrite_id FROM selection s WHERE generation = ?
                   AND EXISTS (SELECT 1 FROM live_rewrite r WHERE r.id = s.rewrite_id)
                   ORDER BY position"""
        return self.get(list(self._db.column(query, (generation,))))

    def counts(self) -> list[RewriteCounts]:
        """A row for each kind, in the order of writing."""
        query = f"""SELECT r.kind, r.reason, count(*) AS n, min(r.sample), sum({_COPIED})
                    FROM rewrite r JOIN fragment f ON f.id = r.fragment_id
                    GROUP BY 1, 2 ORDER BY n DESC, r.reason"""
        rows = self._db.execute(query).fetchall()
        first: dict[str, int] = {}
        for kind, _, _, sample, _ in rows:
            first[kind] = min(sample, first.get(kind, sample))
        return [
            RewriteCounts(
                kind,
                sum(n for one, _, n, _, _ in rows if one == kind),
                sum(copied for one, _, _, _, copied in rows if one == kind),
                sum(n for one, reason, n, _, _ in rows if one == kind and reason is None),
                {reason: n for one, reason, n, _, _ in rows if one == kind and reason},
            )
            for kind in sorted(first, key=lambda kind: (first[kind], kind))
        ]

    def trained(self) -> list[TrainedPair]:
        """All rewrites that any generation was trained on, in the order of generations. The origin
        of one that is the fragment itself is `fragment`."""
        query = f"""SELECT r.id, r.generation, iif({_COPIED}, 'fragment', 'rewrite'),
                      r.fragment_id, r.prompt, r.text, json_group_array(DISTINCT s.generation),
                      EXISTS (SELECT 1 FROM live_rewrite l WHERE l.id = r.id)
                    FROM selection s JOIN rewrite r ON r.id = s.rewrite_id
                      JOIN fragment f ON f.id = r.fragment_id
                    GROUP BY r.id ORDER BY r.generation, r.id"""
        return [
            TrainedPair(
                id,
                generation,
                origin,
                fragment,
                prompt,
                text,
                tuple(sorted(json.loads(trained))),
                bool(live),
            )
            for id, generation, origin, fragment, prompt, text, trained, live in self._db.execute(
                query
            )
        ]
