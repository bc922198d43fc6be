"""Real passages through a whole generation, on a model that knows nothing: time and memory.

    python benchmarks/telecom.py PASSAGES.json [--limit N] [--run FOLDER]

Makes a randomly initialised Qwen2 of about 5M parameters with a tokenizer learnt from the passages,
and runs read to promote on it. The words are noise; the machinery is real. Prints JSON: the funnel,
and for each stage its seconds, CPU-seconds and the peak memory of the process after it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

from self_evolution.progress import Progress
from self_evolution.run.open import Request, open_run
from self_evolution.schedule import plan
from self_evolution.stages import perform

# The checks are off: noise would pass none of them, and nothing would be left to score.
SETTINGS = {
    "model.threads": 1,
    "generations": 1,
    "train.rehearsal": 0.0,
    "ask.per_fragment": 1,
    "ask.max_tokens": 24,
    "answer.max_tokens": 48,
    "answer.temperature": 1.0,
    "check.enabled": False,
    "train.rank": 8,
    "train.epochs": 1,
    "train.micro_batch": 16,
    "train.checkpoint_steps": 0,
    "evaluate.build": "never",
    "evaluate.abilities": 0,
}
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def make_model(passages: list[str], folder: Path) -> None:
    """A byte-level BPE of 4,096 tokens and a random Qwen2, saved as save_pretrained does."""
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    transformers.utils.logging.disable_progress_bar()
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=4096,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    core.train_from_iterator(passages, trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=5,
        num_attention_heads=8,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    transformers.Qwen2ForCausalLM(config).save_pretrained(folder)


def measure(source: Path, run_folder: Path, limit: int) -> dict[str, Any]:
    """One generation on `source`, with one training step over all its pairs."""
    passages = [row["instruction"] for row in json.loads(source.read_text(encoding="utf-8"))]
    model = run_folder.parent / "model"
    make_model(passages, model)
    overrides = SETTINGS | {
        "model.name": str(model),
        "read.limit": limit,
        "train.batch_size": 16 * (len(passages) // 16 + 1),
    }
    request = Request(overrides=overrides, documents=(str(source),))
    stages = []
    with open_run(run_folder, request, Progress(), new=True) as run:
        for generation, name in plan(1, run.config):
            perform(run, generation, name)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            stages.append({"stage": f"{generation} {name}", "peak_mb": peak})
        times = {f"{row.generation} {row.name}": row for row in run.ledger.stages()}
        for stage in stages:
            row = times[stage["stage"]]
            stage |= {"seconds": round(row.seconds, 1), "cpu": round(row.cpu_seconds, 1)}
        return {
            "fragments": run.ledger.fragments.counts(),
            "funnel": run.ledger.pairs.funnel(),
            "outcomes": run.ledger.pairs.outcomes(),
            "reasons": run.ledger.pairs.reasons(),
            "steps": [row.steps for row in run.ledger.training.adapters()],
            "stages": stages,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("passages", type=Path, help='JSON list of {"instruction": passage}')
    parser.add_argument("--limit", type=int, default=0, help="take this many passages (all)")
    parser.add_argument("--run", type=Path, help="the run's folder (a temporary one)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        found = measure(options.passages, options.run or Path(temporary) / "run", options.limit)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
