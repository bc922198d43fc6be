"""Formats that the program pandoc turns into a web page, which is then read like any other.

The program comes with the extra `pandoc`, or with the system. It is restricted in three ways: with
`--sandbox` it opens no file and no address, whatever its input says; it gets the document and no
environment; and it has the limits of memory and time of the process that starts it.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import resource
import shutil
import signal
import subprocess
from pathlib import Path

from self_evolution.documents.readers.base import Content, Malformed, normal
from self_evolution.documents.readers.encoding import decode

FORMATS = ("docbook", "latex", "mediawiki", "odt", "org", "rtf")
"""The formats that are left to the program, by its own names for them."""

INSTALL = "pip install 'self-evolution[pandoc]', or: apt install pandoc (2.15 or newer)"
_SECONDS = 60  # of CPU time, where no time limit is set
_OUT_OF_MEMORY = 251  # the exit status of a Haskell program whose memory does not suffice
# Spellings of RTF on which pandoc loses words or gives up, and others that mean the same.
_RTF = (
    (re.compile(rb"(\\u-?\d+)(?=[^\d\s\\{}])"), rb"\1 "),
    (re.compile(rb"(?<=\\'[0-9a-fA-F]{2})'"), rb"\\'27"),
)
_CODE = re.compile(rb'<pre class="([\w+#-]+)"(?=[^<>]*><code>)')
_NOT_INCLUDED = re.compile(r"Could not load include file (\S+)")


@functools.cache
def program() -> str | None:
    """The path of the program: that of the extra, else the system's; None if there is none."""
    package = importlib.util.find_spec("pypandoc")
    own = Path(package.origin).parent / "files" / "pandoc" if package and package.origin else None
    return str(own) if own and own.is_file() else shutil.which("pandoc")


def command(form: str) -> list[str]:
    """The command that turns a document on its standard input into a page on its output."""
    options = f"--sandbox --from={form} --to=html --standalone --mathml --wrap=none --no-highlight"
    return [program() or "pandoc", *options.split()]


def read(data: bytes, form: str) -> Content:
    """The text of a document in one of FORMATS; what it includes from other files is left out.

    Raises Malformed where the program is missing or cannot read it, and MemoryError where it needs
    more memory than this process may have.
    """
    from self_evolution.documents.readers import html

    if program() is None:
        raise Malformed(f"read by the program pandoc, which is missing: {INSTALL}")
    done = subprocess.run(
        command(form),
        input=_prepared(data, form),
        capture_output=True,
        check=False,
        cwd="/",
        env={},
        preexec_fn=_limit_time,
    )
    said = done.stderr.decode("utf-8", errors="replace")
    if done.returncode == _OUT_OF_MEMORY:
        raise MemoryError
    if done.returncode < 0:
        raise Malformed(f"pandoc was ended while it read it ({signal.strsignal(-done.returncode)})")
    if done.returncode:
        raise Malformed(f"pandoc cannot read it: {' '.join(said.split())[:200]}")
    page = done.stdout.replace(b"<title>-</title>", b"", 1)  # its title for a page that has none
    content = html.read(_CODE.sub(rb'<pre class="language-\1"', page))
    absent = set(_NOT_INCLUDED.findall(said))
    note = f"left out: what it includes from other files ({len(absent):,})" if absent else ""
    return content._replace(note="; ".join(filter(None, (content.note, note))))


def _prepared(data: bytes, form: str) -> bytes:
    """A document as pandoc reads it rightly: in UTF-8, and without what it misunderstands."""
    if form == "rtf":
        for spelling, other in _RTF:
            data = spelling.sub(other, data)
    elif form != "odt":
        # A heading of Org below the third level would be an item of a list.
        head = "#+OPTIONS: H:9\n" if form == "org" else ""
        data = (head + normal(decode(data))).encode("utf-8", errors="replace")
    return data


def _limit_time() -> None:
    """Limit the computing of the program to the time that this process has left."""
    left = int(signal.getitimer(signal.ITIMER_REAL)[0]) or _SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (left + 1, left + 1))
