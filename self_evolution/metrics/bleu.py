"""Sentence BLEU-4 over characters, as published with Self-Evolution (arXiv 2408.12247)."""

from __future__ import annotations

from self_evolution.metrics.metric import Metric, Pair


def bleu_4(pair: Pair) -> float:
    """BLEU-4 of one pair in percent, NLTK's smoothing method 3; 0 where either text is empty.

    Every character counts, spaces and line breaks too. Papineni et al. 2002; smoothing from
    Chen and Cherry 2014 (the NIST geometric sequence).
    """
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

    score = sentence_bleu(
        [list(pair.reference)],
        list(pair.prediction),
        smoothing_function=SmoothingFunction().method3,
    )
    return 100.0 * float(score)


BLEU_4 = Metric("bleu-4", ("chars", "smooth:method3"), bleu_4, libraries=("nltk",))
