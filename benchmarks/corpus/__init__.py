"""A corpus of real files, and how well they are read: `install` makes it, `measure` measures."""
