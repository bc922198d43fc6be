"""Using a run: its tuned model answers questions, and its documents are searched."""
