"""Coverage: the statements of fragments, which of them kept pairs state, and how many questions
each fragment gets by them.

- `statements` finds the statements of a text.
- `stated` says which statements of a fragment a pair states.
- `shares` spreads the questions of a generation over the fragments.
- `requests` words the requests for these questions.
"""
