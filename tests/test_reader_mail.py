"""Messages: headers, the body in any encoding, attachments, and what is broken."""

from __future__ import annotations

import random
from email.message import EmailMessage
from pathlib import Path

import pytest

from self_evolution.documents.readers import mail
from self_evolution.documents.readers.base import Malformed


def _message() -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Pumpe Größe"
    message["From"] = "Zoë <zoe@example.org>"
    message["To"] = "ops@example.org"
    message["Date"] = "Mon, 02 Mar 2020 10:00:00 +0100"
    message.set_content("The pump is 12.\n\n> How large is it?\n", charset="utf-8")
    message.add_alternative("<p>The pump is <b>13</b>.</p>", subtype="html")
    return message


def test_a_message_has_its_subject_headers_and_plain_body() -> None:
    title, parts, note = mail.read(bytes(_message()))
    assert title == "Pumpe Größe" and not note
    assert parts[0].text.split("\n\n") == [
        "From: Zoë <zoe@example.org>. To: ops@example.org. Date: Mon, 02 Mar 2020 10:00:00 +0100",
        "The pump is 12.",
        "> How large is it?",
    ]


def test_a_message_in_html_alone_is_read_as_a_page() -> None:
    message = EmailMessage()
    message["Subject"] = "x"
    message.set_content("<h1>Pumps</h1><p>Twelve <i>of them</i>.</p>", subtype="html")
    parts = mail.read(bytes(message)).parts
    assert parts[-1].heading == ("Pumps",)
    assert "Twelve" in parts[-1].text


def test_attachments_are_files_of_their_own() -> None:
    message = _message()
    message.add_attachment(b"a,b\n1,2\n", maintype="text", subtype="csv", filename="../a/Maße.csv")
    inner = EmailMessage()
    inner["Subject"] = "inner"
    inner.set_content("Inside.")
    message.add_attachment(inner)
    found = dict(mail.attachments(bytes(message)))
    assert found.pop("Maße.csv") == b"a,b\n1,2\n"
    ((name, data),) = found.items()
    assert name == "inner.eml"
    assert mail.read(data).title == "inner"
    assert list(mail.attachments(bytes(_message()))) == []


def test_a_wrong_charset_and_flowed_lines_do_no_harm() -> None:
    head = b"Subject: s\nContent-Type: text/plain; charset=%s; format=flowed\n\n"
    data = head % b"nonsense" + "Größe und Länge der \nPumpe.\nEnde".encode("latin-1")
    assert mail.read(data).parts[0].text == "Größe und Länge der Pumpe.\nEnde"


@pytest.mark.parametrize("data", [b"", b"No headers here.\n\nText.", b"\n\n\n", bytes(100)])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        mail.read(data)


@pytest.mark.parametrize("depth", [20, 150, 3000])
def test_deep_nesting_is_bounded(depth: int) -> None:
    data = b"Subject: s\n"
    for i in range(depth):
        data += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i)
    for read in (mail.read, lambda data: list(mail.attachments(data))):
        try:
            read(data)
        except Malformed as error:
            assert "nested" in str(error)


def test_broken_messages_are_read_or_refused() -> None:
    message = _message()
    message.add_attachment(b"x", maintype="text", subtype="csv", filename="a.csv")
    whole = bytes(message)
    rng = random.Random(5)
    for _ in range(100):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 8)):
            data[rng.randrange(len(data))] = rng.choice(b'<>@,;:"=?\xff\n \0[')
        try:
            mail.read(bytes(data))
            list(mail.attachments(bytes(data)))
        except Malformed:
            pass


def _both(plain: str, page: str) -> bytes:
    message = EmailMessage()
    message["Subject"] = "x"
    message.set_content(plain)
    message.add_alternative(page, subtype="html")
    return bytes(message)


PAGE = "<p>The new limit is 6.2 bar.</p><p>Valve: V-12, says the page.</p>"


@pytest.mark.parametrize(
    ("plain", "taken"),
    [
        ("Please use a mail program that can show HTML.", "the page"),
        ("see html", "the page"),
        ("Ihr Programm zeigt kein HTML an.", "the page"),
        ("请使用支持HTML的邮件程序查看。", "the page"),
        ("https://example.org/view?id=12", "the page"),
        (" ", "the page"),
        ("The new limit is 6.2 bar. Valve: V-12. Plain.", "Plain."),
        ("THE NEW LIMIT IS 6.2 BAR (Plain.)", "(Plain.)"),
        ("Plain. " + "This text is longer than a stub. " * 40, "Plain."),
    ],
)
def test_a_stub_gives_way_to_the_page(plain: str, taken: str) -> None:
    text = "\n\n".join(part.text for part in mail.read(_both(plain, PAGE)).parts)
    assert taken in text and ("the page" in text) == (taken == "the page")


@pytest.mark.parametrize(
    "headers",
    [
        "<p><b>From:</b> Bob<br><b>Sent:</b> Monday<br><b>Subject:</b> limit</p>",
        "<p><b>Von:</b> Bob<br><b>Gesendet:</b> Montag</p>",
        "<p>De : Bob<br>Envoyé : lundi</p>",
        "<p>发件人: Bob<br>发送时间: 2024-03-04</p>",
        "<p>-----Original Message-----</p>",
        "<p>From: Bob Date: Monday</p>",
    ],
)
def test_a_message_that_is_replied_to_stands_as_a_quote(headers: str) -> None:
    page = f"<p>The limit is 6.2 bar.</p>{headers}<p>It was 5.5 bar.</p>"
    text = mail.read(_both("see html", page)).parts[-1].text
    assert "\n\nThe limit" in f"\n\n{text}" and "\n\n> It was 5.5 bar." in text


def test_a_letter_about_senders_is_no_quote() -> None:
    page = "<p>From: that valve on, all is new.</p><p>It was 5.5 bar.</p>"
    assert ">" not in mail.read(_both("see html", page)).parts[-1].text


HEAD = b"From ann@example.org Tue Mar  5 10:00:00 2024\nSubject: x\n\n"


@pytest.mark.parametrize(
    ("data", "bodies"),
    [
        (HEAD + b"One.\n", [b"One.\n"]),
        (HEAD + b"One.\n\n" + HEAD + b"Two.\n", [b"One.", b"Two.\n"]),
        ((HEAD + b"One.\n\n" + HEAD + b"Two.").replace(b"\n", b"\r\n"), [b"One.\r", b"Two."]),
        (HEAD + b">From here on.\n>>From there.", [b"From here on.\n>From there."]),
        (HEAD + b"One.\n\nFrom now on all is new.", [b"One.\n\nFrom now on all is new."]),
    ],
)
def test_an_mbox_holds_messages(data: bytes, bodies: list[bytes]) -> None:
    found = dict(mail.messages(data))
    assert list(found) == [f"{i}.eml" for i in range(1, len(bodies) + 1)]
    texts = [one.replace(b"\r\n", b"\n").partition(b"\n\n")[2] for one in found.values()]
    assert [one.rstrip(b"\r") for one in texts] == [one.rstrip(b"\r") for one in bodies]


@pytest.mark.parametrize("data", [b"", b"Subject: x\n\nOne.", b"no mail\n\nFrom a\nSubject: x\n"])
def test_what_is_no_mbox_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="no mbox"):
        list(mail.messages(data))


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ("<p>New.</p><blockquote>Old.</blockquote>", "New.\n\n> Old."),
        (
            "<div>New.</div><blockquote><p>Old.</p><p>Older.</p></blockquote>",
            "New.\n\n> Old.\n> \n> Older.",
        ),
        (
            "<p>New.</p><blockquote>Old.<blockquote>Oldest.</blockquote></blockquote>",
            "New.\n\n> Old.\n> \n> > Oldest.",
        ),
        ("<blockquote style='border:none'>Indented.</blockquote>", "Indented."),
        ("<blockquote>Old.</blockquote><p>New.</p>", "> Old.\n\nNew."),
    ],
)
def test_a_quotation_in_html_is_marked_once(body: str, read: str) -> None:
    data = f"From: a@example.org\nContent-Type: text/html\n\n<html><body>{body}".encode()
    text = "\n\n".join(part.text for part in mail.read(data).parts)
    assert text == f"From: a@example.org\n\n{read}"


CASES = Path(__file__).parents[2] / "shared" / "cases" / "mail"


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases (../shared/cases) are absent")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stub.eml", "The new limit is 6.2 bar.\n\n| Valve | Limit |"),
        ("reply.eml", "> the reset time in the manual is 12 seconds."),
        ("outlook.eml", "The new limit is 6.2 bar.\n\n> **From:** Bob"),
        ("outlook.eml", "> Old limit was 5.5 bar."),
    ],
)
def test_a_case_is_read_rightly(name: str, said: str) -> None:
    parts = mail.read((CASES / name).read_bytes()).parts
    assert said in "\n\n".join(part.text for part in parts)


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases (../shared/cases) are absent")
def test_every_message_of_an_mbox_is_read() -> None:
    found = mail.messages((CASES / "archive.mbox").read_bytes())
    assert [mail.read(data).title for _, data in found] == ["one", "two"]
