"""The speed of reading: text, PDF, many fragments, and a folder that has not changed.

    python benchmarks/reading.py [--model FOLDER] [--pdf FILE …] [--sizes 1000,10000,100000]

Writes its documents into a temporary folder and prints JSON: seconds (wall, and CPU of all
processes), peak memory of all of them together, and the exponent by which time grows. The model is
needed for its tokenizer alone; without one, tokens are counted roughly.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

SECTIONS_A_FILE = 10


def words(rng: random.Random, count: int) -> list[str]:
    """A vocabulary of made-up words, some common and most of them rare."""
    syllables = ["ba", "den", "ki", "lor", "mu", "ne", "pra", "sti", "tel", "vo", "wen", "zur"]
    found = {"".join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(3 * count)}
    return sorted(found)[:count]


def sections(seed: int = 0) -> Iterator[str]:
    """Sections of some 250 words without end, one in twenty an earlier one with small changes."""
    rng = random.Random(seed)
    vocabulary = words(rng, 20_000)
    weights = list(itertools.accumulate(1 / (rank + 5) for rank in range(len(vocabulary))))
    earlier: list[str] = []
    for number in itertools.count():
        if earlier and rng.random() < 0.05:
            text = rng.choice(earlier)
            yield text if rng.random() < 0.5 else text.replace(". ", ".\n", 5)
            continue
        sentences = []
        for _ in range(20):
            some = rng.choices(vocabulary, cum_weights=weights, k=rng.randint(8, 17))
            some[rng.randrange(len(some))] = f"{rng.choice('ABCDEF')}{rng.randrange(100_000)}"
            sentences.append(" ".join(some).capitalize() + ".")
        text = f"## Unit {number}\n\n" + " ".join(sentences)
        if len(earlier) < 2000:
            earlier.append(text)
        yield text


def write(folder: Path, count: int) -> None:
    """A folder of Markdown files with so many sections."""
    source = sections()
    for number in range(count // SECTIONS_A_FILE):
        place = folder / f"{number // 100:03}"
        place.mkdir(parents=True, exist_ok=True)
        text = "\n\n".join(itertools.islice(source, SECTIONS_A_FILE))
        (place / f"{number:06}.md").write_text(f"# Manual\n\n{text}\n", encoding="utf-8")


def timed(command: Sequence[str]) -> dict[str, Any]:
    """Run the command line; its seconds, CPU-seconds, and peak memory with all its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "self_evolution", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"},
    )
    peak = [0]

    def watch() -> None:
        whole = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                tree = [whole, *whole.children(recursive=True)]
                peak[0] = max(peak[0], sum(one.memory_info().rss for one in tree))
            except psutil.NoSuchProcess:
                continue
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, errors = process.communicate()
    watcher.join()
    if process.returncode:
        sys.exit(f"{' '.join(command)}: status {process.returncode}\n{errors}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "seconds": round(time.perf_counter() - start, 2),
        "cpu_seconds": round(cpu, 2),
        "peak_mb": peak[0] >> 20,
        "said": [line.strip() for line in errors.splitlines() if line.startswith("    ")],
    }


def growth(folder: Path, sizes: Sequence[int], model: Sequence[str]) -> dict[str, Any]:
    """Read and split folders of growing size; then read the last one again, unchanged."""
    rows = {}
    for size in sizes:
        docs, run = folder / f"docs-{size}", folder / f"run-{size}"
        write(docs, size)
        reading = timed(["read", str(docs), "--run", str(run), *model])
        splitting = timed(["split", str(run)])
        rows[size] = {"read": reading, "split": splitting}
        rows[size]["all_cpu_seconds"] = reading["cpu_seconds"] + splitting["cpu_seconds"]
        rows[size]["all_seconds"] = reading["seconds"] + splitting["seconds"]
        print(size, json.dumps(rows[size]), file=sys.stderr)
    last = max(sizes)
    again = timed(["read", str(folder / f"docs-{last}"), "--run", str(folder / f"run-{last}")])
    exponents = {
        f"{small} to {large}": round(
            math.log(rows[large]["all_cpu_seconds"] / rows[small]["all_cpu_seconds"])
            / math.log(large / small),
            2,
        )
        for small, large in itertools.pairwise(sorted(sizes))
    }
    return {"sections": rows, "exponents": exponents, "unchanged": again}


def speed(paths: Sequence[Path], workers: int) -> dict[str, Any]:
    """Parse files side by side, as the stage does, without a ledger."""
    from self_evolution.documents.readers.worker import Limits
    from self_evolution.documents.readers.workers import Workers

    # Imports and the start of the processes are paid once a run, not for each megabyte.
    with Workers(Limits(2 << 30, 1 << 30, 600.0), workers) as pool:
        list(pool.read([paths[0]] * (4 * workers)))
        start = time.perf_counter()
        found = list(pool.read(paths))
        seconds = time.perf_counter() - start
    documents = [document for reading in found for document in reading.documents]
    size = sum(path.stat().st_size for path in paths)
    pages = sum(max((page for p in d.parts for _, page in p.pages), default=0) for d in documents)
    return {
        "seconds": round(seconds, 2),
        "mb_a_second": round(size / 1e6 / seconds, 1),
        "pages": pages,
        "pages_a_second": round(pages / seconds, 1),
        "problems": [document.problem for document in documents if document.problem],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="", help="folder of a model, for its tokenizer")
    parser.add_argument("--pdf", nargs="*", type=Path, default=[], help="PDF files to read")
    parser.add_argument("--sizes", default="1000,10000,100000", help="sections, growing")
    parser.add_argument("--text-mb", type=int, default=100, help="Markdown and text to read")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result: dict[str, Any] = {}
        source = sections(1)
        for ending in ("md", "txt"):
            paths = []
            for number in range(options.text_mb // 4):
                paths.append(folder / f"{number}.{ending}")
                with paths[-1].open("w", encoding="utf-8") as file:
                    while file.tell() < 4_000_000:
                        file.write(next(source) + "\n\n")
            if paths:
                result[ending] = speed(paths, options.workers)
            for path in paths:
                path.unlink()
        if options.pdf:
            result["pdf"] = speed(options.pdf, options.workers)
        print(json.dumps(result), file=sys.stderr)
        if options.sizes:
            script = folder / "script.json"
            script.write_text('{"rules": [], "default": "?"}', encoding="utf-8")
            model = ["--model.engine", "scripted", "--model", str(script)]
            if options.model:
                model = ["--model", str(Path(options.model).absolute())]
            sizes = [int(size) for size in options.sizes.split(",")]
            result |= growth(folder, sizes, model)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
