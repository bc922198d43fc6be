"""The commands. To add one: a line in `COMMANDS`, and the function that it names.

The function takes the options as argparse has parsed them, and returns the exit status.
"""

from __future__ import annotations

from self_evolution.cli.command import RUN, Command, Common, hours, option, positive
from self_evolution.cli.serve_commands import SERVE
from self_evolution.cli.upkeep_commands import ACCEPT_LOSS, FORMATS, QUANTISATION, THEN, UPKEEP
from self_evolution.schedule import STAGES, Stage

DOCS = option("documents", nargs="*", metavar="DOCS", help="files, folders and patterns to read")
FOLDER = option("--run", metavar="FOLDER", help="the run's folder (default: runs/RECIPE)")
RECIPE = option(
    "--recipe",
    metavar="NAME|FILE",
    default="",
    help="settings to start from: default, paper, embedded, demo, or a YAML file",
)
ACCEPT = option(
    "--accept-change", action="store_true", help="accept changed settings or documents, and go on"
)
HOURS = option(
    "--hours",
    type=hours,
    metavar="H",
    help="choose generations, questions and documents so that a new run ends in so many hours, its "
    "evaluations included",
)
RUN_OR_PAIRS = option("source", metavar="RUN|FILE", help="a run's folder, or a JSONL file of pairs")
LINES = option("-o", "--output", metavar="FILE", help="file to write (default: standard output)")

DAILY: Common = {
    "model": ("model.name", "ask.teacher", "model.device", "model.dtype", "model.download"),
    "questions": ("read.limit", "ask.pairs", "ask.per_fragment", "select.strategy", "select.k"),
    "training": ("generations", "train.learning_rate", "train.rank", "seed"),
    "evaluation": ("evaluate.file", "evaluate.questions", "evaluate.against", "evaluate.judge"),
}

# Stages with a command that does more than this stage of a run.
_OWN = {
    "read": Command(
        f"Stage: {STAGES['read'].help}",
        "runs.read",
        (
            DOCS,
            FOLDER,
            RECIPE,
            option(
                "-o",
                "--output",
                metavar="FILE",
                help="write fragments as JSON lines, without a run",
            ),
            option("--again", action="store_true", help="try files again that could not be read"),
            ACCEPT,
        ),
        {"model": ("model.name",), "reading and splitting": ("read", "split")},
    ),
    "score": Command(
        f"Stage: {STAGES['score'].help}",
        "filters.score",
        (RUN_OR_PAIRS, LINES, ACCEPT),
        {"model": ("model.name", "model.device", "model.dtype"), "scoring": ("score",)},
        ("model", "domain", "score"),
    ),
    "select": Command(
        f"Stage: {STAGES['select'].help}",
        "filters.select",
        (RUN_OR_PAIRS, LINES, ACCEPT),
        {"selection": ("select", "seed")},
        ("", "select"),
        {"select.strategy": "--strategy", "select.k": "--k"},
    ),
}


def _stage(stage: Stage) -> Command:
    """The command of a stage, whose `--help` shows the settings of the stage."""
    section = "evaluate" if stage.name == "build" else stage.name
    common: Common = {stage.name: (stage.setting or section,)}
    return Command(f"Stage: {stage.help}", "runs.stage", (RUN, ACCEPT), common)


COMMANDS = {
    "run": Command(
        "Read documents, tune a model on them, and evaluate it",
        "runs.run",
        (DOCS, FOLDER, RECIPE, HOURS, ACCEPT, THEN),
        DAILY,
    ),
    "plan": Command(
        "Forecast what a run will take and whether it can work, by trying a little of it",
        "plan.plan",
        (
            DOCS,
            RECIPE,
            HOURS,
            option(
                "--to",
                metavar="FORMAT",
                help=f"find out too whether the tuned model can be exported: {FORMATS}",
            ),
            QUANTISATION,
            ACCEPT_LOSS,
        ),
        DAILY,
    ),
    "status": Command("Show how far a run is, and its scores so far", "runs.status", (RUN,)),
    "watch": Command("Follow a run in the terminal as it goes on", "watch.watch", (RUN,)),
    "chat": Command(
        "Ask the tuned model questions, and see the sources of its answers",
        "chat.chat",
        (
            RUN,
            option(
                "question",
                nargs="?",
                metavar="QUESTION",
                help="answer this question and end; without it, questions are typed in, or read "
                "from standard input, one a line. A typed question continues the one before, and "
                "the search looks for the text of both; questions from a file stand alone",
            ),
            option(
                "--model",
                default="leader",
                metavar="leader|base|N",
                help="the generation that leads (the default), the model before training, or "
                "generation N",
            ),
            option("--beside", metavar="leader|base|N", help="a second model that answers too"),
            option("--closed", action="store_true", help="answer from memory, without any passage"),
            option(
                "--no-routing",
                action="store_true",
                help="answer with passages, whether the answer is reliable or not",
            ),
            option(
                "--passages",
                type=positive,
                metavar="N",
                help="passages to look for (default: as many as in the run's evaluation, or 3 if "
                "it looks for none)",
            ),
        ),
    ),
    "related": Command(
        "List the passages of the documents that are nearest to a text",
        "chat.related",
        (
            RUN,
            option(
                "text", nargs="?", metavar="TEXT", help="what to look for (default: standard input)"
            ),
            option("--limit", type=positive, default=5, metavar="N", help="how many (default: 5)"),
        ),
    ),
    "why": Command(
        "Show the training pairs behind an answer, and when it was first right",
        "why.why",
        (
            RUN,
            option(
                "text",
                nargs="?",
                metavar="QUESTION",
                help="a question or an answer (default: standard input)",
            ),
            option("--limit", type=positive, default=5, metavar="N", help="how many (default: 5)"),
            option("--json", action="store_true", help="print JSON"),
        ),
    ),
    "inspect": Command(
        "Show how the documents of a run were read and split",
        "inspect.inspect",
        (
            RUN,
            option("document", nargs="?", metavar="DOCUMENT", help="its path, or a part of it"),
        ),
    ),
    "review": Command(
        "Accept, edit or reject test questions and pairs, by keystrokes or in a file",
        "review.review",
        (
            RUN,
            option(
                "-o",
                "--output",
                metavar="FILE",
                help="write the test questions as lines to edit (to standard output, unless it is "
                "a terminal)",
            ),
            option("--import", dest="imported", metavar="FILE", help="take the edited lines back"),
            option("--pairs", action="store_true", help="review pairs, not test questions"),
            option(
                "--reviewer",
                default="",
                metavar="NAME",
                help="who reviews; if two people review, it is shown how far they agree",
            ),
            option(
                "--apply",
                action="store_true",
                help="lock the test questions as they were reviewed, here and in the browser",
            ),
        ),
    ),
    "report": Command("Write a run's report again", "runs.report", (RUN,)),
    "compare": Command(
        "Compare runs on the same test questions, with intervals",
        "compare.compare",
        (
            option(
                "sources",
                nargs="+",
                metavar="RUN",
                help="runs to compare with the first one; a single one is compared with the "
                "other models of its --against",
            ),
            option(
                "--generation",
                metavar="leader|last|N",
                default="leader",
                help="generation of each run that is compared (default: leader)",
            ),
            option("-o", "--output", metavar="FILE", help="write the comparison as JSON too"),
        ),
    ),
    "ablate": Command(
        "Make variants of a run with several seeds each, and compare them",
        "ablate.ablate",
        (
            option(
                "documents",
                nargs="*",
                metavar="RECIPE DOCS",
                help="a recipe (its name, or a YAML file), then files and folders to read",
            ),
            RECIPE,
            option(
                "--vary",
                metavar="KEY=A,B,…",
                action="append",
                required=True,
                help="a setting and its values; the others are compared with the first",
            ),
            option(
                "--seeds",
                type=int,
                default=5,
                metavar="N",
                help="runs of a variant (default: 5)",
            ),
            option(
                "--match",
                choices=("steps", "samples", "nothing"),
                default="steps",
                help="make the steps or samples of each generation as many as in the first variant "
                "(default: steps)",
            ),
            option(
                "--run", metavar="FOLDER", help="folder of all runs (default: runs/ablation-RECIPE)"
            ),
            ACCEPT,
        ),
        DAILY,
    ),
    "metrics": Command(
        "Score a file of predictions against references",
        "filters.metrics",
        (
            option("source", metavar="FILE", help='JSONL of {"prediction", "reference"}'),
            option(
                "--resamples",
                type=int,
                default=10_000,
                metavar="N",
                help="bootstrap resamples (default: 10000)",
            ),
            option(
                "--seed",
                type=int,
                default=0,
                metavar="N",
                help="its random seed (default: 0)",
            ),
        ),
    ),
    **UPKEEP,
    **SERVE,
} | {stage.name: _OWN.get(stage.name) or _stage(stage) for stage in STAGES.values()}

ALIASES = {"examine": "build"}
"""Earlier names of commands, which still work."""
