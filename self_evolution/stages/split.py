"""Split: sections become fragments that fit the token limit; exact duplicates are pointed out."""

from __future__ import annotations

from collections.abc import Iterator

from self_evolution.errors import UserError
from self_evolution.metrics.script import is_chinese
from self_evolution.records import Fragment, Section, content_id
from self_evolution.run import Run
from self_evolution.stages.outcome import Outcome

SECTIONS_A_BATCH = 256


def split(run: Run, generation: int) -> Outcome:
    """Raises UserError if no fragment is left to ask about."""
    sections = run.ledger.sections_to_split()
    # In reading order, so that of two equal fragments the later one is the duplicate.
    order = [(id, i) for i, (id, _, _) in enumerate(sections)]
    short = {id for id, size, _ in sections if size < run.config.split.min_chars}
    done = short | {id for id, _, there in sections if there}
    seen = run.ledger.first_fragments()
    for ids, _ in run.batches("split", generation, "sections", order, done, SECTIONS_A_BATCH):
        some = run.ledger.sections(ids)
        run.ledger.add([row for section in some for row in _fragments(run, section, seen)])
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
    return Outcome(counts["fragments"], note + (f"; {len(short)} too short" if short else ""))


def _fragments(run: Run, section: Section, seen: dict[str, str]) -> Iterator[Fragment]:
    """`seen` holds the first fragment of each content, and gets these too.

    The heading counts, as it stands in the prompt: the same words under another are another fact.
    """
    for position, (offset, text, tokens) in enumerate(_pieces(run, section.text)):
        id = content_id("fragment", section.id, position, text)
        first = seen.setdefault(content_id(section.heading, text), id)
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
    """`zh` if the text is Chinese, otherwise `en`: the name of a profile of prompts.

    The `en` prompts ask for the passage's own language, so they serve all others as well:
    Japanese and Korean too, as long as Han characters are not all they have.
    """
    return "zh" if is_chinese(text) else "en"
