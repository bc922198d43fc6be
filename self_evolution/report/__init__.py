"""The report of a run: facts are gathered once from the ledger and rendered in three formats.

`facts` queries and computes, `render` turns them into words, charts and files, and `templates` has
the pages: index.html for people, report.md for mail and wikis, and results.json for programs.
"""

from __future__ import annotations

from pathlib import Path

from self_evolution.config import Config
from self_evolution.ledger import Ledger
from self_evolution.report.facts import gather
from self_evolution.report.render import html, markdown, results
from self_evolution.report.render.pages import put


def write(config: Config, ledger: Ledger, page: Path) -> None:
    """Write `page`, with report.md and results.json beside it; each file is complete at any moment.

    Raises UserError if the disk does not take them.
    """
    facts = gather(config, ledger)
    put(page.with_name("results.json"), results.render(facts))
    put(page.with_name("report.md"), markdown.render(facts))
    put(page, html.render(facts))
