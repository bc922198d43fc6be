"""This program against others on the same work and weights, as ratios of CPU time on one thread.

    python -m benchmarks.peers [--turns 3] [--parts ifd generation evaluation step wide-step]

The weights are random, made here; so no model is needed, and quality is no subject. All ways of a
part take turns. Printed for each: the median of its seconds, and how many times as fast as the peer
it is (median and range over the turns), beside the target.

- ifd: the IFD of pairs, one pair at a time with transformers' own loss (as published), against
  scoring here; vocabulary of 151,936, 6 layers of 256.
- generation: transformers' pipeline in batches of 6, against asking here; eight prompts share a
  fragment. 27 million weights.
- evaluation: the questions of an evaluation (from memory, with search, with the right passage) one
  prompt at a time, against here, where equal prompts are asked once. The same weights.
- step, wide-step: a step of TRL's SFT trainer (loss on the completion alone, float32, the same
  micro-batches) against a step here; the second with the weights of `ifd`. They need `pip install
  trl` and are left out without it.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from benchmarks.peers_models import SMALL, WIDE, engine, model, tokens
from benchmarks.peers_steps import Ways, step, wide_step
from self_evolution import miniature
from self_evolution.config import Score
from self_evolution.models import SamplingParams
from self_evolution.models.ifd import by_tokens
from self_evolution.models.protocols import Row
from self_evolution.models.transformers_engine import TransformersEngine
from self_evolution.records import Message

REPLY = SamplingParams(0.0, 1.0, 32)


# -- IFD -----------------------------------------------------------------------------------------


def ifd(folder: Path) -> tuple[str, Ways]:
    """Pairs of 40 and 120 to 180 tokens."""
    torch.manual_seed(1)
    pairs: list[Row] = [(tokens(40), tokens(120 + 5 * i)) for i in range(12)]
    pairs = [
        (question, [int(i) for i in torch.randint(10, WIDE["vocab_size"], (len(answer),))])
        for question, answer in pairs
    ]
    engines = {dtype: engine(folder, dtype) for dtype in ("float32", "bfloat16")}

    def published(base: Any) -> list[float]:
        def loss(prompt: Sequence[int], answer: Sequence[int]) -> float:
            ids = torch.tensor([[*prompt, *answer]])
            labels = torch.tensor([[-100] * len(prompt) + list(answer)])
            with torch.inference_mode():
                return float(base(input_ids=ids, labels=labels, use_cache=False).loss)

        return [loss(question, a) / loss([1], a) for question, a in pairs]

    def ours(one: TransformersEngine) -> list[float]:
        def losses(rows: Sequence[Row]) -> list[float]:
            found = [0.0] * len(rows)
            sizes = [len(prompt) + len(answer) for prompt, answer in rows]
            for places in by_tokens(sizes, Score().batch_tokens):
                for i, value in zip(
                    places, one.nll([rows[i] for i in places], "base"), strict=True
                ):
                    found[i] = value
            return found

        alone = losses([([1], answer) for _, answer in pairs])
        return [given / own for given, own in zip(losses(pairs), alone, strict=True)]

    ways: Ways = {"published": lambda: published(engines["float32"].base)}
    ways["published, bfloat16"] = lambda: published(engines["bfloat16"].base)
    ways["here, float32"] = lambda: ours(engines["float32"])
    ways["here, bfloat16"] = lambda: ours(engines["bfloat16"])
    return "at least 3 in bfloat16, the same IFD to 1e-2", ways


# -- generation and evaluation -------------------------------------------------------------------


def asked(fragments: int, each: int) -> list[list[Message]]:
    """`each` questions about each fragment of some 400 tokens, the fragment first. No two questions
    are alike, because equal prompts are answered once here."""
    pages = sorted(path for path in miniature.HANDBOOK.rglob("*") if path.is_file())
    words = " ".join(page.read_text(encoding="utf-8") for page in pages).split()
    texts = [" ".join(words[130 * i : 130 * (i + 1)]) for i in range(fragments)]
    questions = [
        f"What is the {word} of it?" for word in [*dict.fromkeys(words)][-each * fragments :]
    ]
    return [
        [{"role": "user", "content": f"{texts[i // each]}\n\n{question}"}]
        for i, question in enumerate(questions)
    ]


def pipeline(one: TransformersEngine, size: int) -> Callable[[Sequence[Sequence[Message]]], Any]:
    """Transformers' pipeline with the same weights, in batches of that size."""
    tokenizer = one.chat.tokenizer
    tokenizer.padding_side = "left"
    pipe = transformers.pipeline("text-generation", model=one.base, tokenizer=tokenizer)
    how = transformers.GenerationConfig(
        max_new_tokens=REPLY.max_tokens, do_sample=False, pad_token_id=0, use_cache=True
    )

    def ask(chats: Sequence[Sequence[Message]]) -> Any:
        with torch.inference_mode():
            return pipe(
                [tokenizer.decode(one.prompt_ids(chat)) for chat in chats],
                batch_size=size,
                generation_config=how,
                add_special_tokens=False,
                return_full_text=False,
            )

    return ask


def here(one: TransformersEngine, chats: Sequence[Sequence[Message]]) -> Any:
    one.begin_batch()
    return one.generate(chats, REPLY, 0, "base")


def generation(folder: Path) -> tuple[str, Ways]:
    chats = asked(4, 8)
    full, rounded = engine(folder), engine(folder, "bfloat16")
    six = pipeline(full, 6)
    ways: Ways = {"pipeline, batch 6": lambda: six(chats)}
    ways["here, float32"] = lambda: here(full, chats)
    ways["here, bfloat16"] = lambda: here(rounded, chats)
    return "at least 3", ways


def evaluation(folder: Path) -> tuple[str, Ways]:
    """Questions from memory, with the passage that search finds, and with the right one: here
    search has found the right one for each."""
    with_passage = asked(2, 8)
    closed = [
        [{"role": "user", "content": chat[0]["content"].split("\n\n")[-1]}] for chat in with_passage
    ]
    tasks: list[list[list[Message]]] = [closed, with_passage, with_passage]  # type: ignore[list-item]
    full, rounded = engine(folder), engine(folder, "bfloat16")
    single = pipeline(full, 1)

    def ours(one: TransformersEngine) -> None:
        before: set[str] = set()
        for chats in tasks:
            new = [chat for chat in chats if str(chat) not in before]
            before |= {str(chat) for chat in new}
            if new:
                here(one, new)

    ways: Ways = {"batch 1": lambda: [single(chats) for chats in tasks]}
    ways["here, float32"] = lambda: ours(full)
    ways["here, bfloat16"] = lambda: ours(rounded)
    return "at least 5", ways


PARTS = {
    "ifd": (ifd, WIDE),
    "generation": (generation, SMALL),
    "evaluation": (evaluation, SMALL),
    "step": (step, SMALL),
    "wide-step": (wide_step, WIDE),
}


def measure(name: str, ways: Ways, turns: int) -> Iterator[str]:
    """Yield a line for each way; the first is the peer of the others."""
    taken: dict[str, list[float]] = defaultdict(list)
    results: dict[str, Any] = {}
    for _ in range(turns):
        for way, do in ways.items():
            start = time.process_time()
            results[way] = do()
            whole = time.process_time() - start
            taken[way].append(results[way][0] if name.endswith("step") else whole)
    peer = next(iter(ways))
    for way, mine in taken.items():
        ratios = [a / b for a, b in zip(taken[peer], mine, strict=True)]
        yield (
            f"  {way:<22}{statistics.median(mine):8.2f} s  {statistics.median(ratios):6.2f} times "
            f"({min(ratios):.2f} to {max(ratios):.2f}){_apart(name, results[peer], results[way])}"
        )


def _apart(name: str, peer: Any, mine: Any) -> str:
    if name == "ifd":
        largest = max(abs(a - b) for a, b in zip(peer, mine, strict=True))
        return f"  largest difference {largest:.1e}"
    if name.endswith("step"):
        return f"  loss {mine[1]:.5f} to {mine[2]:.5f}"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.parts:
            if name.endswith("step") and importlib.util.find_spec("trl") is None:
                print(f"{name}: left out, because TRL is not installed; pip install trl")
                continue
            make, numbers = PARTS[name]
            target, ways = make(model(Path(scratch) / str(numbers["vocab_size"]), numbers))
            print(f"{name} (target: {target})", flush=True)
            for line in measure(name, ways, options.turns):
                print(line, flush=True)


if __name__ == "__main__":
    main()
