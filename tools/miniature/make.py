"""Makes the base model from nothing: tokenizer, pretraining on synthetic lessons, saving.

Run `python -m tools.miniature.make [--out DIR] [--steps N] [--seed S]`. Everything is
seeded; the shipped weights took one core and the steps given as default.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

from self_evolution.miniature import MODEL
from tools.miniature.lessons import END, START, lesson, render

VOCABULARY = 1024
PAD = "<|endoftext|>"
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
BATCH = 32
BUCKET = 32
"""Batches are padded to a multiple of this many tokens."""

POOL = 32
"""Batches that are drawn together, so that conversations of like length can share one."""

Batch = tuple[torch.Tensor, torch.Tensor]
"""Token ids and labels, both [batch, tokens]; a label of -100 is not learnt."""


def make_tokenizer(seed: int) -> Qwen2Tokenizer:
    """A byte-level BPE of 1,024 tokens, one a digit, learnt from rendered lessons.

    Texts are cut as Qwen2 cuts them, since AutoTokenizer does so for every Qwen2 model, whatever
    tokenizer.json says; a tokenizer cut otherwise would read other tokens than it was trained on.
    """
    rng = random.Random(seed)
    core = Tokenizer(models.BPE())
    core.normalizer = normalizers.NFC()
    core.pre_tokenizer = Qwen2Tokenizer().backend_tokenizer.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, START, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    texts = [render([{"role": "system", "content": ""}])]
    texts += [render(lesson(rng, 0.5)) for _ in range(12_000)]
    core.train_from_iterator(texts, trainer)
    learnt = json.loads(core.to_str())["model"]
    tokenizer = Qwen2Tokenizer(
        vocab=learnt["vocab"],
        merges=[tuple(merge) for merge in learnt["merges"]],
        unk_token=None,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[START],
        model_max_length=2048,
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def make_model(tokenizer: Qwen2Tokenizer) -> Any:
    """A fresh Qwen2 of about a million weights."""
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_window_layers=4,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return Qwen2ForCausalLM(config)


def labels(ids: list[int], header: list[int], end: int) -> list[int]:
    """The ids that the assistant says, its <|im_end|> included; -100 elsewhere."""
    marked, in_reply, size = [-100] * len(ids), False, len(header)
    for place, token in enumerate(ids):
        if in_reply:
            marked[place] = token
            in_reply = token != end
        elif ids[max(0, place - size + 1) : place + 1] == header:
            in_reply = True
    return marked


def batches(tokenizer: Qwen2Tokenizer, steps: int, seed: int) -> Iterator[Batch]:
    """Batches of conversations of like length, in random order within each pool."""
    rng = random.Random(seed)
    header = tokenizer.encode(f"{START}assistant\n")
    end, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    for first in range(0, steps, POOL):
        texts = [render(lesson(rng, first / steps)) for _ in range(BATCH * POOL)]
        pool = sorted(tokenizer(texts)["input_ids"], key=len)
        starts = list(range(0, len(pool), BATCH))
        rng.shuffle(starts)
        for start in starts[: steps - first]:
            rows = pool[start : start + BATCH]
            width = -(-len(rows[-1]) // BUCKET) * BUCKET
            ids = [row + [pad] * (width - len(row)) for row in rows]
            marks = [labels(row, header, end) + [-100] * (width - len(row)) for row in rows]
            yield torch.tensor(ids), torch.tensor(marks)


def loss_of(model: Any, ids: torch.Tensor, marks: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of the marked tokens; only their logits are computed."""
    hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    chosen = marks[:, 1:] != -100
    return torch.nn.functional.cross_entropy(model.lm_head(hidden[chosen]), marks[:, 1:][chosen])


def optimizers(model: Any) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for embeddings, norms and biases."""
    inner = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    rest = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    return [
        torch.optim.Muon(inner, lr=0.02, weight_decay=0.01),
        torch.optim.AdamW(rest, lr=3e-3, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def rate(step: int, steps: int) -> float:
    """The share of the full learning rate: a short rise, a plateau, a fall over the last half."""
    return min(1.0, (step + 1) / 40, 2.0 * (steps - step) / steps)


def train(model: Any, tokenizer: Qwen2Tokenizer, steps: int, seed: int) -> None:
    """Trains the model in place and prints how far it is."""
    pair = optimizers(model)
    full = [group["lr"] for optimizer in pair for group in optimizer.param_groups]
    begun, recent = time.monotonic(), 0.0
    model.train()
    for step, (ids, marks) in enumerate(batches(tokenizer, steps, seed), start=1):
        groups = [group for optimizer in pair for group in optimizer.param_groups]
        for group, lr in zip(groups, full, strict=True):
            group["lr"] = lr * rate(step - 1, steps)
        loss = loss_of(model, ids, marks)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in pair:
            optimizer.step()
            optimizer.zero_grad()
        recent += loss.item()
        if step % 50 == 0 or step == steps:
            spent = time.monotonic() - begun
            left = spent / step * (steps - step)
            mean = recent / (step % 50 or 50)
            print(
                f"step {step}/{steps}  loss {mean:.4f}  {step / spent:.2f} steps/s  "
                f"{spent / 60:.1f} min spent, {left / 60:.1f} min left",
                flush=True,
            )
            recent = 0.0


def save(model: Any, tokenizer: Qwen2Tokenizer, out: Path) -> None:
    """Writes model and tokenizer as the transformers library loads them, with checksums."""
    shutil.rmtree(out, ignore_errors=True)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.to(torch.bfloat16).save_pretrained(out)
    tokenizer.save_pretrained(out)
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(out.iterdir())
    ]
    (out / "SHA256SUMS").write_text("".join(lines))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=MODEL, help="where the model goes")
    parser.add_argument("--steps", type=int, default=2400, help="batches of 32 conversations")
    parser.add_argument("--seed", type=int, default=1, help="seed of weights and lessons")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    tokenizer = make_tokenizer(options.seed)
    model = make_model(tokenizer)
    print(f"{sum(p.numel() for p in model.parameters()):,} weights", flush=True)
    train(model, tokenizer, options.steps, options.seed)
    save(model, tokenizer, options.out)
    from tools.miniature.measure import table

    print(table(options.out))


if __name__ == "__main__":
    main()
