"""Tiny models with random weights, one in the style of each architecture that people use.

`folder(name)` is what save_pretrained leaves: weights, tokenizer, chat template, generation
settings. The templates are written for these tests; they behave as the families' own do.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers
from tiny_templates import CHATML, HEADERS, INST, TAGS, THINKING, TURNS, TURNS_ONLY
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from self_evolution.config import Model, Train
from self_evolution.models.protocols import Row
from self_evolution.models.training import lora
from self_evolution.models.transformers_engine import TransformersEngine

FACTS = [("alarm", 4711, "pump"), ("valve", 250, "motor"), ("station", 9, "line"), ("rate", 1, "x")]
CONVERSATIONS = [
    [
        {"role": "user", "content": f"Which {what} is {number + i}?"},
        {"role": "assistant", "content": f"The {thing} " + "stops " * (1 + i % 3) + str(i)},
    ]
    for i in range(3)
    for what, number, thing in FACTS
]
"""Conversations to be trained on."""

torch.set_num_threads(1)
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

TEXT = [
    "The pump at North Station stops when alarm 4711 is raised, and the operator resets it.",
    "Question: which alarm stops the pump? Answer: alarm 4711 stops the pump at the station.",
    "Set the parameter MAX_RATE to 250 before the valve opens; the default value is 100.",
    "The following passage is about the system. Write one question in its language.",
    "如何查询可用的加密套件集名称？使用命令查询参数的默认值。",
]


class Kind(NamedTuple):
    """The parts of a tiny model; `special` are its tokens: the first the start, the second the
    end."""

    config: Callable[..., Any]
    template: str | None
    special: tuple[str, ...]
    settings: dict[str, Any]
    bos: bool = False
    pad: str | None = None
    pieces: str = ""  # empty: bytes; first: sentencepiece with a leading space; never: without
    more_stops: tuple[str, ...] = ()


_IM = ("<|endoftext|>", "<|im_end|>", "<|im_start|>")
KINDS = {
    "qwen2": Kind(
        transformers.Qwen2Config, CHATML, _IM, {"tie_word_embeddings": True}, False, _IM[0]
    ),
    "qwen3": Kind(
        transformers.Qwen3Config,
        THINKING,
        (*_IM, "<think>", "</think>"),
        {"tie_word_embeddings": True, "head_dim": 16},
        pad="<|endoftext|>",
    ),
    "llama3": Kind(
        transformers.LlamaConfig,
        HEADERS,
        (
            *("<|begin_of_text|>", "<|eot_id|>", "<|end_of_text|>", "<|eom_id|>"),
            *("<|start_header_id|>", "<|end_header_id|>"),
        ),
        {"tie_word_embeddings": False},
        bos=True,
        more_stops=("<|end_of_text|>", "<|eom_id|>"),
    ),
    "mistral": Kind(
        transformers.MistralConfig,
        INST,
        ("<s>", "</s>", "<unk>"),
        {"sliding_window": 24, "tie_word_embeddings": False},
        bos=True,
        pieces="first",
    ),
    "gemma3": Kind(
        transformers.Gemma3TextConfig,
        TURNS,
        ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "<pad>"),
        {
            "head_dim": 16,
            "sliding_window": 24,
            "query_pre_attn_scalar": 16,
            "initializer_range": 0.1,
        },
        bos=True,
        pad="<pad>",
        pieces="never",
    ),
    "phi3": Kind(
        transformers.Phi3Config,
        TAGS,
        ("<s>", "<|endoftext|>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"),
        {"tie_word_embeddings": False},
        bos=True,
        pad="<|endoftext|>",
        more_stops=("<|end|>", "<|user|>"),
    ),
}
MORE = {
    "gemma2": KINDS["gemma3"]._replace(
        config=transformers.Gemma2Config,
        template=TURNS_ONLY,
        settings=KINDS["gemma3"].settings | {"final_logit_softcapping": 3.0},
    ),
    "granite": KINDS["qwen2"]._replace(
        config=transformers.GraniteConfig,
        settings={"logits_scaling": 4.0, "embedding_multiplier": 3.0},
    ),
    "cohere": KINDS["qwen2"]._replace(
        config=transformers.CohereConfig, settings={"logit_scale": 0.25}
    ),
    "base": KINDS["llama3"]._replace(template=None, more_stops=()),
}
SIX = tuple(KINDS)
ALL = (*SIX, "gemma2", "granite", "cohere")


@functools.cache
def folder(name: str) -> Path:
    """A model of that kind on disk, made once a process. Not to be written to."""
    target = _scratch() / name
    make({**KINDS, **MORE}[name], target)
    return target


def make(kind: Kind, target: Path, seed: int = 7, words: bool = False, **changes: Any) -> Path:
    """`changes` go into the model's configuration. Special tokens are unlikely, so that there is
    text to look at; or, with `words`, bytes are that are no text by themselves."""
    tokenizer = _tokenizer(kind)
    tokenizer.save_pretrained(str(target))
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in kind.special}
    settings: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "initializer_range": 0.25,
        "bos_token_id": ids[kind.special[0]],
        "eos_token_id": ids[kind.special[1]],
        "pad_token_id": tokenizer.pad_token_id,
        **kind.settings,
        **changes,
    }
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(kind.config(**settings))
    unlikely = list(ids.values())
    if words:
        unlikely = [id for id in range(len(tokenizer)) if "\ufffd" in tokenizer.decode([id])]
    with torch.no_grad():
        model.get_output_embeddings().weight[unlikely] *= 0.05
    stops = [ids[token] for token in (kind.special[1], *kind.more_stops)]
    model.generation_config = transformers.GenerationConfig(
        do_sample=True, temperature=0.3, top_k=2, top_p=0.8, repetition_penalty=3.0
    )
    model.generation_config.eos_token_id = stops if len(stops) > 1 else stops[0]
    model.save_pretrained(str(target))
    return target


def engine(name: str | Path, **settings: Any) -> TransformersEngine:
    """A fresh engine on `folder(name)`, or on any folder."""
    path = name if isinstance(name, Path) else folder(name)
    return TransformersEngine(Model(name=str(path), device="cpu", **settings))


def model(name: str | Path) -> Any:
    """The model in `folder(name)`, or in any folder, loaded apart from any engine."""
    path = name if isinstance(name, Path) else folder(name)
    return transformers.AutoModelForCausalLM.from_pretrained(path).eval()


def adapter(name: str, target: Path, rank: int = 4, seed: int = 3) -> Path:
    """Make an adapter that does something to the model `name`, and save it as `target`."""
    tuned = lora.attach(model(name), None, Train(rank=rank, alpha=2 * rank), seed=1)
    stir(tuned, seed)
    lora.save(tuned, target)
    return target


def tuned(name: str, adapter: Path) -> Any:
    """The model in `folder(name)` with an adapter, apart from any engine."""
    return lora.load(model(name), None, adapter)


def changed(name: str, target: Path, change: Callable[[Any], object]) -> Path:
    """A copy of `folder(name)` in `target`, whose weights `change` has changed."""
    shutil.copytree(folder(name), target, dirs_exist_ok=True)
    other = model(name)
    with torch.no_grad():
        change(other)
    other.save_pretrained(target)
    return target


def naive_nll(model: Any, row: Row) -> float:
    """Mean NLL of one row from the model's own logits, token by token, in float64."""
    prompt, answer = row
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([prompt + answer])).logits[0].double()
    steps = zip(range(len(prompt) - 1, len(prompt) + len(answer) - 1), answer, strict=True)
    losses = [float(logits[i].logsumexp(-1) - logits[i, id]) for i, id in steps]
    return sum(losses) / len(losses)


def stir(model: Any, seed: int = 3, scale: float = 0.2) -> None:
    """Give an adapter weights that are not zero, so that it does something."""
    chance = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.copy_(scale * torch.randn(weight.shape, generator=chance))


def _tokenizer(kind: Kind) -> Any:
    special = list(kind.special)
    if kind.pieces:
        tokenizer = Tokenizer(models.BPE(byte_fallback=True))
        if kind.pieces == "first":
            tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
        else:
            tokenizer.normalizer = normalizers.Replace(" ", "▁")
            tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
        steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
        strip = [decoders.Strip(" ", 1, 0)] if kind.pieces == "first" else []
        tokenizer.decoder = decoders.Sequence(steps + strip)
        special += [f"<0x{byte:02X}>" for byte in range(256)]
        alphabet: list[str] = []
    else:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=480, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer = _plain_bytes(tokenizer)
    made = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=kind.special[0] if kind.bos else None,
        eos_token=kind.special[1],
        pad_token=kind.pad,
        additional_special_tokens=list(kind.special[2:]),
    )
    made.chat_template = kind.template
    return made


def _plain_bytes(tokenizer: Tokenizer) -> Tokenizer:
    """Byte tokens belong to the vocabulary, but they are not special."""
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [
        one for one in state["added_tokens"] if not one["content"].startswith("<0x")
    ]
    return Tokenizer.from_str(json.dumps(state))


@functools.cache
def _scratch() -> Path:
    path = Path(tempfile.mkdtemp(prefix="tiny-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path
