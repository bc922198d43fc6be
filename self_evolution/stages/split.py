"""Split: sections become fragments that fit the token limit; exact duplicates are pointed out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from self_evolution.errors import UserError
from self_evolution.records import Fragment, Section, content_id
from self_evolution.run import Run
from self_evolution.stages.outcome import Outcome

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LETTER = re.compile(r"[^\W\d_]")
SECTIONS_A_BATCH = 256


def split(run: Run, generation: int) -> Outcome:
    """Raises UserError if no fragment is left to ask about."""
    sections = {section.id: section for section in run.ledger.sections_to_split()}
    order = [(id, i) for i, id in enumerate(sections)]
    seen = run.ledger.first_fragments()
    short = 0
    for ids, _ in run.batches("split", generation, "sections", order, set(), SECTIONS_A_BATCH):
        rows: list[Fragment] = []
        for section in (sections[id] for id in ids):
            if len(section.text) < run.config.split.min_chars:
                short += 1
                continue
            rows += _fragments(run, section, seen)
        run.ledger.add(rows)
    counts = run.ledger.fragment_counts()
    if not counts["fragments"]:
        raise UserError(
            f"no fragment to ask about: all {counts['sections']} sections have less than "
            f"--split.min-chars {run.config.split.min_chars} characters"
        )
    note = f"{counts['fragments']:,} fragments"
    if counts["duplicates"]:
        live = counts["fragments"] - counts["duplicates"]
        note += f", {counts['duplicates']:,} of them duplicates: {live:,} to ask about"
    return Outcome(counts["fragments"], note + (f"; {short} too short" if short else ""))


def _fragments(run: Run, section: Section, seen: dict[str, str]) -> Iterator[Fragment]:
    for position, (offset, text, tokens) in enumerate(_pieces(run, section.text)):
        id = content_id("fragment", section.id, position, text)
        first = seen.setdefault(text, id)
        yield Fragment(
            id=id,
            document_id=section.document_id,
            section_id=section.id,
            position=position,
            heading=section.heading,
            text=text,
            start=section.start + offset,
            end=section.start + offset + len(text),
            tokens=tokens,
            language=language(text),
            duplicate_of=None if first == id else first,
        )


def _pieces(run: Run, text: str) -> list[tuple[int, str, int]]:
    """(offset, text, tokens) of the parts of a text that each fit the limit."""
    limit = run.config.split.max_tokens
    (tokens,) = run.engine.count([text])
    if tokens <= limit:
        return [(0, text, tokens)]
    from semantic_text_splitter import MarkdownSplitter

    splitter = MarkdownSplitter.from_callback(lambda part: run.engine.count([part])[0], limit)
    parts = splitter.chunk_indices(text)
    counts = run.engine.count([part for _, part in parts])
    return [(at, part, n) for (at, part), n in zip(parts, counts, strict=True)]


def language(text: str) -> str:
    """`zh` if at least a fifth of the letters are Chinese (or other CJK), otherwise `en`.

    The `en` prompts ask for the passage's own language, so they serve other alphabets as well.
    """
    letters = len(_LETTER.findall(text))
    return "zh" if letters and len(_CJK.findall(text)) >= letters / 5 else "en"
