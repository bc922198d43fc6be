"""All metrics with their intervals on many predictions: time and memory of one process.

    python benchmarks/metrics.py [--predictions 10000] [--documents 1000] [--resamples 10000]

Invented answers of about 150 Chinese characters with numbers, codes and steps, each beside a
reference that shares half of its clauses. Prints JSON: wall-clock and CPU seconds, of the metrics
and of the intervals, and the peak resident memory in MB.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

from self_evolution.evaluation.metrics import METRICS
from self_evolution.evaluation.metrics.aggregate import intervals
from self_evolution.evaluation.metrics.metric import Graded

CLAUSES = (
    "首先在导航菜单中选择运营管理，打开产品目录页面",
    "点击{code}操作列的规格管理按钮，弹出导入文件对话框",
    "如果设置了父部门审批，订单会提交给父部门的管理员审核",
    "等待{number}秒后检查{code}网元的告警状态是否恢复",
    "将参数{code}的取值设为{number} ms，默认值为{other} ms",
    "在左侧资源列表中选择需要分配操作集的资源，点击“下一步”",
    "确认光模块收光功率不低于-{number} dBm，否则更换尾纤",
    "联系技术支持工程师，并提供日志文件/var/log/{code}.log",
    "重新启动{code}服务，版本应为V{number}.{other}",
    "系统会根据预先设定的规则依次将订单提交给相关角色",
)


def pair(rng: random.Random) -> Graded:
    """A prediction and a reference of six clauses each, of which they share about half."""
    chosen = rng.sample(CLAUSES, 6)
    reference = [_filled(rng, clause) for clause in chosen]
    predicted = [
        text if rng.random() < 0.5 else _filled(rng, rng.choice(CLAUSES)) for text in reference
    ]
    question = f"如何处理{_filled(rng, '{code}')}网元上编号为{rng.randrange(9999)}的告警？"
    return Graded("，".join(predicted) + "。", "。".join(reference) + "。", question)


def _filled(rng: random.Random, clause: str) -> str:
    code = f"{rng.choice('ABCKX')}{rng.choice('FNPTX')}-{rng.randrange(10, 99)}"
    return clause.format(code=code, number=rng.randrange(1, 90), other=rng.randrange(1, 90))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--predictions", type=int, default=10_000)
    parser.add_argument("--documents", type=int, default=1_000)
    parser.add_argument("--resamples", type=int, default=10_000)
    options = parser.parse_args()
    rng = random.Random(0)
    pairs = [pair(rng) for _ in range(options.predictions)]
    clusters = [rng.randrange(options.documents) for _ in pairs]
    start, cpu = time.perf_counter(), time.process_time()
    scores: dict[str, list[float | None]] = {name: [] for name in METRICS}
    for one in pairs:
        for name, metric in METRICS.items():
            scores[name].append(metric.compute(one))
    middle, middle_cpu = time.perf_counter(), time.process_time()
    found = intervals(scores, clusters, METRICS, resamples=options.resamples)
    end, end_cpu = time.perf_counter(), time.process_time()
    unit = 2**20 if sys.platform == "darwin" else 2**10
    report = {
        "characters": round(
            sum(len(p.prediction) + len(p.reference) for p in pairs) / 2 / len(pairs)
        ),
        "seconds": {"metrics": round(middle - start, 1), "intervals": round(end - middle, 1)},
        "cpu": {"metrics": round(middle_cpu - cpu, 1), "intervals": round(end_cpu - middle_cpu, 1)},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit,
        "scores": {n: f"{i.mean:.2f} [{i.low:.2f}–{i.high:.2f}]" for n, i in found.items()},
    }
    print(json.dumps(report, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
