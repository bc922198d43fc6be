"""BLEU and chrF by sacrebleu, whose numbers others report (Post 2018; Popović 2015)."""

from __future__ import annotations

from functools import cache
from typing import Any

from self_evolution.metrics.metric import Metric, Pair
from self_evolution.metrics.script import is_cjk


@cache
def _bleu(tokenizer: str) -> Any:
    from sacrebleu.metrics import BLEU

    return BLEU(tokenize=tokenizer, effective_order=True)


@cache
def _chrf() -> Any:
    from sacrebleu.metrics import CHRF

    return CHRF()


def sacrebleu(pair: Pair) -> float:
    """Sentence BLEU in percent; 0 where either text is blank.

    The reference decides whether the tokens are those of Chinese (`zh`) or of others (`13a`).
    Orders for which the prediction is too short are left out, as sacrebleu advises for sentences.
    """
    if not pair.prediction.strip() or not pair.reference.strip():
        return 0.0
    metric = _bleu("zh" if is_cjk(pair.reference) else "13a")
    return float(metric.sentence_score(pair.prediction, [pair.reference]).score)


def chrf(pair: Pair) -> float:
    """Sentence chrF2 in percent, of character n-grams up to 6, white space aside; 0 for blanks."""
    return float(_chrf().sentence_score(pair.prediction, [pair.reference]).score)


SACREBLEU = Metric(
    "sacrebleu",
    ("sentence", "tok:zh-or-13a", "smooth:exp", "eff:yes"),
    sacrebleu,
    libraries=("sacrebleu",),
)
CHRF = Metric("chrf", ("sentence", "nc:6", "nw:0", "beta:2"), chrf, libraries=("sacrebleu",))
