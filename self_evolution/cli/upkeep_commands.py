"""The commands that export or dump a run, and those about the installation and its runs."""

from __future__ import annotations

from self_evolution.cli.command import RUN, Command, option, points
from self_evolution.export import EXPORTS

FORMATS = f"{', '.join([*EXPORTS][:-1])} or {[*EXPORTS][-1]}"
"""The formats of an export, for the help."""

THEN = option(
    "--then",
    metavar="COMMAND",
    help="start this in a shell when the run ends; SELF_EVOLUTION_RUN and SELF_EVOLUTION_OUTCOME "
    "(complete, stopped, failed) are in its environment",
)
QUANTISATION = option(
    "--quantisation",
    metavar="NAME",
    default="q8_0",
    help="number format of a GGUF: f32, f16, bf16 or q8_0; if llama-quantize is installed, also "
    "its formats, such as q4_k_m (default: q8_0)",
)
ACCEPT_LOSS = option(
    "--accept-loss",
    type=points,
    metavar="POINTS",
    default=2.0,
    help="points by which an export may answer worse than the model in the run (default: 2)",
)
AS_JSON = option("--json", action="store_true", help="print JSON")

UPKEEP = {
    "export": Command(
        "Write the tuned model for other programs, and test what was written",
        "export.export",
        (
            RUN,
            option("-o", "--output", metavar="FOLDER", required=True, help="folder to write to"),
            option(
                "--to",
                metavar="FORMAT",
                help=f"{FORMATS} (without it: all rows as JSON lines, as `dump` writes them)",
            ),
            option(
                "--generation",
                metavar="leader|N",
                default="leader",
                help="generation to export (default: leader)",
            ),
            QUANTISATION,
            ACCEPT_LOSS,
            option(
                "--server",
                metavar="URL",
                help="put the questions to the exported model at this address, "
                "http://HOST:PORT/v1#MODEL, in place of this process",
            ),
        ),
    ),
    "dump": Command(
        "Write all rows of a run as JSON lines, or its pairs for other trainers",
        "dump.dump",
        (
            RUN,
            option(
                "-o",
                "--output",
                metavar="PATH",
                help="folder for the tables, one file for each; with --as a file (default: "
                "standard output)",
            ),
            option(
                "--as",
                dest="shape",
                choices=("messages", "alpaca", "sharegpt"),
                help="write only the pairs that were selected for training, in this format",
            ),
        ),
    ),
    "doctor": Command(
        "Say what is installed and works here, and how to mend the rest",
        "upkeep.doctor",
        (
            option("--model", metavar="FOLDER|NAME", default="", help="look at this model too"),
            option("--run", metavar="FOLDER", help="where runs will go (default: runs)"),
            AS_JSON,
        ),
    ),
    "list": Command(
        "List the runs in a folder, with state, leader and size",
        "upkeep.list_runs",
        (
            option("folder", nargs="?", default="runs", metavar="FOLDER", help="(default: runs)"),
            AS_JSON,
        ),
    ),
    "prune": Command(
        "Remove adapters that nothing needs, after showing them",
        "upkeep.prune",
        (
            option("folder", metavar="RUN|FOLDER", help="a run, or a folder with runs"),
            option("--caches", action="store_true", help="empty the caches too"),
            option("--whole", action="store_true", help="remove the whole run"),
            option("--yes", action="store_true", help="remove without asking"),
        ),
    ),
}
