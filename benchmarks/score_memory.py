"""Peak memory of scoring: tiles of the vocabulary against whole logits, on a CPU.

    python benchmarks/score_memory.py [--pairs 64] [--tokens 300] [--vocabulary 151936]

A small random Qwen2 with a large vocabulary, because there the logits are nearly all there is.
Each measurement is a process of its own: the growth of its peak resident memory while it scores.
What would need more than half of the free memory is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time

BUDGETS = (1024, 2048, 4096, 8192)
"""Tokens a batch; `--score.batch-tokens` is 8192 unless told otherwise."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=300, help="question and answer of a pair")
    parser.add_argument("--vocabulary", type=int, default=151_936)
    parser.add_argument("--child", nargs=2, metavar=("PATH", "BUDGET"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        path, budget = options.child
        print(json.dumps(measure(options, path == "tiles", int(budget))))
        return
    print(f"{options.pairs} pairs of {options.tokens} tokens, vocabulary {options.vocabulary:,}")
    print(f"{'tokens a batch':>14}  {'path':<12} {'extra memory':>12}  {'seconds':>7}  {'NLL':>8}")
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for budget in BUDGETS:
        for path in ("tiles", "whole logits"):
            need = 3 * 4 * budget * options.vocabulary  # logits, the answers' part, its softmax
            if path != "tiles" and need > free / 2:
                print(f"{budget:>14,}  {path:<12} {'':>12}  left out: up to {need / 2**30:.0f} GiB")
                continue
            command = [sys.executable, __file__, *sys.argv[1:], "--child", path, str(budget)]
            found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            extra = f"{found['extra'] / 2**20:,.0f} MiB"
            print(f"{budget:>14,}  {path:<12} {extra:>12}  {found['seconds']:>7.1f}", end="")
            print(f"  {found['nll']:>8.5f}", flush=True)


def measure(options: argparse.Namespace, tiled: bool, budget: int) -> dict[str, float]:
    """Score all pairs, a quarter of each one question, by one of the two paths."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from self_evolution.models.ifd import by_tokens
    from self_evolution.models.likelihood import Likelihood

    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=options.vocabulary,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.25,
    )
    likelihood = Likelihood(Qwen2ForCausalLM(config).eval())
    assert likelihood._tiled  # a plain head
    likelihood._tiled = tiled
    ids = torch.randint(options.vocabulary, (options.pairs, options.tokens)).tolist()
    cut = options.tokens // 4
    rows = [(row[:cut], row[cut:]) for row in ids]
    likelihood.nll([(row[:2], row[2:4]) for row in ids[:1]], 0)
    before, start = peak(), time.perf_counter()
    batches = by_tokens([options.tokens] * options.pairs, budget)
    values = [value for batch in batches for value in likelihood.nll([rows[i] for i in batch], 0)]
    return {
        "extra": peak() - before,
        "seconds": time.perf_counter() - start,
        "nll": sum(values) / len(values),
    }


def peak() -> int:
    """The process's highest resident memory so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main()
