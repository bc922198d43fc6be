"""Rehearsal: conversations of the base with itself. They are trained on, so that less of what the
base knows is forgotten.

They are not a test: an answer need not be right, it only has to be the base's own. None of them
contains a test question, and none is about a topic of the test of former abilities.
"""
