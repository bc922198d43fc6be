"""Training of an adapter, in one process or several."""
