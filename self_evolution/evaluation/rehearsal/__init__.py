"""Rehearsal: conversations of the base with itself, by which training keeps what it knows.

They are no test: an answer need not be right, it is enough that the base gives it. None of them
has a question of the evaluation in it, and none is about a topic of the test of former abilities.
"""
