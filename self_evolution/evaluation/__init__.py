"""How good a model is: tasks, predictions, metrics, statistics."""
