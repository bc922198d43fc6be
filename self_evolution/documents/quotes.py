"""Quotations in mail: the messages that a reply repeats stand behind "> ", line by line.

They are kept, because a reply is often understood only with them, but nothing is asked about them:
they may be out of date, and the mail that they come from is asked about itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# The headers with which mail programs begin the message that is replied to.
_SENDER = "From|Von|De|发件人|寄件者|差出人"
_DATE = "Sent|Date|Gesendet|Datum|Envoyé|发送时间|寄件日期|送信日時"
_ORIGINAL = "Original Message|Ursprüngliche Nachricht|Message d'origine|原始邮件|Original-Nachricht"
_REPLIED = re.compile(
    rf"[\W_]{{0,80}}(?:(?:{_SENDER}) ?[:：].{{0,200}}\n?.{{0,200}}\b(?:{_DATE}) ?[:：]"
    rf"|(?:{_ORIGINAL}) ?-{{3}})",
    re.IGNORECASE,
)
_LINE = re.compile("^", re.MULTILINE)
_QUOTED = re.compile(r"^>.*(?:\n|\Z)", re.MULTILINE)
_INTRODUCED = re.compile(r"^.*\d.*[:：]\n+(?=>)", re.MULTILINE)  # "On 4 May 2024, Ann wrote:"


def marked(blocks: Iterable[str]) -> Iterator[str]:
    """The blocks of a mail. From the headers of the message that is replied to on, each line has
    "> " before it."""
    is_quoted = False
    for block in blocks:
        is_quoted = is_quoted or bool(_REPLIED.match(block))
        yield behind(block) if is_quoted else block


def behind(text: str) -> str:
    """A text with "> " before each of its lines."""
    return _LINE.sub("> ", text)


def own_words(text: str) -> str:
    """A fragment of a mail without what it quotes, and without the line that announces it."""
    return re.sub(r"\n{3,}", "\n\n", _QUOTED.sub("", _INTRODUCED.sub("", text))).strip()
