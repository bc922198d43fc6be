"""Finding the fragments that a question is about: BM25 over all that are there."""

from self_evolution.retrieval.recall import SHARE, is_there, was_shown
from self_evolution.retrieval.search import Search
from self_evolution.retrieval.terms import asked, terms

__all__ = ["SHARE", "Search", "asked", "is_there", "terms", "was_shown"]
