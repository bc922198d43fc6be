"""Chinese word segmentation by jieba, without its log, its warnings and its cache file."""

from __future__ import annotations

import warnings
from functools import cache, lru_cache
from typing import Any


@cache
def _tokenizer() -> Any:
    with warnings.catch_warnings():
        # jieba 0.42.1 imports pkg_resources and writes regular expressions in plain strings;
        # both warn, and neither is ours to mend.
        warnings.simplefilter("ignore")
        import jieba

    # An instance of our own, filled by hand: user words added to jieba's global one elsewhere
    # cannot change a score, nothing is logged, and no dictionary is unmarshalled from the
    # temporary directory, where any user of the machine could have left it.
    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return tokenizer


# The metrics ask for the same two texts one after the other, and segmentation is what costs.
@lru_cache(maxsize=64)
def cut(text: str) -> tuple[str, ...]:
    """The words of `text` in order, in jieba's accurate mode with its hidden Markov model.

    Spaces, line breaks and punctuation are words too: joined, they give `text` again. The
    first call of a process reads the dictionary, about a second.
    """
    return tuple(_tokenizer().cut(text))
