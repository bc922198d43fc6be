"""ablate: make variants of a run with several seeds, do equal work once, and compare them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from self_evolution import config
from self_evolution.cli import compare
from self_evolution.cli.output import write_json
from self_evolution.errors import UserError
from self_evolution.progress import Progress
from self_evolution.run.open import Request


def ablate(options: argparse.Namespace) -> int:
    from self_evolution.experiments.ablation import gather, make, page, variants

    recipe, documents = _recipe(options)
    if options.seeds < 1:
        raise UserError(f"--seeds {options.seeds}: expected 1 or more")
    base = config.load(recipe or "default").changed(options.overrides)
    chosen = variants(options.vary, base)
    overrides: dict[str, Any] = dict(options.overrides)
    if not any("promote.patience" in one.values for one in chosen):
        overrides.setdefault("promote.patience", "0")  # or lines would end at different places
    overrides.pop("seed", None)
    seeds = [base.seed + i for i in range(options.seeds)]
    folder = Path(options.run or f"runs/ablation-{Path(recipe or 'default').stem}")
    request = Request(recipe, overrides, tuple(documents), options.accept_change)
    make(folder, request, chosen, seeds, options.match, Progress())
    results = gather(folder, chosen, seeds, options.match)
    write_json(folder / "ablation.json", results.as_json())
    page.write(results, folder / "ablation.html")
    compare.show(results.rows, "variant", [results.generation] * len(results.rows))
    print(results.matching)
    for note in results.notes:
        print(f"note: {note}")
    print(results.sentence)
    print(f"figures: {folder / 'ablation.html'}, and as SVG beside it")
    return 0


def _recipe(options: argparse.Namespace) -> tuple[str, list[str]]:
    """The recipe is the first word if it is the name of one or a YAML file, or else --recipe."""
    words = list(options.documents)
    shipped = {path.stem for path in config.RECIPES.glob("*.yaml")}
    if (
        not options.recipe
        and words
        and (words[0] in shipped or words[0].endswith((".yaml", ".yml")))
    ):
        return words[0], words[1:]
    return options.recipe, words
