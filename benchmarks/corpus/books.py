"""The books of the corpus: which package has them, in which forms, and what is made of them."""

from __future__ import annotations

from typing import NamedTuple


class Book(NamedTuple):
    """One book in one language.

    `pages` are its HTML pages below the package's tree: a single file, or the index page, whose
    links give the others. `chapters` are those of the pages to take as they are, by the beginning
    of their names; "" takes a book of a single page. `copies` are the same book in other formats,
    `conversions` what to make from the HTML: "pandoc.docx" is a DOCX by
    pandoc, "docx.pdf" a PDF with outline by LibreOffice from that.
    """

    name: str
    language: str
    package: str
    pages: str
    chapters: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    conversions: tuple[str, ...] = ()


def _developers_reference(language: str, *conversions: str) -> Book:
    suffix = "" if language == "en" else f"-{language}"
    folder = "usr/share/developers-reference" + ("" if language == "en" else f"/{language}")
    name = f"{folder}/developers-reference"
    copies = (f"{name}.pdf", f"{name}.epub", f"{name}.txt.gz")
    return Book(
        f"devref-{language}", language, f"developers-reference{suffix}", f"{name}.html", ("",),
        copies, conversions,
    )  # fmt: skip


def _debmake(language: str, *conversions: str) -> Book:
    folder = "usr/share/doc/debmake-doc"
    copies = tuple(f"{folder}/debmake-doc.{language}.{end}" for end in ("pdf", "epub", "txt.gz"))
    return Book(
        f"debmake-{language}", language, "debmake-doc", f"{folder}/html/index.{language}.html",
        ("ch04", "ch06"), copies, conversions,
    )  # fmt: skip


def _history(language: str, *conversions: str) -> Book:
    folder = "usr/share/doc/debian-history/docs"
    ends = ("pdf", "epub", "txt.gz")
    copies = tuple(f"{folder}/project-history.{language}.{end}" for end in ends)
    return Book(
        f"history-{language}", language, "debian-history", f"{folder}/index.{language}.html",
        ("detailed",), copies, conversions,
    )  # fmt: skip


def _faq(language: str, *conversions: str) -> Book:
    folder = "usr/share/doc/debian/FAQ"
    # The PDF in Chinese and in Japanese is one page that says there is none.
    ends = ("txt.gz",) if language in ("ja", "zh-cn") else ("pdf.gz", "txt.gz")
    copies = tuple(f"{folder}/debian-faq.{language}.{end}" for end in ends)
    return Book(
        f"faq-{language}", language, f"debian-faq-{language}",
        f"{folder}/{language}/index.{language}.html", ("pkg-basics", "software"), copies,
        conversions,
    )  # fmt: skip


def _maint_guide(language: str, *conversions: str) -> Book:
    package = "maint-guide" if language == "en" else f"maint-guide-{language}"
    folder = f"usr/share/doc/{package}"
    return Book(
        f"maint-{language}", language, package, f"{folder}/html/index.{language}.html", ("dreq",),
        (f"{folder}/maint-guide.{language}.pdf",), conversions,
    )  # fmt: skip


def _r(name: str, *conversions: str) -> Book:
    html, pdf = (f"usr/share/R/doc/manual/{name}.{end}" for end in ("html", "pdf"))
    return Book(name, "en", "r-doc-html", html, ("",), (f"r-doc-pdf:{pdf}",), conversions)


_POLICY = "usr/share/doc/debian-policy"

BOOKS = (
    _developers_reference("en", "pandoc.docx", "pandoc.md", "pandoc.adoc", "libreoffice.docx"),
    _developers_reference("de", "docx.pdf", "libreoffice.odt"),
    _developers_reference("ja", "pandoc.docx"),
    Book(
        "policy", "en", "debian-policy", f"{_POLICY}/policy.html/index.html",
        ("ch-files", "ch-controlfields", "ch-opersys", "upgrading-checklist"),
        (f"{_POLICY}/policy.pdf.gz", f"{_POLICY}/policy.epub", f"{_POLICY}/policy.txt.gz"),
        ("docx.pdf",),
    ),
    Book(
        "copyright-format", "en", "debian-policy", f"{_POLICY}/copyright-format-1.0.html", ("",),
        (f"{_POLICY}/copyright-format-1.0.txt.gz",),
        ("pandoc.rst", "libreoffice.pdf", "pandoc.org"),
    ),
    Book(
        "perl-policy", "en", "debian-policy", f"{_POLICY}/perl-policy-1.html", ("",),
        (f"{_POLICY}/perl-policy.txt.gz",),
        ("pandoc.epub", "docx.pdf", "libreoffice.mediawiki", "pandoc.ipynb"),
    ),
    Book(
        "fhs", "en", "debian-policy", f"{_POLICY}/fhs/fhs-3.0.html", ("",),
        (f"{_POLICY}/fhs/fhs-3.0.pdf.gz", f"{_POLICY}/fhs/fhs-3.0.txt.gz"),
    ),
    _debmake("en"),
    _debmake("zh-cn", "libreoffice.docx"),
    _debmake("ja", "libreoffice.rtf"),
    _debmake("ru"),
    _history("fr", "pandoc.docx", "pandoc.rst", "pandoc.pptx", "libreoffice.odt"),
    _history("ko", "docx.pdf", "libreoffice.mediawiki"),
    _faq("de", "pandoc.epub", "libreoffice.docx", "pandoc.ipynb"),
    _faq("fr", "pandoc.md", "libreoffice.docx", "libreoffice.tex"),
    _faq("ru", "pandoc.docx", "docx.pdf", "libreoffice.rtf"),
    _faq("zh-cn", "pandoc.docx", "docx.pdf", "pandoc.epub", "pandoc.md", "libreoffice.odt"),
    _faq("ja", "docx.pdf", "pandoc.md", "pandoc.org"),
    _maint_guide("en", "pandoc.adoc", "pandoc.pptx", "libreoffice.tex"),
    _maint_guide("zh-cn", "pandoc.rst"),
    Book(
        "reference-ja", "ja", "debian-reference-ja", "usr/share/debian-reference/index.ja.html",
        ("ch02",), ("usr/share/debian-reference/debian-reference.ja.pdf",),
    ),
    Book(
        "reference-zh-cn", "zh", "debian-reference-zh-cn",
        "usr/share/debian-reference/index.zh-cn.html", ("ch09",),
        ("usr/share/debian-reference/debian-reference.zh-cn.pdf",),
    ),
    _r("R-FAQ", "pandoc.docx", "libreoffice.rtf"),
    _r("R-data", "pandoc.rst", "pandoc.tex"),
    _r("R-lang"),
    Book(
        "bashref", "en", "bash-doc", "usr/share/doc/bash/bashref.html", ("",),
        ("usr/share/doc/bash/bashref.pdf",),
    ),
    Book(
        "harden-zh", "zh", "harden-doc", "usr/share/doc/harden-doc/html/zh-CN/index.html",
        ("ch04s20", "sec-services"),
    ),
)  # fmt: skip

SOURCES = (
    # (file name, package, source, HTML made of it)
    *(
        (f"policy-{name}.rst", "debian-policy", f"{_POLICY}/policy.html/_sources/{name}.rst.txt",
         f"{_POLICY}/policy.html/{name}.html")
        for name in ("ch-files", "ch-controlfields", "ch-source")
    ),
    *(
        (f"git-{name}.adoc", "git-doc", f"usr/share/doc/git-doc/{name}.txt",
         f"usr/share/doc/git-doc/{name}.html")
        for name in ("gitfaq", "MyFirstContribution", "giteveryday", "gittutorial")
    ),
)  # fmt: skip
"""Sources that are read as text, in the language of which the package has the HTML."""

HANDBOOKS = (
    # (package, name, language): DocBook by KDE, with the HTML that was made of it
    ("gwenview", "gwenview", "en"),
    ("gwenview", "gwenview", "de"),
    ("ark", "ark", "en"),
    ("ark", "ark", "fr"),
)

ENCODED = (
    # (book, encoding): its text in the encoding of its language from before Unicode
    ("faq-zh-cn", "gb18030"),
    ("faq-ja", "euc-jp"),
    ("faq-de", "iso-8859-1"),
    ("faq-ru", "koi8-r"),
    ("history-ko", "euc-kr"),
    ("debmake-zh-cn", "utf-16"),
)
