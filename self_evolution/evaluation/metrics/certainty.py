"""Metrics of certainty: whether an answer declines, or asserts something wrong."""

from __future__ import annotations

import re

from self_evolution.evaluation.metrics.exact_match import known_values, states_foreign_values
from self_evolution.evaluation.metrics.metric import Graded, Metric
from self_evolution.text.script import is_cjk
from self_evolution.text.values import extract_values, stands_in

_DECLINING = re.compile(
    r"""
    \bI[ ](?:am|'m|’m)[ ](?:not[ ](?:sure|certain|aware)|sorry|afraid|unable)\b
    | \b(?:do|does|did)(?:[ ]not|n['’]t)[ ](?:\w+[ ])?
      (?:know|recall|remember|mention|specify|state|say|contain|provide)
    | \b(?:do|does|did)(?:[ ]not|n['’]t)[ ]have[ ](?:any[ ]|enough[ ])?info
    | \b(?:can(?:not|[ ]not|['’]t)|could(?:[ ]not|n['’]t)|unable[ ]to|not[ ]able[ ]to)[ ](?:
      answer|find|determine|tell|say|provide|confirm|help)
    | \b(?:is|are|was|were)(?:[ ]not|n['’]t)[ ](?:
      mentioned|specified|stated|given|provided|known|available|clear)
    | \bno[ ](?:information|mention|data|details?|answer)\b
    | \b(?:unknown|unclear)\b | \bno[ ]idea\b
    | 不(?:知道|清楚|确定|了解|明确|详)
    | (?:无法|不能|难以)(?:回答|确定|确认|得知|提供|判断|找到|给出)
    | (?:没有|未|并未)(?:明确)?(?:提及|提到|说明|给出|提供|找到|指定|包含)
    | (?:没有|缺乏|无)(?:相关|足够的?|具体)(?:的)?(?:信息|内容|资料|数据) | 抱歉|对不起
    """,
    re.VERBOSE | re.IGNORECASE,
)


def declines(pair: Graded) -> bool:
    """Whether the answer is blank, or says that it does not know and states no value of its own.

    "I am not sure, but it is 48" does not decline.
    """
    if not pair.prediction.strip():
        return True
    if not _DECLINING.search(pair.prediction):
        return False
    said, about = pair.prediction, pair.about
    stated: list[str] = [*extract_values(said, cjk=is_cjk(about), about=about)]
    stated += [value for value in pair.values or () if stands_in(value, said, about)]
    return all(stands_in(value, pair.question, about) for value in stated)


def abstention(pair: Graded) -> float:
    """100 for an answer that declines, else 0."""
    return 100.0 if declines(pair) else 0.0


def confident_error(pair: Graded) -> float | None:
    """100 for an answer that asserts something wrong, else 0; None for a reference without values.

    It asserts something wrong if it does not decline, and states a value that neither reference
    nor question has, or none of the reference's.
    """
    values = known_values(pair)
    if not values:
        return None
    if declines(pair):
        return 0.0
    none_right = not any(stands_in(value, pair.prediction, pair.about) for value in values)
    return 100.0 if none_right or states_foreign_values(pair) else 0.0


ABSTENTION = Metric("abstention", ("phrases:en+zh", "blank:yes"), abstention, revision=2, aim="low")
CONFIDENT_ERROR = Metric(
    "confident-error", ("values", "phrases:en+zh"), confident_error, revision=4, aim="low"
)
