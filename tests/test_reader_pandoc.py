"""Formats that pandoc reads: what comes out, and what its cage refuses."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import socket
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hostile import BOMB

from self_evolution.documents.readers import READERS, pandoc
from self_evolution.documents.readers.base import Malformed
from self_evolution.documents.readers.worker import Limits
from self_evolution.documents.readers.workers import Read, Workers

needs_pandoc = pytest.mark.skipif(
    pandoc.program() is None, reason="pandoc is not there; pip install -e '.[pandoc]'"
)
LIMITS = Limits(768 << 20, 16 << 20, 20.0)

LATEX = r"""
\documentclass{article}\title{Pumps}\newcommand{\port}{4711}
\begin{document}\maketitle
\section{Limits}
The port is \port, the limit $\frac{a+b}{2c} \ge 3$ and 12\,\si{\micro\meter}.\footnote{Since May.}
\subsection{Parts}
\begin{tabular}{ll} Part & Limit \\ \hline Seal & 6 bar \end{tabular}
\begin{verbatim}
set port
\end{verbatim}
\end{document}
"""
ORG = """#+TITLE: Pumps
* Limits
The port is ~4711~, the limit \\(x^{-6}\\).
** Parts
| Part | Limit |
|------+-------|
| Seal | 6 bar |
#+BEGIN_SRC sh
set port
#+END_SRC
"""
WIKI = """= Limits =
The port is '''4711'''<!-- not this --> the limit <math>x^{-6}</math>.
== Parts ==
{|
! Part !! Limit
|-
| Seal || 6 bar
|}
<syntaxhighlight lang="sh">
set port
</syntaxhighlight>
"""
DOCBOOK = """<?xml version="1.0"?>
<!DOCTYPE article PUBLIC "-//OASIS//DTD DocBook XML V4.5//EN" "d.dtd" [<!ENTITY port "4711">]>
<article><title>Pumps</title><section><title>Limits</title><para>The port is &port;.</para>
<section><title>Parts</title><informaltable><tgroup cols="2"><thead><row><entry>Part</entry>
<entry>Limit</entry></row></thead><tbody><row><entry>Seal</entry><entry>6 bar</entry></row></tbody>
</tgroup></informaltable><programlisting>set port</programlisting></section></section></article>"""
RTF = rb"""{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\stylesheet{\s1\outlinelevel0 heading 1;}}
{\pard\s1\outlinelevel0\b Limits\par}{\pard The port is 4711, L\'e4nge 12 \u956?m.\par}
{\trowd\cellx1000\cellx2000\pard\intbl Part\cell Limit\cell\row
\trowd\cellx1000\cellx2000\pard\intbl Seal\cell 6 bar\cell\row}}"""


def odt(body: str) -> bytes:
    """An OpenDocument text with that content."""
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "text", "table", "style")
    )
    content = (
        f'<?xml version="1.0"?><office:document-content {spaces}><office:body><office:text>{body}'
        "</office:text></office:body></office:document-content>"
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", content)
        archive.writestr(
            "styles.xml",
            f"<office:document-styles {spaces}><office:styles/></office:document-styles>",
        )
    return packed.getvalue()


ODT = odt(
    '<text:h text:outline-level="1">Limits</text:h><text:p>The port is 4711.</text:p>'
    '<text:h text:outline-level="2">Parts</text:h><table:table><table:table-row>'
    "<table:table-cell><text:p>Part</text:p></table:table-cell><table:table-cell><text:p>Limit"
    "</text:p></table:table-cell></table:table-row><table:table-row><table:table-cell><text:p>Seal"
    "</text:p></table:table-cell><table:table-cell><text:p>6 bar</text:p></table:table-cell>"
    "</table:table-row></table:table>"
)


@needs_pandoc
@pytest.mark.parametrize(
    ("ending", "data", "title", "first"),
    [
        (".tex", LATEX, "Pumps", "The port is 4711, the limit (a+b)/(2c)≥3 and 12 μm.[1]"),
        (".org", ORG, "Pumps", "The port is `4711`, the limit x^−6."),
        (".mediawiki", WIKI, "Limits", "The port is **4711** the limit x^−6."),
        (".docbook", DOCBOOK, "Pumps", "The port is 4711."),
        (".xml", DOCBOOK, "Pumps", "The port is 4711."),
        (".odt", ODT, "Limits", "The port is 4711."),
        (".rtf", RTF, "Limits", "The port is 4711, Länge 12 μm."),
    ],
)
def test_a_format_is_read_by_pandoc(ending: str, data: str | bytes, title: str, first: str) -> None:
    raw = data.encode() if isinstance(data, str) else data
    found = READERS[ending](raw)
    assert found.title == title
    (one, *_) = [part for part in found.parts if part.heading[-1:] == ("Limits",)]
    assert one.text.split("\n\n")[0].replace("\xa0", " ") == first
    text = "\n\n".join(part.text for part in found.parts)
    assert "| Part | Limit |\n| --- | --- |\n| Seal | 6 bar |" in text
    language = {".org": "bash", ".mediawiki": "sh"}.get(ending, "")
    assert ending in (".odt", ".rtf") or f"```{language}\nset port\n```" in text
    assert ending == ".rtf" or any(part.heading[-1:] == ("Parts",) for part in found.parts)


def read(path: Path, limits: Limits = LIMITS) -> Read:
    """The only document of a file, read as a run reads it."""
    with Workers(limits, 1) as pool:
        ((document,),) = [reading.documents for reading in pool.read([path])]
    return document


@pytest.fixture
def caller() -> Iterator[tuple[str, list[str]]]:
    """The address of a server on this machine, and what it was asked for."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                asked.append(client.recv(1000).decode("ascii", "replace"))
                client.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/secret.txt", asked
        server.shutdown(socket.SHUT_RDWR)


@needs_pandoc
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.tex", r"\section{A} Words. \input{PATH} \include{PATH} \lstinputlisting{PATH}"),
        ("b.tex", r"Words. \includegraphics{ADDRESS} \input{ADDRESS} \input{|cat PATH}"),
        ("c.tex", r"Words. \usepackage{PATH} \bibliography{PATH} \verbatiminput{PATH}"),
        ("d.org", '* A\nWords.\n#+INCLUDE: "PATH"\n#+INCLUDE: "ADDRESS"\n#+SETUPFILE: PATH\n'),
        ("e.org", "Words.\n[[file:PATH]] [[ADDRESS]]\n#+BIBLIOGRAPHY: PATH\n[cite:@x]\n"),
        ("f.mediawiki", "Words.\n[[File:PATH]] {{:PATH}} [[Image:ADDRESS]]\n"),
        ("g.docbook", '<article><para>Words.<xi:include href="PATH" parse="text" '
         'xmlns:xi="http://www.w3.org/2001/XInclude"/></para></article>'),
        ("h.docbook", '<!DOCTYPE article [<!ENTITY x SYSTEM "PATH">]><article><para>Words. &x;'
         "</para></article>"),
        ("i.docbook", '<article><para>Words.</para><mediaobject><imageobject><imagedata '
         'fileref="ADDRESS"/></imageobject></mediaobject></article>'),
        ("j.rtf", r"{\rtf1 Words. {\field{\*\fldinst INCLUDETEXT PATH}{\fldrslt ok}}"
         r"{\field{\*\fldinst INCLUDEPICTURE ADDRESS}{\fldrslt ok}}}"),
    ],
)  # fmt: skip
def test_no_other_file_and_no_address_is_opened(
    name: str, text: str, tmp_path: Path, caller: tuple[str, list[str]]
) -> None:
    address, asked = caller
    secret = tmp_path / "secret.txt"
    secret.write_text("The password is swordfish.\n")
    path = tmp_path / name
    path.write_text(text.replace("PATH", str(secret)).replace("ADDRESS", address))
    found = read(path)
    assert "swordfish" not in repr(found) and not asked
    assert found.problem or "Words." in "\n".join(part.text for part in found.parts)


@needs_pandoc
def test_what_is_included_from_other_files_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tex"
    path.write_text(r"Words. \input{one} \input{two}")
    assert read(path).note == "left out: what it includes from other files (2)"


@needs_pandoc
def test_the_program_ends_with_its_time(tmp_path: Path) -> None:
    path = tmp_path / "a.tex"
    names = "abcdefghi"
    macros = [
        rf"\newcommand{{\{two}}}{{" + rf"\{one} " * 10 + "}"
        for one, two in itertools.pairwise(names)
    ]
    path.write_text(r"\newcommand{\a}{Words. }" + "".join(macros) + r"\i")
    with Workers(LIMITS._replace(memory=4 << 30, seconds=0.5), 1) as pool:
        ((document,),) = [reading.documents for reading in pool.read([path])]
        assert "took longer" in str(document.problem)
        _wait_until_there_are(0, pool)


@needs_pandoc
def test_the_program_ends_with_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "a.docbook"
    path.write_text(LARGE)
    with Workers(LIMITS._replace(memory=4 << 30), 1) as pool:
        thread = threading.Thread(target=lambda: list(pool.read([path])))
        thread.start()
        _wait_until_there_are(1, pool)
        pool._workers[0].stop()
        thread.join()
        _wait_until_there_are(0, pool)


LARGE = "<article>" + "<para>Words <emphasis>x</emphasis>.</para>" * 90_000 + "</article>"


def _wait_until_there_are(count: int, pool: Workers) -> None:
    """Wait for so many running pandocs that the processes of a pool have started."""
    deadline = time.monotonic() + 30
    while True:
        groups = {one._process.pid for one in pool._workers if one._process}
        found = 0
        for one in psutil.process_iter(["name", "status"]):
            with contextlib.suppress(ProcessLookupError):
                ended = one.info["status"] == psutil.STATUS_ZOMBIE
                found += (
                    one.info["name"] == "pandoc" and not ended and os.getpgid(one.pid) in groups
                )
        if found == count:
            return
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


@needs_pandoc
def test_the_program_has_the_memory_of_its_reader(tmp_path: Path) -> None:
    path = tmp_path / "a.docbook"
    path.write_text("<article>" + "<para>Words.</para>" * 100_000 + "</article>")
    limits = LIMITS._replace(memory=256 << 20)
    assert "256 MB of memory" in str(read(path, limits).problem)


@needs_pandoc
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.odt", b"no archive"),
        ("b.odt", odt("")),
        ("c.docbook", b"<article><para>"),
        ("d.docbook", (BOMB + "<article><para>&a9;</para></article>").encode()),
        ("e.rtf", b"plain"),
        ("f.tex", b"\\begin{document} \\begin{itemize} \xff\xfe"),
        ("g.org", b""),
    ],
)
def test_what_is_broken_is_refused_or_read(name: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    found = read(path)
    text = "\n".join(part.text for part in found.parts)
    assert found.problem or len(text) < 2_000


def test_without_pandoc_the_reason_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pandoc, "program", lambda: None)
    with pytest.raises(Malformed, match=r"self-evolution\[pandoc\]'.*apt install pandoc"):
        READERS[".odt"](ODT)


@needs_pandoc
def test_an_archive_and_a_mail_may_hold_them(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/b.odt", ODT)
        archive.writestr("c.org", ORG)
    with Workers(LIMITS, 1) as pool:
        (reading,) = pool.read([path])
    assert [(one.path, one.format, one.title) for one in reading.documents] == [
        ("a/b.odt", "odt", "Limits"),
        ("c.org", "org", "Pumps"),
    ]
