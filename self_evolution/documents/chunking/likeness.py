"""Near-duplicates: texts that say nothing which an earlier text does not say as well."""

from __future__ import annotations

import re
import zlib
from collections import Counter, OrderedDict
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from self_evolution.text import wording
from self_evolution.text.wording import Wording, says_nothing_new

_SLOTS = 1 << 22
_RARE = 32
"""A key that more texts than this share identifies none of them, and is not followed."""
_LOOKED_AT = 12
"""The number of a text's rarest keys by which an earlier text is looked for."""
_CANDIDATES = 16
_LETTERS = 3
_PAIRS = 8
"""The most long words and pairs of characters that no earlier text has: slips, and ends of a
cut."""

Keys = npt.NDArray[np.int64]

_SINGLE = np.zeros(0x110000, np.bool_)
for _first, _last in re.findall("(.)-(.)", wording.SINGLE):
    _SINGLE[ord(_first) : ord(_last) + 1] = True


class NearDuplicates:
    """Finds, for each text in turn, an earlier text that already says all of it.

    A text can only be a near-duplicate of one that has all its words. So each text is filed under
    its words (pairs of characters in scripts without spaces, and the whole text without its
    layout), and looked for under the rarest of them; a word that no earlier text has ends the
    search. Texts from a template share all words but one. MinHash would call all of them alike, and
    take quadratic time. The texts found are compared word for word by `wording.says_nothing_new`;
    at least `threshold` of the shingles of three words in either text must be in both. The same
    texts in the same order give the same result everywhere.

    `fetch` gives the text of an id that was remembered; without it, texts are kept in memory.
    """

    def __init__(self, threshold: float = 0.8, fetch: Callable[[str], str] | None = None) -> None:
        self._threshold = threshold
        self._texts: dict[str, str] = {}
        self._fetch = fetch or self._texts.__getitem__
        self._keep = fetch is None
        self._ids: list[str] = []
        self._sizes = np.zeros(1024, np.int32)
        self._count = np.zeros(_SLOTS, np.uint8)  # texts that have a key, up to _RARE + 1
        self._head = np.zeros(_SLOTS, np.int32)  # the newest entry of a key, 0 for none
        self._owner = np.zeros(4096, np.int32)  # an entry's text, and the entry before it
        self._before = np.zeros(4096, np.int32)
        self._entries = 1
        self._recent: OrderedDict[int, Wording] = OrderedDict()

    def first_like(self, id: str, text: str) -> str | None:
        """The id of an earlier text of which this is a near-duplicate.

        Otherwise None, and this text is remembered.
        """
        hard, letters, pairs, whole = _keys(text)
        soft = np.concatenate([letters, pairs, whole])
        keys = _distinct(np.concatenate([hard, soft]))
        if self._may_be_old(hard, letters, pairs):
            candidates = self._candidates(hard, soft, len(keys))
            if candidates:
                later = wording.wording(text)
                for at in candidates:
                    if self._like(later, self._wording(at)):
                        return self._ids[at]
        self._remember(id, text, keys)
        return None

    def remember(self, id: str, text: str) -> None:
        """Remember a text that existed before, without looking for an earlier one."""
        self._remember(id, text, np.unique(np.concatenate(_keys(text))))

    def _may_be_old(self, hard: Keys, letters: Keys, pairs: Keys) -> bool:
        return (
            bool(self._count[hard].all())
            and int((self._count[letters] == 0).sum()) <= _LETTERS
            and int((self._count[pairs] == 0).sum()) <= _PAIRS
        )

    def _candidates(self, hard: Keys, soft: Keys, size: int) -> list[int]:
        """Return earlier texts with the rarest words and most of the rarest pairs, in order."""
        must, hard_votes = self._votes(hard)
        may, votes = self._votes(soft)
        found = [
            (-votes[at], at)
            for at in (hard_votes or votes)
            if hard_votes[at] == must
            and votes[at] >= may - 4
            and size - 12 <= self._sizes[at] <= 1.5 * (size + 12) / self._threshold
        ]
        return sorted(at for _, at in sorted(found)[:_CANDIDATES])

    def _votes(self, keys: Keys) -> tuple[int, Counter[int]]:
        """Count the keys that are followed, and how many of these each earlier text has."""
        keys = _distinct(keys)
        counts = self._count[keys]
        followed = np.flatnonzero((counts > 0) & (counts <= _RARE))
        followed = followed[np.argsort(counts[followed], kind="stable")][:_LOOKED_AT]
        votes: Counter[int] = Counter()
        for key in keys[followed].tolist():
            entry = int(self._head[key])
            while entry:
                votes[int(self._owner[entry])] += 1
                entry = int(self._before[entry])
        return len(followed), votes

    def _like(self, later: Wording, earlier: Wording) -> bool:
        if later.words == earlier.words and later.items == earlier.items:
            return bool(later.words) or later.shown == earlier.shown
        return says_nothing_new(later, earlier) and (
            wording.jaccard(later.words, earlier.words) >= self._threshold
        )

    def _wording(self, at: int) -> Wording:
        found = self._recent.pop(at, None) or wording.wording(self._fetch(self._ids[at]))
        self._recent[at] = found
        if len(self._recent) > 64:
            self._recent.popitem(last=False)
        return found

    def _remember(self, id: str, text: str, keys: Keys) -> None:
        at = len(self._ids)
        self._ids.append(id)
        if self._keep:
            self._texts[id] = text
        self._sizes = _room(self._sizes, at + 1)
        self._sizes[at] = len(keys)
        filed = keys[self._count[keys] <= _RARE]
        self._count[filed] += 1
        filed = filed[self._count[filed] <= _RARE]
        end = self._entries + len(filed)
        self._owner, self._before = _room(self._owner, end), _room(self._before, end)
        self._owner[self._entries : end] = at
        self._before[self._entries : end] = self._head[filed]
        self._head[filed] = np.arange(self._entries, end)
        self._entries = end


def _room(array: npt.NDArray[np.int32], size: int) -> npt.NDArray[np.int32]:
    """Return `array`, a quarter longer than before if it is shorter than `size`."""
    if size <= len(array):
        return array
    return np.concatenate([array, np.zeros(size // 4 + size - len(array), np.int32)])


def _keys(text: str) -> tuple[Keys, Keys, Keys, Keys]:
    """Slots of the words that must be the same, of long words, of pairs, and of the whole."""
    text = wording.MARKER.sub("", wording.shown(text)).casefold()
    words = wording.WORD.findall(text)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    codes = codes[_SINGLE[codes]].astype(np.uint64)
    pairs = codes[:-1] * np.uint64(0x9E3779B97F4A7C15) + codes[1:] * np.uint64(0xC2B2AE3D27D4EB4F)
    whole = zlib.crc32(codes.tobytes(), _hash(" ".join(words)))
    different = set(words)
    soft = {word for word in different if len(word) > 7 and wording.slippable(word)}
    soft.update(words[-1:])  # it may be cut off
    return (
        _slots(different - soft),
        _slots(soft),
        (pairs >> np.uint64(40)).astype(np.int64) % _SLOTS,
        np.array([whole % _SLOTS], np.int64),
    )


def _slots(words: set[str]) -> Keys:
    return np.fromiter(map(_hash, words), np.int64, len(words)) % _SLOTS


def _hash(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))


def _distinct(keys: Keys) -> Keys:
    """Sorted, each one once; for a thousand of them faster than np.unique."""
    keys = np.sort(keys)
    return keys[np.append(True, keys[1:] != keys[:-1])] if len(keys) else keys
