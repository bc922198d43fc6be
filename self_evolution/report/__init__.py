"""The report."""

from pathlib import Path

from self_evolution.config import Config
from self_evolution.ledger import Ledger


def write(config: Config, ledger: Ledger, page: Path) -> None:
    page.parent.mkdir(exist_ok=True)
    page.write_text("to come")
