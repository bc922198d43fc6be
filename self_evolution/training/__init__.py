"""LoRA adapters and the trainer."""
