"""The base model: where it is found, how it is read, and the memory that it needs."""
