"""serve: the tuned model as a service on this machine."""

from __future__ import annotations

import argparse
import logging
import sys
from contextlib import closing
from pathlib import Path

from self_evolution.errors import UserError
from self_evolution.run.process import in_use
from self_evolution.run.read import RunReader


def serve(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    from self_evolution.serving.answering import BASE, LEADER, Answerer, generation, open_model
    from self_evolution.serving.http.app import make_app
    from self_evolution.serving.http.asking import Desk
    from self_evolution.serving.http.guard import Guard
    from self_evolution.serving.http.limits import Limits
    from self_evolution.serving.http.metrics import Metrics
    from self_evolution.serving.http.security import Access, is_loopback, read_token
    from self_evolution.serving.http.server import listen
    from self_evolution.serving.http.server import serve as serve_until_stopped
    from self_evolution.serving.processes import Processes
    from self_evolution.serving.starting import Starter

    token = read_token(Path(options.token_file)) if options.token_file else ""
    if not is_loopback(options.host) and not token and not options.insecure:
        raise UserError(
            f"--host {options.host}: other machines could ask and read the documents; give a "
            "--token-file with a secret, or --insecure if everyone there may"
        )
    if options.runs and not token:
        raise UserError(
            "--runs: only those who hold a token may start a run; give a --token-file with a secret"
        )
    if options.models and not options.runs:
        raise UserError("--models: these are for runs that are started here; give --runs too")
    # Only those who hold a token may begin a process.
    processes = Processes() if token else None
    starter = None
    if options.runs and processes:
        models = Path(options.models) if options.models else None
        starter = Starter(Path(options.runs), models, processes)
    limits = Limits(options.queue, options.max_tokens, options.timeout)
    with closing(RunReader(Path(options.source))) as run, in_use(run.folder):
        # Before any generation leads, the run is watched, its questions are reviewed, and the base
        # answers.
        first = generation(run, LEADER if run.ledger.evaluations.promotions() else BASE)
        _ = run.search
        with closing(listen(options.host, options.port)) as listener:
            host, port = listener.getsockname()[:2]
            print(f"loading {run.config.model.name}", file=sys.stderr, flush=True)
            logging.basicConfig(
                level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s"
            )
            with closing(open_model(run)) as engine, closing(Answerer(run, engine)) as answerer:
                answerer.warm_up(first)
                metrics = Metrics()
                access = Access(options.host, token, tuple(options.name or ()))
                desk = Desk(
                    run, answerer, limits, metrics, options.log_questions, processes, starter
                )
                guard = Guard(make_app(desk, access), access, limits, metrics)
                shown = f"[{host}]" if ":" in host else host
                print(f"serving {run.folder} at http://{shown}:{port}", file=sys.stderr, flush=True)
                desk.ways.known(first)  # begins to measure its reliability
                with closing(desk):
                    serve_until_stopped(guard, limits, listener)
    return 0
