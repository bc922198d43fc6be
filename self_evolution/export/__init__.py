"""Export: the tuned model for other programs, tested before it is handed over.

`EXPORTS` is the table of formats. Each entry names a module with the members of `job.Format`.
"""

from __future__ import annotations

EXPORTS = {
    "adapter": "self_evolution.export.adapter",
    "merged": "self_evolution.export.merged",
    "gguf": "self_evolution.export.gguf",
    "ollama": "self_evolution.export.ollama",
    "vllm": "self_evolution.export.vllm",
}
"""The values of `--to`. docs/how-to-add.md explains how to add one."""
