"""EML and mbox: who wrote what to whom; the attachments are documents of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from lxml import etree

from self_evolution.documents.quotes import behind, marked
from self_evolution.documents.readers import html
from self_evolution.documents.readers.base import Builder, Content, Malformed, divide, normal
from self_evolution.documents.readers.encoding import decode
from self_evolution.documents.readers.html.tree import tree

_HEADERS = ("From", "To", "Cc", "Date")
_DEEPEST = 5  # messages that may stand in one another
_BOUNDARY = re.compile(rb"boundary *=", re.IGNORECASE)
_BOUNDARIES = 200
_STUB = 1_000  # characters; a longer plain text is the message itself
_WORD = re.compile(r"[^\W_]+")
_ENVELOPE = re.compile(rb"(?:\A|\n\r?\n)From [^\n]*\n(?=[!-9;-~]+:)")
_ESCAPED = re.compile(rb"^>(>*From )", re.MULTILINE)
_INDENTED = re.compile(r"border(?:-\w+)?\s*:\s*none", re.IGNORECASE)
_QUOTE = "\ue0f0"  # marks the place of a quotation in a page; no text has this character
_SOFT_BREAK = re.compile(r"(?<=[^\n-] )\n(?=[^>\n ])")


def read(data: bytes) -> Content:
    """Read the subject as title, a line of the other headers, and the body: as plain text, else
    HTML.

    Text in HTML also serves where the plain text only says that there is one. Messages quoted
    below a reply stand behind "> ". Raises Malformed for what has no headers of a message.
    """
    message = _message(data)
    known = {name: _header(message, name) for name in ("Subject", *_HEADERS)}
    if not any(known.values()):
        raise Malformed("no message: it has no From, To, Date or Subject")
    builder = Builder()
    builder.block(". ".join(f"{name}: {known[name]}" for name in _HEADERS if known[name]))
    plain, page = _bodies(message)
    text = _plain(plain) if plain is not None else ""
    shown = Content("", [])
    if page is not None and len(text) < _STUB:
        shown = _page(_payload(page))
    if not _is_stub(text, " ".join(part.text for part in shown.parts)):
        shown = Content("", divide(text, []))
    told = iter(marked([block for part in shown.parts for block in part.text.split("\n\n")]))
    for part in shown.parts:
        for level, name in enumerate(part.heading, 1):
            builder.heading(level, name)
        for _ in part.text.split("\n\n"):
            builder.block(next(told))
    return Content(known["Subject"], builder.parts(), shown.note)


def _page(data: bytes) -> Content:
    """The text of a message in HTML, in which quotations stand behind "> "."""
    root = tree(data)
    if root is None:
        return Content("", [])
    quotes: list[etree._Element] = []
    for element in list(root.iter("blockquote")):
        if not _is_quote(element):
            element.tag = "div"
        elif not any(one in quotes for one in element.iterancestors("blockquote")):
            quotes.append(element)
    for number, element in enumerate(quotes):
        element.tag = "div"  # its text gets the sign of a quotation below
        place = etree.Element("p")
        place.text, place.tail, element.tail = f"{_QUOTE}{number}{_QUOTE}", element.tail, None
        element.getparent().replace(element, place)
    builder, whole = Builder(), Builder()
    html.build(root, builder)
    for part in builder.parts():
        for level, name in enumerate(part.heading, 1):
            whole.heading(level, name)
        for number, text in enumerate(part.text.split(_QUOTE)):
            if number % 2:
                inner = Builder()
                html.build(quotes[int(text)], inner)
                text = behind("\n\n".join("\n\n".join((*p.heading, p.text)) for p in inner.parts()))
            whole.block(text)
    return Content("", whole.parts(), builder.note)


def attachments(data: bytes) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the attached files; a message inside is a file that is not opened here.

    If a message has too many parts, the first ones are read. Raises Malformed.
    """
    message = _message(data)
    bodies = [one for one in _bodies(message) if one is not None]
    for number, part in enumerate(_leaves(message), 1):
        if any(part is body for body in bodies) or (part is message and not _name(part)):
            continue
        if part.get_content_type() == "message/rfc822":
            inner = part.get_payload()
            if isinstance(inner, list) and inner and isinstance(inner[0], EmailMessage):
                name = _name(part) or f"{_header(inner[0], 'Subject') or f'part {number}'}.eml"
                yield name, _bytes(inner[0])
        elif name := _name(part):
            yield name, _payload(part)


def messages(data: bytes) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the messages of an mbox, in order. Raises Malformed if there are none."""
    starts = list(_ENVELOPE.finditer(data))
    if not starts or data[: starts[0].start()].strip():
        raise Malformed("no mbox: it does not begin with a line such as: From ann@example.org")
    ends = [*(match.start() for match in starts[1:]), len(data)]
    for number, (match, end) in enumerate(zip(starts, ends, strict=True), 1):
        yield f"{number}.eml", _ESCAPED.sub(rb"\1", data[match.end() : end])


def _is_stub(plain: str, page: str) -> bool:
    """Whether a plain text lacks most words of the page that is to say the same."""
    words = set(_WORD.findall(page.lower()))
    return len(words & set(_WORD.findall(plain.lower()))) < len(words) / 2 or not plain.strip()


def _message(data: bytes) -> EmailMessage:
    if len(_BOUNDARY.findall(data)) > _BOUNDARIES:  # each line is compared with all open ones
        raise Malformed("a message with parts nested too deep")
    try:
        message = BytesParser(policy=policy.default).parsebytes(data.lstrip(b"\r\n\t \xef\xbb\xbf"))
    except RecursionError:
        raise Malformed("a message with parts nested too deep") from None
    assert isinstance(message, EmailMessage)
    return message


def _bytes(message: EmailMessage) -> bytes:
    """Return a message inside as a file; if it cannot be written again, return its body."""
    try:
        return message.as_bytes(policy=policy.compat32)
    except Exception:  # the library fails on the headers that it does not understand
        return _payload(message)


def _leaves(message: EmailMessage, depth: int = 0) -> Iterator[EmailMessage]:
    """Yield the parts with content, in order; a message inside is one of them."""
    if message.get_content_maintype() != "multipart" or not message.is_multipart():
        yield message
    elif depth < _DEEPEST * 4:
        for part in message.get_payload():
            if isinstance(part, EmailMessage):
                yield from _leaves(part, depth + 1)


def _bodies(message: EmailMessage) -> tuple[EmailMessage | None, EmailMessage | None]:
    """The first part in plain text and the first in HTML that are not attached."""
    leaves = [one for one in _leaves(message) if not _is_attached(one)]
    plain = (one for one in leaves if one.get_content_type() == "text/plain")
    page = (one for one in leaves if one.get_content_type() == "text/html")
    return next(plain, None), next(page, None)


def _is_attached(part: EmailMessage) -> bool:
    return "attachment" in _header(part, "Content-Disposition").lower() or bool(_name(part))


def _header(message: EmailMessage, name: str) -> str:
    try:
        value = str(message.get(name, ""))
    except Exception:  # the library's parser of headers raises many things on broken ones
        value = next((str(raw) for key, raw in message.raw_items() if key.lower() == name), "")
    return " ".join(normal(value).split())


def _name(part: EmailMessage) -> str:
    """The file name of an attachment, without any folder."""
    try:
        name = str(part.get_filename() or "")
    except Exception:
        return ""
    return " ".join(normal(name).replace("\\", "/").rsplit("/", 1)[-1].split()).strip(".")


def _payload(part: EmailMessage) -> bytes:
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _plain(part: EmailMessage) -> str:
    """A text part, with the soft line breaks of `format=flowed` removed; quotes stay."""
    try:
        declared = part.get_content_charset() or ""
        flowed = str(part.get_param("format", "")).lower() == "flowed"
    except Exception:
        declared, flowed = "", False
    text = normal(decode(_payload(part), declared))
    return _SOFT_BREAK.sub("", text) if flowed else text


def _is_quote(element: etree._Element) -> bool:
    """Whether a mail program quotes another message with this element, and does not indent."""
    return element.tag == "blockquote" and not _INDENTED.search(element.get("style", ""))
