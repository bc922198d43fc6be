"""Messages: headers, the body in any encoding, attachments, and what is broken."""

from __future__ import annotations

import random
from email.message import EmailMessage

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
