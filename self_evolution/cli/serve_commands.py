"""The commands that keep running: a service."""

from __future__ import annotations

from self_evolution.cli.command import RUN, Command, option, positive

SERVE = {
    "serve": Command(
        "Serve the tuned model: a page, an API with sources, and the API of OpenAI",
        "serve.serve",
        (
            RUN,
            option(
                "--host",
                default="127.0.0.1",
                metavar="ADDRESS",
                help="address to listen on (default: 127.0.0.1, which only this machine reaches)",
            ),
            option("--port", type=int, default=8321, metavar="N", help="default: 8321"),
            option(
                "--token-file",
                metavar="FILE",
                help="a secret that clients must send; needed where other machines can call",
            ),
            option(
                "--insecure", action="store_true", help="let other machines call without a token"
            ),
            option(
                "--name",
                action="append",
                metavar="HOST",
                help="a further name by which the service may be called; may be repeated",
            ),
            option(
                "--runs",
                metavar="FOLDER",
                help="let those with the token start runs from the browser, in this folder",
            ),
            option(
                "--models",
                metavar="FOLDER",
                help="models that such runs may tune, besides the embedded one",
            ),
            option(
                "--queue",
                type=positive,
                default=128,
                metavar="N",
                help="largest number of questions that wait or are being answered; further ones "
                "get 429 (default: 128)",
            ),
            option(
                "--max-tokens",
                type=positive,
                default=4096,
                metavar="N",
                help="the longest reply that may be asked for (default: 4096)",
            ),
            option(
                "--timeout",
                type=positive,
                default=120,
                metavar="SECONDS",
                help="the longest time to an answer (default: 120)",
            ),
            option(
                "--log-questions",
                action="store_true",
                help="write questions to the log, which by default has none",
            ),
        ),
    ),
}
