"""Self-Evolution on one page (Zhang et al. 2024, arXiv 2408.12247).

The model asks itself questions about the documents, answers them with the document open, checks and
scores the pairs, and is trained on the chosen ones with the book closed. The next generation starts
from the trained model. Every step asks the ledger what is missing, so the loop can be interrupted
and continued at any moment: finished work is skipped.
"""

from __future__ import annotations

from self_evolution.run import Run
from self_evolution.schedule import rounds
from self_evolution.stages import perform


def evolve(run: Run) -> None:
    """Continue a run from its present state to the end of its last generation."""
    perform(run, 0, "read")  # files -> documents and their sections
    perform(run, 0, "split")  # sections -> fragments that fit; duplicates marked
    perform(run, 0, "build")  # test questions, on held-out documents too; locked
    perform(run, 0, "rehearse")  # the base's own conversations, so that it forgets little
    perform(run, 0, "rivals")  # other models, on the questions every generation gets
    perform(run, 0, "evaluate")  # the base model, on the same questions
    perform(run, 0, "promote")  # it leads until a generation is better

    for generation in rounds(run.config, run.ledger):  # ends early when patience is spent
        perform(run, generation, "ask")  # fragment -> questions
        perform(run, generation, "answer")  # question + fragment -> answer (open book)
        perform(run, generation, "rewrite")  # fragment -> the same in other words, if wanted
        perform(run, generation, "check")  # keep, or reject with a reason
        perform(run, generation, "score")  # IFD: high if the question helps the answer little
        perform(run, generation, "recite")  # what it knows by heart, if the selection asks for it
        perform(run, generation, "select")  # all new pairs + a choice of earlier ones
        perform(run, generation, "train")  # question -> answer (closed book), LoRA continued
        perform(run, generation, "evaluate")
        perform(run, generation, "judge")  # which of two answers is better, if a judge is named
        perform(run, generation, "promote")  # shown to be better, or rolled back
