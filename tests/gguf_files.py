"""The miniature as a GGUF file, whole or with something missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors.torch import load_file

from self_evolution.miniature import MODEL

_LAYER = {
    "input_layernorm.weight": "attn_norm.weight",
    "post_attention_layernorm.weight": "ffn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.q_proj.bias": "attn_q.bias",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.k_proj.bias": "attn_k.bias",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.v_proj.bias": "attn_v.bias",
    "self_attn.o_proj.weight": "attn_output.weight",
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
}
_OTHERS = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
}


def write_gguf(
    path: Path,
    kind: str = "F32",
    architecture: str = "qwen2",
    tokenizer: bool = True,
    template: bool = True,
    without: str = "",
    **more: Any,
) -> Path:
    """Write the miniature's weights as `kind`; `more` are further fields, with __ for a dot."""
    config = json.loads((MODEL / "config.json").read_text())
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name("miniature")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    for key, value in more.items():
        add = writer.add_uint16 if isinstance(value, int) else writer.add_string
        add(key.replace("__", "."), value)
    if tokenizer:
        _add_tokenizer(writer)
    if template:
        writer.add_chat_template((MODEL / "chat_template.jinja").read_text())
    for name, tensor in load_file(MODEL / "model.safetensors").items():
        weights = tensor.float().numpy()
        stored = gguf.GGMLQuantizationType[kind if weights.ndim > 1 else "F32"]
        if (found := _gguf_name(name)) != without:
            data = weights if stored == 0 else gguf.quantize(weights, stored)
            writer.add_tensor(found, np.ascontiguousarray(data), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _gguf_name(name: str) -> str:
    if name in _OTHERS:
        return _OTHERS[name]
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{_LAYER[rest]}"


def _add_tokenizer(writer: gguf.GGUFWriter) -> None:
    whole = json.loads((MODEL / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = {**whole["model"]["vocab"]}
    special = {token["content"]: token["id"] for token in whole["added_tokens"]}
    vocabulary |= special
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    merges = [one if isinstance(one, str) else " ".join(one) for one in whole["model"]["merges"]]
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([control if token in special else normal for token in tokens])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(special["<|im_start|>"])
    writer.add_eos_token_id(special["<|im_end|>"])
    writer.add_pad_token_id(special["<|endoftext|>"])
