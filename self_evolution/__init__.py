"""Self-Evolution: private documents in, a small language model out that knows them."""

__version__ = "0.1.0"
