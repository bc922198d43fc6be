"""The evaluation of models: tasks, predictions, metrics, statistics."""
