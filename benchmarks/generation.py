"""Asking, answering and evaluating: this program against transformers' own ways, in CPU time.

    python benchmarks/generation.py FOLDER DOCUMENT [--fragments 4] [--turns 3]

FOLDER has a chat model in safetensors, DOCUMENT is a long text. In turns, on one thread, as CPU
seconds of this process:

- plain: transformers' `generate` in float32, each prompt read by itself, batches of 32
- six: the same in batches of 6, as the pipeline of transformers does it
- float32, bfloat16: this program

The work: four questions about each fragment, each knowing those before it; answers to eight
questions about each fragment; and an evaluation of 16 questions with the book open, against one
prompt at a time. All replies have the same length in all ways (the stop tokens are switched off).
Prints a line for each, with ratios to `plain`: the median and the range over the turns.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from transformers import GenerationConfig

from self_evolution.config import Model, load
from self_evolution.models import SamplingParams
from self_evolution.models.transformers_engine import TransformersEngine
from self_evolution.prompts import Prompts
from self_evolution.records import Message

Prompt = Sequence[Message]
Ask = Callable[[Sequence[Prompt], SamplingParams], list[str]]
QUESTIONS = [f"{word} is it, {way}?" for word in ("What", "Where", "When", "Who") for way in "ab"]
REPLY = 32
"""Tokens of each reply."""


def plain(engine: TransformersEngine, size: int) -> Ask:
    """Transformers' own way, in batches of that size."""

    def ask(prompts: Sequence[Prompt], params: SamplingParams) -> list[str]:
        texts: list[str] = []
        for start in range(0, len(prompts), size):
            rows = [engine.prompt_ids(prompt) for prompt in prompts[start : start + size]]
            longest = max(map(len, rows))
            ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
            mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
            how = GenerationConfig(
                max_new_tokens=params.max_tokens,
                do_sample=params.temperature > 0,
                temperature=params.temperature or None,
                top_p=params.top_p,
                top_k=0,
                pad_token_id=0,
                use_cache=True,
            )
            with torch.inference_mode():
                output = engine.base.generate(
                    input_ids=ids, attention_mask=mask, generation_config=how
                )
            texts += engine.chat.tokenizer.batch_decode(output[:, longest:])
        return texts

    return ask


def own(engine: TransformersEngine) -> Ask:
    def ask(prompts: Sequence[Prompt], params: SamplingParams) -> list[str]:
        return [reply.text for reply in engine.generate(prompts, params, 1, "base")]

    return ask


def fragments(engine: TransformersEngine, text: str, count: int, tokens: int = 440) -> list[str]:
    """The first fragments of a text, each of about so many tokens."""
    words, found = text.split(" "), []
    while words and len(found) < count:
        size = tokens // 2
        while size < len(words) and engine.count([" ".join(words[:size])])[0] < tokens:
            size += 10
        found.append(" ".join(words[:size]))
        words = words[size:]
    return found


def works(texts: list[str]) -> dict[str, Callable[[Ask], None]]:
    prompts = Prompts(load("default").domain)

    profile = prompts.profile("en")
    another = profile.ask_another.format(**prompts._blanks((), "", "en"))

    def asking(ask: Ask) -> None:
        blanks = [prompts._blanks(("Manual",), text, "en") for text in texts]
        turns = [[_message("user", profile.ask.format(**one))] for one in blanks]
        for _ in range(4):
            replies = ask(turns, SamplingParams(0.8, 0.95, REPLY))
            for turn, reply in zip(turns, replies, strict=True):
                turn.append(_message("assistant", reply))
                turn.append(_message("user", another))

    def answering(ask: Ask) -> None:
        pairs = [(text, one) for text in texts for one in QUESTIONS]
        asked = [prompts.answer(("Manual",), text, one, "en") for text, one in pairs]
        for start in range(0, len(asked), 32):
            ask(asked[start : start + 32], SamplingParams(0.0, 1.0, REPLY))

    def evaluating(ask: Ask) -> None:
        asked = [prompts.answer((), text, one, "en") for text in texts for one in QUESTIONS[:4]]
        ask(asked[:16], SamplingParams(0.0, 1.0, REPLY))

    return {"ask": asking, "answer": answering, "evaluate": evaluating}


def _message(role: str, text: str) -> Message:
    return {"role": role, "content": text}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("document", type=Path)
    parser.add_argument("--fragments", type=int, default=4)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    engines = {
        dtype: TransformersEngine(Model(name=str(options.model), device="cpu", dtype=dtype))
        for dtype in ("float32", "bfloat16")
    }
    for engine in engines.values():
        engine.chat.stops = []
    single = engines["float32"]
    text = options.document.read_text(encoding="utf-8")
    todo = works(fragments(single, text, options.fragments))
    ways: dict[str, Ask] = {"plain": plain(single, 32), "six": plain(single, 6)}
    ways |= {dtype: own(engine) for dtype, engine in engines.items()}
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(options.turns):
        for work, do in todo.items():
            alone = {"one": plain(single, 1)} if work == "evaluate" else {}
            for way, ask in (ways | alone).items():
                for engine in engines.values():
                    engine.begin_batch()
                start = time.process_time()
                do(ask)
                seconds[work, way].append(time.process_time() - start)
    for (work, way), mine in seconds.items():
        ratios = [a / b for a, b in zip(seconds[work, "plain"], mine, strict=True)]
        middle, spread = statistics.median(ratios), f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(
            f"{work:<9} {way:<9} {statistics.median(mine):8.1f} s   "
            f"{middle:5.2f} times as fast as plain ({spread})"
        )


if __name__ == "__main__":
    main()
