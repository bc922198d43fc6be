"""The search for the fragments that answer a question: BM25 over all live fragments."""

from self_evolution.retrieval.index import fragment_terms, has_index, update_index
from self_evolution.retrieval.recall import SHARE, is_there, was_shown
from self_evolution.retrieval.search import Search
from self_evolution.retrieval.terms import asked, terms

__all__ = [
    "SHARE",
    "Search",
    "asked",
    "fragment_terms",
    "has_index",
    "is_there",
    "terms",
    "update_index",
    "was_shown",
]
