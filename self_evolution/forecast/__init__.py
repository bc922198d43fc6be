"""The forecast of what a run will take, made with a few fragments."""
