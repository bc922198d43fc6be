from self_evolution.cli import program

raise SystemExit(program())
