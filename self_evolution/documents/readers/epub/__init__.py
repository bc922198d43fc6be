"""E-books: the chapters in their order, each read as a page of HTML."""

from __future__ import annotations

from posixpath import dirname, join, normpath
from typing import NamedTuple
from urllib.parse import unquote

from lxml import etree

from self_evolution.documents.readers import html
from self_evolution.documents.readers.base import Builder, Content, Malformed
from self_evolution.documents.readers.epub.levels import (
    Entry,
    are_flat,
    level,
    place,
    same,
    shown,
    without_lists,
)
from self_evolution.documents.readers.epub.styles import mark
from self_evolution.documents.readers.html.elements import HEADINGS
from self_evolution.documents.readers.html.tree import tree
from self_evolution.documents.readers.package import Package

_PAGES = (".xhtml", ".html", ".htm")
_OBFUSCATED = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_ASIDE = frozenset(("toc", "cover"))


class _Book(NamedTuple):
    """Title, paths of the chapters in order, and the entries of the table of contents for each.

    `listing` is the path of a page that has a table of contents, and may be a title page as well.
    """

    title: str
    chapters: list[str]
    contents: dict[str, list[Entry]]
    listing: str = ""


def read(data: bytes) -> Content:
    """The text of an EPUB under the headings of its chapters.

    `note` names chapters that are missing or broken. Raises Malformed for what is no EPUB, and
    for an encrypted one.
    """
    package = Package(data)
    book = _book(package)
    chapters: dict[str, etree._Element] = {}
    unread = []
    for path in book.chapters:
        root = _page(package, path)
        if root is None:
            unread.append(path)
        else:
            chapters[path] = root
    if not any(_first_heading(root) is not None for root in chapters.values()):
        sheets = (package.member(name) or b"" for name in package.names() if name.endswith(".css"))
        mark(list(chapters.values()), b"\n".join(sheets).decode("utf-8", errors="replace"))
    if book.listing in chapters and not without_lists(chapters[book.listing]):
        del chapters[book.listing]
    builder = Builder()
    places = [place(root, book.contents.get(path, [])) for path, root in chapters.items()]
    flat = are_flat(places)
    firsts = {path: entries[0] for path, entries in book.contents.items()}
    nested = len({entry.depth for entry in firsts.values()}) > 1
    for (path, root), placed in zip(chapters.items(), places, strict=True):
        if flat and placed:
            level(root, placed)
            html.build(root, builder)
        else:
            _chapter(root, builder, firsts.get(path), nested)
    missing = f"chapters missing or broken: {', '.join(unread)}" if unread else ""
    note = "; ".join(filter(None, (missing, builder.note)))
    return Content(book.title, builder.parts(), note)


def _page(package: Package, path: str) -> etree._Element | None:
    """The root of a chapter; None where it is missing or broken."""
    member = package.member(path)
    try:
        return tree(member) if member else None
    except Malformed:
        return None


def _first_heading(root: etree._Element) -> etree._Element | None:
    return next((one for one in root.iter(*HEADINGS) if shown(one)), None)


def _chapter(root: etree._Element, builder: Builder, entry: Entry | None, nested: bool) -> None:
    """Pass a chapter to `builder`, at its level in the table of contents.

    A table without levels says nothing about them; then those of the headings hold.
    """
    first = _first_heading(root)
    if entry is None or root.find(".//*[@role='heading']") is not None:
        html.build(root, builder)
    elif first is None:
        builder.heading(entry.depth, entry.label)
        html.build(root, builder)
    else:
        named = same(shown(first), entry.label)
        html.build(root, builder, entry.depth - int(first.tag[1]) if nested and named else 0)


def _book(package: Package) -> _Book:
    names = set(package.names())
    place = _package_file(package)
    root = package.xml(place) if place else None
    if root is None:
        pages = sorted(name for name in names if name.lower().endswith(_PAGES))
        if not pages:
            raise Malformed("a ZIP archive, but no e-book in it")
        return _Book("", pages, {})
    items = {one.get("id", ""): one for one in root.iterfind("{*}manifest/{*}item")}
    paths = {name: _path(place, one.get("href", "")) for name, one in items.items()}
    nav = [name for name, one in items.items() if "nav" in one.get("properties", "").split()]
    ncx = [name for name, one in items.items() if one.get("media-type", "").endswith("ncx+xml")]
    aside, listing = {paths[name] for name in nav}, ""
    for one in root.iterfind("{*}guide/{*}reference"):
        if one.get("type", "") in _ASIDE and "#" not in one.get("href", ""):
            path = _path(place, one.get("href", ""))
            if one.get("type") == "toc" and path not in aside:
                listing = path
            else:
                aside.add(path)
    spine = [paths.get(one.get("idref", ""), "") for one in root.iterfind("{*}spine/{*}itemref")]
    _refuse_encrypted(package, set(spine))
    contents: dict[str, list[Entry]] = {}
    for name in (*nav, *ncx):
        contents = contents or _contents(package, paths[name])
    # A chapter that is listed twice is read once.
    chapters = [path for path in dict.fromkeys(spine) if path and path not in aside]
    title = next((shown(one) for one in root.iterfind("{*}metadata/{*}title") if shown(one)), "")
    return _Book(title, chapters, contents, listing)


def _package_file(package: Package) -> str:
    """The path of the file that lists all others."""
    container = package.xml("META-INF/container.xml")
    if container is not None:
        for one in container.iterfind(".//{*}rootfile"):
            if one.get("full-path"):
                return str(one.get("full-path"))
    return next((name for name in package.names() if name.lower().endswith(".opf")), "")


def _path(base: str, href: str) -> str:
    """The path in the archive that `href`, in the file at `base`, leads to."""
    path = unquote(href.split("#")[0])
    return normpath(join(dirname(base), path)) if path else ""


def _refuse_encrypted(package: Package, chapters: set[str]) -> None:
    root = package.xml("META-INF/encryption.xml")
    for one in root.iter("{*}EncryptedData") if root is not None else ():
        method, target = one.find("{*}EncryptionMethod"), one.find(".//{*}CipherReference")
        algorithm = method.get("Algorithm", "") if method is not None else ""
        path = normpath(unquote(target.get("URI", ""))) if target is not None else ""
        if algorithm not in _OBFUSCATED and path in chapters:
            raise Malformed("encrypted (copy protection): its text cannot be read")


def _contents(package: Package, path: str) -> dict[str, list[Entry]]:
    """Return the entries for each file in the table of contents at `path`, of either EPUB
    version."""
    member = package.member(path)
    root = package.xml(path) if path.endswith(".ncx") else tree(member) if member else None
    if root is None:
        return {}
    found: dict[str, list[Entry]] = {}
    depth, label = 0, ""
    for nav in root.iter("nav"):
        if "toc" in nav.get("epub:type", ""):
            root = nav
            break
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = str(element.tag).rpartition("}")[2]
        if tag in ("ol", "navPoint"):
            depth += 1 if event == "start" else -1
        elif event == "start" and tag in ("a", "text"):
            label = shown(element)
        if event == "start" and tag in ("a", "content"):
            link = element.get("href") or element.get("src") or ""
            target = _path(path, link)
            if target and label and depth:
                entry = Entry(depth, label, unquote(link.partition("#")[2]))
                found.setdefault(target, []).append(entry)
    return found
