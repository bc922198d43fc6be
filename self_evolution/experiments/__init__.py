"""Several runs beside one another: comparison and ablation."""
