"""Search over many fragments: seconds to build, milliseconds a question, memory; and what it finds.

    python benchmarks/retrieval.py [--sizes 1000 10000 100000] [--data ../shared/data]

The texts are those of `likeness.py`: about 1,500 characters, a third of them Chinese. Each size is
a process of its own: an index in a ledger on disk is built from all, a hundredth of them is
withdrawn and taken out, and questions of sixteen terms in a row of one of the texts are asked;
`found` counts those for which that text comes first. Times are the processor's, memory is that of
the process beyond the texts. Then recall on the public telecom questions: 100, on 2,879 distinct
passages, by our terms and by words of jieba.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.likeness import original, text
from self_evolution.ledger import Ledger
from self_evolution.progress import Progress
from self_evolution.records import Document, Event, Fragment, Section
from self_evolution.retrieval import Search, asked, terms, update_index
from self_evolution.retrieval import index as indexing
from self_evolution.text.words import cut

SIZES = (1_000, 10_000, 100_000)
QUESTIONS, WORDS, SHOWN = 200, 16, (1, 3, 5, 10)
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child)))
        return
    print("   texts  build s  update s  ms/question  extra MB  index MB  found")
    for size in options.sizes:
        command = [sys.executable, "-m", "benchmarks.retrieval", "--child", str(size)]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        print(
            f"{size:>8,} {found['build']:>8.1f} {found['update']:>9.1f} {found['ms']:>12.1f} "
            f"{found['extra']:>9.0f} {found['index']:>9.0f} {found['found']:>6.1%}",
            flush=True,
        )
    telecom(options.data)


def measure(size: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.db"
        ledger = filled(path, [text(number) for number in range(size)], documents=100)
        before = _megabytes(path), _memory()
        build = _seconds(partial(update_index, ledger, Progress(quiet=True)))
        search = Search(ledger)
        index, extra = _megabytes(path) - before[0], _memory() - before[1]
        draw = random.Random(0)
        drawn = []
        while len(drawn) < QUESTIONS:
            number = draw.randrange(size)
            if original(number) != number or number % 10 > 5:
                continue  # a copy, or an entry of a template
            words = terms(text(number))
            start = draw.randrange(len(words) - WORDS)
            drawn.append((number, words[start : start + WORDS]))
        begin = time.process_time()
        answers = [search.matching(list(dict.fromkeys(words)), 3) for _, words in drawn]
        ms = 1000 * (time.process_time() - begin) / QUESTIONS
        found = sum(
            bool(some) and some[0].id == str(number)
            for (number, _), some in zip(drawn, answers, strict=True)
        )
        ledger.add([Event(1, "document-0", "withdrawn")])
        update = _seconds(partial(update_index, ledger, Progress(quiet=True)))
        ledger.close()
    return {
        "build": build,
        "update": update,
        "ms": ms,
        "extra": extra,
        "index": index,
        "found": found / QUESTIONS,
    }


def filled(path: Path, texts: list[str], documents: int = 1) -> Ledger:
    """A ledger with these fragments, one after the other in each of the documents."""
    ledger = Ledger(path)
    with ledger.transaction():
        for number in range(documents):
            ledger.add(
                [
                    Document(f"document-{number}", f"{number}.txt", f"{number}", "txt", ""),
                    Section(f"section-{number}", f"document-{number}", 0, (), "", 0, 0),
                ]
            )
        ledger.add(
            Fragment(
                *(str(number), f"document-{number % documents}", f"section-{number % documents}"),
                *(number, (), content, number, number + 1, None, 1, "en", number),
            )
            for number, content in enumerate(texts)
        )
    return ledger


def telecom(data: Path) -> None:
    """Recall with the question put as it is; the passages are fragments as they are."""
    fragments, questions = data / "aiops_fragments.json", data / "aiops_eval.json"
    if not (fragments.is_file() and questions.is_file()):
        print(f"recall on the telecom questions: skipped, there are none in {data}")
        return
    rows = json.loads(fragments.read_text(encoding="utf-8"))
    passages = list(dict.fromkeys(row["instruction"].strip() for row in rows))
    items = json.loads(questions.read_text(encoding="utf-8"))
    own = indexing.terms
    for name, cutting in (("pairs of characters", own), ("words by jieba", _words(own))):
        indexing.terms = cutting  # type: ignore[assignment]
        with tempfile.TemporaryDirectory() as folder:
            ledger = filled(Path(folder) / "run.db", passages)
            seconds = _seconds(partial(update_index, ledger, Progress(quiet=True)))
            search = Search(ledger)
            places = []
            for item in items:
                wanted = list(dict.fromkeys(cutting(item["input"])))
                if cutting is own:
                    wanted = asked(item["input"])
                texts = [one.text for one in search.matching(wanted, max(SHOWN))]
                passage = item["instruction"].strip()
                places.append(texts.index(passage) if passage in texts else max(SHOWN))
            ledger.close()
        hits = ", ".join(f"@{k} {sum(at < k for at in places)}" for k in SHOWN)
        print(f"telecom, {name}: recall {hits} of {len(items)}; index in {seconds:.1f} s")
    indexing.terms = own


def _words(own: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """Chinese cut by jieba; the rest as it is."""

    def found(content: str) -> list[str]:
        spaced = " ".join(word if len(word) > 1 else f" {word} " for word in cut(content))
        return [
            term for word in spaced.split() for term in (own(word) if word.isascii() else [word])
        ]

    return found


def _seconds(work: Callable[[], None]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _megabytes(path: Path) -> float:
    return sum(one.stat().st_size for one in path.parent.iterdir()) / 1e6


if __name__ == "__main__":
    main()
