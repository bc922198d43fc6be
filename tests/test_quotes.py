"""Quotations in mail: what is one, and that nothing is asked about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from conftest import SHARED, rows

from self_evolution import cli
from self_evolution.config import Domain
from self_evolution.documents.quotes import own_words
from self_evolution.documents.readers import mail
from self_evolution.prompts import Prompts
from self_evolution.records import Fragment

NEW = "The limit of valve V-12 is 6.2 bar since May."
OLD = "The limit of valve V-12 was 5.5 bar."


def message(text: str = "", page: str = "", subject: str = "Re: limit") -> bytes:
    """A mail with a text, a page in HTML, or both."""
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = subject, "ann@example.org", "ops@example.org"
    if text:
        made.set_content(text, charset="utf-8")
    if text and page:
        made.add_alternative(page, subtype="html", charset="utf-8")
    elif page:
        made.set_content(page, subtype="html", charset="utf-8")
    return bytes(made)


PLAIN = {
    "Gmail": f"{NEW}\n\nOn Mon, 4 Mar 2024 at 17:02, Bob <b@example.org> wrote:\n\n> {OLD}\n> B\n",
    "Thunderbird": f"Am 04.03.24 um 17:02 schrieb Bob:\n> {OLD}\n> Stimmt das?\n\n{NEW}\n",
    "Outlook": f"{NEW}\n\n-----Original Message-----\nFrom: Bob <b@example.org>\n\n{OLD}\n\nBob\n",
    "Outlook for phones": f"{NEW}\n\n{'_' * 32}\nFrom: Bob\nSent: Monday\nTo: Ann\n\n{OLD}\n",
    "Outlook in German": f"{NEW}\n\nVon: Bob\nGesendet: Montag, 4. März\nAn: Ann\n\n{OLD}\n",
    "QQ": f"{NEW}\n\n------------------ 原始邮件 ------------------\n发件人: Bob\n\n{OLD}\n",
    "Outlook in Japanese": f"{NEW}\n\n差出人: Bob\n送信日時: 2024年3月4日\n宛先: Ann\n\n{OLD}\n",
    "mutt, twice": f"{NEW}\n\n>> {OLD}\n> No, it was never that.\n",
}
PAGES = {
    "Gmail": f'<div>{NEW}</div><br><div class="gmail_quote"><div class="gmail_attr">On Mon, '
    f'4 Mar 2024 at 17:02, Bob wrote:<br></div><blockquote class="gmail_quote" style="margin:0px '
    f'0px 0px 0.8ex;border-left:1px solid rgb(204,204,204)"><p>{OLD}</p><ul><li>{OLD}</li></ul>'
    f"<table><tr><td>Limit</td><td>Valve</td></tr><tr><td>5.5 bar</td><td>V-12</td></tr></table>"
    f"<pre>limit 5.5 bar</pre></blockquote></div>",
    "Apple Mail": f"<p>{NEW}</p><div><blockquote type='cite'><div>On 4 Mar 2024, Bob wrote:</div>"
    f"<blockquote type='cite'><h1>Limits</h1><p>{OLD}</p></blockquote></blockquote></div>",
    "Outlook": f"<p>{NEW}</p><div style='border-top:solid'><p><b>From:</b> Bob<br><b>Sent:</b> "
    f"Monday</p></div><p>{OLD}</p><ul><li>{OLD}</li></ul><h1>A</h1><p>{OLD}</p>",
    "Outlook on the web": f'<div>{NEW}</div><hr><div id="divRplyFwdMsg"><b>Von:</b> Bob<br>'
    f"<b>Gesendet:</b> Montag</div><div>{OLD}</div>",
}


@pytest.mark.parametrize("program", PLAIN)
def test_a_quotation_in_plain_text_is_marked(program: str) -> None:
    _is_marked(message(PLAIN[program]))


@pytest.mark.parametrize("program", PAGES)
def test_a_quotation_in_html_is_marked(program: str) -> None:
    _is_marked(message(page=PAGES[program]))


def _is_marked(data: bytes) -> None:
    text = "\n\n".join(part.text for part in mail.read(data).parts)
    own = own_words(text)
    assert OLD in text and "V-12" in own and NEW in own
    assert "5.5" not in own and "never that" not in own and "Mar 2024" not in own
    assert all(line.startswith(">") for line in text.split("\n") if "5.5" in line)


@pytest.mark.parametrize(
    "text",
    [
        f"{NEW}\n\nThe range is as follows: 5 > 3, and x -> y.\n",
        f"{NEW}\n\nFrom: the valve that was sent on Monday.\n",
        f"{NEW}\n\nThe original message was lost.\n",
        f"{NEW}\n\n--- Original Message of the pump: E-17\n",
        f"{NEW}\n\nVon: der Pumpe bis zum Ventil.\n",
    ],
)
def test_what_looks_like_one_is_none(text: str) -> None:
    read = mail.read(message(text)).parts[-1].text
    assert ">" not in own_words(text).replace("5 > 3", "").replace("->", "")
    assert own_words(read) == read


def test_an_indented_paragraph_is_no_quotation() -> None:
    page = (
        f"<p>Hello,</p><blockquote style='margin:0 0 0 40px;border:none'><p>{NEW}</p></blockquote>"
    )
    assert NEW in own_words(mail.read(message(page=page)).parts[-1].text)


def test_answers_between_the_lines_are_kept_without_the_questions() -> None:
    text = f"> What is the limit of V-12?\n\n{NEW}\n\n> And of V-13?\n\nIt is 7 bar.\n"
    assert own_words(text) == f"{NEW}\n\nIt is 7 bar."


@pytest.fixture
def mailed(documents: Path, script: Path, arguments: Callable[..., list[str]]) -> list[str]:
    """The command line of a run over mail, whose model says what it was shown."""
    (documents / "a.eml").write_bytes(message(PLAIN["Gmail"]))
    (documents / "b.eml").write_bytes(message(page=PAGES["Outlook"], subject="Re: another"))
    (documents / "c.eml").write_bytes(message("\n".join(f"> {OLD} {i}" for i in range(300))))
    (documents / "d.md").write_text(f"# Note\n\n> {NEW} This note is no mail.\n")
    script.write_text(
        json.dumps({"rules": [{"pattern": r"(?s)\A(.*)\Z", "reply": r"\1"}], "default": ""})
    )
    words = ["--generations", "1", "--split.max-tokens", "200", "--check.enabled", "false"]
    return arguments("run", *words)


def test_no_question_is_asked_about_a_quotation(
    mailed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(mailed) == 0
    run = tmp_path / "run"
    fragments = rows(run, "fragment")
    assert sum(OLD in str(row["text"]) for row in fragments) > 10
    asked = rows(run, "question") + rows(run, "answer")
    assert any(NEW in str(row["text"]) for row in asked)
    assert any("This note is no mail" in str(row["text"]) for row in asked)
    assert not any("5.5" in str(row["text"]) for row in asked)
    silent = {row["id"] for row in fragments if row["own"] == ""}
    assert len(silent) > 5 and not silent & {row["fragment_id"] for row in rows(run, "question")}
    assert f"{len(silent)} only quoted in mail" in capsys.readouterr().err


def test_no_test_question_is_built_about_a_quotation(mailed: list[str], tmp_path: Path) -> None:
    words = ["--evaluate.build", "always", "--domain.prompts", "auto"]
    assert cli.main([*mailed, *words]) == 0
    found = rows(tmp_path / "run", "candidate")
    assert found and not any("5.5" in str(row) for row in found)
    assert any(NEW in str(row["question"]) for row in found)


def test_a_mail_is_no_duplicate_of_its_quotation(mailed: list[str], tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    words = f"{OLD} It is checked every morning by the shift that comes first, and written down."
    (docs / "first.eml").write_bytes(message(f"Noted, thank you.\n\n> {words}\n", subject="One"))
    (docs / "second.eml").write_bytes(message(words, subject="One"))
    cli.main(["read", *mailed[1:]])
    assert cli.main(["split", str(tmp_path / "run")]) == 0
    found = [row for row in rows(tmp_path / "run", "fragment") if words in str(row["text"])]
    assert [row["duplicate"] for row in found] == [None, None]


CASES = SHARED / "cases" / "mail"


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases (../shared/cases) are absent")
@pytest.mark.parametrize(
    ("name", "own", "quoted"),
    [("reply.eml", "14 seconds", "12 sec"), ("outlook.eml", "6.2", "5.5")],
)
def test_a_case_has_its_own_words(name: str, own: str, quoted: str) -> None:
    text = "\n\n".join(part.text for part in mail.read((CASES / name).read_bytes()).parts)
    assert own in own_words(text) and quoted in text and quoted not in own_words(text)


def test_a_correction_is_not_reworded_from_what_a_mail_quotes(tmp_path: Path) -> None:
    shipped = Path(cli.__file__).parents[1] / "prompts" / "embedded.yaml"
    profile = tmp_path / "profile.yaml"
    reword = json.dumps("{fragment} Ask in other words: {question}")
    profile.write_text(f"{shipped.read_text(encoding='utf-8')}\nreword: {reword}\n")
    text = f"{NEW}\n\n> {OLD}"
    place = ("f", "d", "s", 0, ("Limits",), text, 0, len(text), None, 20, "en", 0)
    fragment = Fragment(*place, own=own_words(text))
    messages = Prompts(Domain(prompts=str(profile))).reword(fragment, "What is the limit of V-12?")
    assert NEW in messages[-1]["content"] and OLD not in messages[-1]["content"]
