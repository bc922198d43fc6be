"""score, select and metrics as filters on JSONL files; the first two also as stages of a run."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

from self_evolution import config
from self_evolution.cli import runs
from self_evolution.cli.output import json_lines
from self_evolution.documents.readers.items import read_rows
from self_evolution.errors import UserError, excerpt
from self_evolution.progress import Progress
from self_evolution.schedule import stage_seed

PAIRS_A_BATCH = 1024


def metrics(options: argparse.Namespace) -> int:
    """Print one JSON object with each metric, its interval and its signature."""
    from self_evolution.evaluation.metrics.aggregate import summarise

    rows = read_rows(Path(options.source))
    try:
        found = summarise(rows, resamples=options.resamples, seed=options.seed)
    except ValueError as error:
        raise UserError(f"{options.source}: {error}") from None
    print(json.dumps(found, ensure_ascii=False, indent=2))
    return 0


def score(options: argparse.Namespace) -> int:
    """Write each line again, with ifd, nll_given_question, nll_alone, answer_tokens and outcome."""
    if Path(options.source).is_dir():
        return runs.stage(options)
    settings = config.load("default").changed(options.overrides)
    if settings.score.scorer != "base":
        raise UserError("--score.scorer current: a file of pairs has no tuned model, only a base")
    rows = _objects(options.source, {"question": str, "answer": str})

    from self_evolution.models import engines, open_engine
    from self_evolution.models.ifd import Template, measure, read_template
    from self_evolution.prompts import Prompts

    engine = open_engine(engines.settled(settings).model)
    template = Template(engine, Prompts(settings.domain), read_template(settings.score.template))
    with json_lines(options.output) as write, Progress().bar("score", "pairs", len(rows), 0) as bar:
        for start in range(0, len(rows), PAIRS_A_BATCH):
            part = rows[start : start + PAIRS_A_BATCH]
            pairs = [(row["question"], row["answer"]) for row in part]
            found = measure(engine, template, pairs, settings.score, "base")
            for row, one in zip(part, found, strict=True):
                write(row | one._asdict())
            bar.advance(len(part))
    return 0


def select(options: argparse.Namespace) -> int:
    """Write the chosen lines as they were read, in the order of the strategy."""
    if Path(options.source).is_dir():
        return runs.stage(options)
    from self_evolution.strategies import STRATEGIES, ScoredPair

    settings = config.load("default").changed(options.overrides)
    rows = _objects(options.source, {"ifd": (int, float, type(None))})
    lines = {f"{i:09}": row for i, row in enumerate(rows)}
    pool = [
        ScoredPair(id, float(row["ifd"]))
        for id, row in lines.items()
        if row["ifd"] is not None
        and math.isfinite(row["ifd"])
        and row.get("outcome", "scored") == "scored"
    ]
    if left_out := len(rows) - len(pool):
        text = f"{left_out:,} of {len(rows):,} lines have no IFD to rank by; left out"
        print(f"select: {text}", file=sys.stderr)
    wanted = settings.select
    strategy = STRATEGIES[wanted.strategy]
    if strategy.asks:
        raise UserError(
            f"--strategy {wanted.strategy} asks the model of a run what it knows; it cannot choose "
            "from a file"
        )
    if strategy.uses_k and wanted.k > len(pool):
        print(f"select: k is {wanted.k:,}; all {len(pool):,} are taken", file=sys.stderr)
    chosen = strategy.choose(pool, wanted.k, stage_seed(settings, "select"))
    with json_lines(options.output) as write:
        for id in chosen:
            write(lines[id])
    return 0


def _objects(source: str, keys: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a JSONL file, each with all of `keys`. Raises UserError that names the line."""
    rows = read_rows(Path(source))
    for number, row in enumerate(rows, 1):
        for key, kind in keys.items():
            if not isinstance(row, dict) or key not in row or not isinstance(row[key], kind):
                got = excerpt(row)
                raise UserError(f'{source}, row {number}: expected "{key}" in an object, got {got}')
    if not rows:
        raise UserError(f"{source}: the file is empty; expected one JSON object in each line")
    return rows
