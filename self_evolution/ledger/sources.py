"""The places in the documents that test questions come from."""

from __future__ import annotations

import json
import re
import string
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from self_evolution.ledger.database import IDS, Part, among
from self_evolution.records import Item

_WRAPPED = re.compile(r"(?<!\n)\n(?![^\S\n]*\n)")
_IDLE = string.punctuation + string.whitespace + "\u00a0\u3000“”‘’「」『』（）《》〈〉【】、…—–·•"
_PLAIN = str.maketrans("。．！？；：，!?;|", "\n" * 11, "".join(set(_IDLE) - set("\n!?;|")))
SHORTEST = 8
"""A sentence with fewer letters and digits than this does not identify its source."""

ENOUGH = 0.5
"""The share of the shorter text, passage or fragment, that must be in both."""


class Source(NamedTuple):
    """The fragment behind a test question. `path`: where its document is now."""

    fragment_id: str
    document_id: str
    path: str
    heading: tuple[str, ...]
    page: int | None


class Sources(Part):
    """Queries on sources. A built item names its fragment; another item's is found by its
    passage."""

    def built(self, items: Iterable[Item]) -> dict[str, Source]:
        """{item id: its source} of the items that know their fragment."""
        return self._described({item.id: item.fragment_id for item in items if item.fragment_id})

    def find(self, items: Sequence[Item]) -> dict[str, Source]:
        """{item id: its source} of the items that can be placed."""
        known = {item.id: item.fragment_id for item in items if item.fragment_id}
        return self._described(known | self._found(items))

    def note(self, items: Sequence[Item]) -> None:
        """Store where items are found, so that `find` only reads the fragments that came since."""
        found = self._found(items)
        places = {item.id: found.get(item.id) for item in items if not item.fragment_id}
        fragments = int(self._db.one("SELECT coalesce(max(number) + 1, 0) FROM fragment"))
        self._db.set_meta("placed", {"fragments": fragments, "places": places})

    def _found(self, items: Sequence[Item]) -> dict[str, str]:
        """{item id: fragment id} of the items that do not know their fragment."""
        noted = self._db.meta("placed") or {"fragments": 0, "places": {}}
        places = noted["places"]
        passages = {item.id: item.passage for item in items if not item.fragment_id}
        new, known = passages.keys() - places.keys(), passages.keys() & places.keys()
        found: dict[str, str] = {}
        # What fits a noted item best is its place, or one of the fragments that came since.
        for ids, since in ((new, 0), (known, noted["fragments"])):
            others = {places[id] for id in ids if places.get(id)}
            there = self.placed({passages[id] for id in ids}, since, others)
            found |= {id: there[passages[id]] for id in ids if passages[id] in there}
        return found

    def placed(
        self, passages: Iterable[str], since: int = 0, others: Iterable[str] = ()
    ) -> dict[str, str]:
        """{passage: fragment id} of the passages that can be placed.

        A passage belongs to the fragment that shares most of its sentences, if these are at least
        half of the shorter text. So it is found where it equals a fragment, contains one, is part
        of one, or was cut elsewhere. Each fragment's text is read once.

        Only the fragments from the number `since` on are looked at, and the `others` before them.
        """
        wanted = {passage for passage in passages if passage.strip()}
        found = self._placed(wanted, since, others, wrapped=False)
        # Lines may be broken elsewhere, in the middle of sentences.
        return found | self._placed(wanted - found.keys(), since, others, wrapped=True)

    def _placed(
        self, passages: Iterable[str], since: int, others: Iterable[str], wrapped: bool
    ) -> dict[str, str]:
        """{passage: fragment id} of the passages that are found."""
        sizes: dict[str, int] = {}
        index: dict[str, list[str]] = defaultdict(list)
        for passage in sorted(passages):
            sentences = _sentences(passage, wrapped)
            sizes[passage] = sum(map(len, sentences))
            for sentence in sentences:
                index[sentence].append(passage)
        best: dict[str, tuple[int, int, str]] = {}
        if not index:
            return {}
        query = """SELECT id, text FROM fragment
                   WHERE duplicate IS NOT 'exact' AND {} ORDER BY number"""
        earlier = self._db.execute(query.format(f"id IN {IDS}"), (among(others),))
        for id, text in chain(earlier, self._db.execute(query.format("number >= ?"), (since,))):
            sentences = _sentences(text, wrapped)
            if not index.keys().isdisjoint(sentences):
                size = sum(map(len, sentences))
                for passage, common in _common(index, sentences).items():
                    # The most in common; among equals the smallest, then the first.
                    rank = (common, -size, id)
                    enough = common >= ENOUGH * min(size, sizes[passage])
                    if enough and (passage not in best or rank[:2] > best[passage][:2]):
                        best[passage] = rank
        return {passage: id for passage, (_, _, id) in best.items()}

    def _described(self, wanted: Mapping[str, str]) -> dict[str, Source]:
        """{item id: the source} from {item id: fragment id}."""
        moved = self._db.meta("moved") or {}
        query = f"""SELECT f.id, f.document_id, d.path, f.heading, f.page FROM fragment f
                    JOIN document d ON d.id = f.document_id WHERE f.id IN {IDS}"""
        found: dict[str, Source] = {}
        for id, document, path, heading, page in self._db.execute(
            query, (among(set(wanted.values())),)
        ):
            path = moved.get(document, path)
            found[id] = Source(id, document, path, tuple(json.loads(heading)), page)
        return {id: found[fragment] for id, fragment in wanted.items()}


def _sentences(text: str, wrapped: bool) -> set[str]:
    """Letters and digits of each sentence, line or cell, without short ones.

    `wrapped`: single line ends do not end a sentence. A text without sentences counts as one.
    """
    if wrapped:
        text = _WRAPPED.sub(" ", text)
    parts = text.replace(". ", "\n").translate(_PLAIN).split("\n")
    return {part for part in parts if len(part) >= SHORTEST} or {"".join(parts)} - {""}


def _common(index: Mapping[str, list[str]], sentences: set[str]) -> dict[str, int]:
    """{passage: number of letters of its sentences that are among these}."""
    shared: dict[str, int] = defaultdict(int)
    for sentence in sentences & index.keys():
        for passage in index[sentence]:
            shared[passage] += len(sentence)
    return shared
