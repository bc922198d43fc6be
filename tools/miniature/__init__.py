"""The factory of the miniature: its language, lessons, training and files."""
