"""Near-duplicates: copies in another setting are found, texts that say something else are not."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import subprocess
import sys
import textwrap
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SHARED
from hypothesis import given
from hypothesis import strategies as st

from self_evolution.documents.chunking.likeness import NearDuplicates
from self_evolution.text.wording import jaccard, says_nothing_new, wording

ENGLISH = """The coolant pump {code} starts when the temperature rises above {n} degrees.
Do not open the cover before the pressure has fallen below {m} bar.
Each **interface** of the well-known controller reports its state every {n} seconds.
If the "maintenance" mode is enabled, alarms are recorded but never forwarded.
The operator's console shows the current throughput, the backlog and the queue {code}.
A restart of the service takes about {n} minutes and interrupts running transfers.
Configuration files are read from the directory /etc/plant/{code} at startup.
The threshold may be increased up to {m} dB, but the default value is recommended.
When both supplies fail, the battery lasts for {n} hours at a load of {m} kW.
Measurements outside the range of -5 to {m} volts are discarded and counted.
The administrator must confirm the replacement of module {code} within {n} days.
Cross-connections between the redundant controllers are tested automatically at night.
Use the original spare parts only; other manufacturers' parts void the guarantee.
Synchronisation with the reference clock is lost after {m} missed messages."""

GERMAN = """Die Kühlmittelpumpe {code} läuft an, wenn die Temperatur {n} Grad überschreitet.
Öffnen Sie die Abdeckung nicht, bevor der Druck unter {m} bar gefallen ist.
Jede **Schnittstelle** der Steuerung meldet ihren Zustand alle {n} Sekunden.
Ist der "Wartungsbetrieb" eingeschaltet, werden Störungen gespeichert, aber nie weitergeleitet.
Auf der Bedienoberfläche stehen Durchsatz, Rückstand und die Warteschlange {code}.
Ein Neustart des Dienstes dauert ungefähr {n} Minuten und unterbricht Übertragungen.
Einstellungen werden beim Anlauf aus dem Verzeichnis /etc/anlage/{code} gelesen.
Die Schwelle darf auf {m} dB erhöht werden, empfohlen wird jedoch die Voreinstellung.
Fallen beide Netzteile aus, reicht die Batterie für {n} Stunden bei {m} kW Last.
Messwerte außerhalb des Bereichs von -5 bis {m} Volt werden verworfen und gezählt.
Der Austausch der Baugruppe {code} muss innerhalb von {n} Tagen bestätigt werden.
Querverbindungen zwischen den Rechnern werden nachts selbsttätig geprüft.
Verwenden Sie nur Originalteile; andere Teile führen zum Verlust der Gewährleistung.
Der Gleichlauf mit dem Zeitnormal geht nach {m} fehlenden Nachrichten verloren."""

CHINESE = """当温度高于{n}度时，冷却泵{code}自动启动。
在压力降到{m}bar以下之前，不要打开设备的盖板。
控制器的每个**接口**每隔{n}秒上报一次运行状态。
如果启用了"维护"模式，告警只记录而不会转发给上级网管。
操作台上显示当前的吞吐量、积压数量以及队列{code}的名称。
重启该服务大约需要{n}分钟，并且会中断正在进行的传输任务。
启动时从目录/etc/plant/{code}中读取全部配置文件。
门限最多可以提高到{m}dB，但是建议使用系统的默认值。
两路电源都发生故障时，电池在{m}kW负载下可以维持{n}小时。
超出-5到{m}伏范围的测量值将被丢弃，同时计数器加一。
管理员必须在{n}天之内确认单板{code}已经完成更换。
冗余控制器之间的交叉连接在夜间自动进行测试。
只能使用原厂的备件，使用其他厂家的部件将失去保修资格。
连续丢失{m}条同步消息以后，系统与参考时钟失去同步。"""

LANGUAGES = {"en": ENGLISH, "de": GERMAN, "zh": CHINESE}
FOOTERS = {"en": "Page {n} of the manual", "de": "Seite {n} des Handbuchs", "zh": "手册第{n}页"}


def passage(language: str, number: int) -> str:
    """A heading, two paragraphs, a list and a page's footer, all of them of this number."""
    draw = random.Random(f"{language} {number}")

    def filled(sentence: str) -> str:
        code = f"{draw.choice('ABCDEF')}-{draw.randrange(100, 1000)}"
        return sentence.format(code=code, n=draw.randrange(2, 60), m=draw.randrange(60, 300))

    sentences = [filled(one) for one in draw.sample(LANGUAGES[language].splitlines(), 12)]
    space = "" if language == "zh" else " "
    blocks = [
        "## " + {"en": "Operating notes", "de": "Hinweise zum Betrieb", "zh": "操作说明"}[language],
        space.join(sentences[:4]),
        "\n".join(f"{at}. {one}" for at, one in enumerate(sentences[4:7], 1)),
        space.join(sentences[7:]),
        filled(FOOTERS[language]),
    ]
    return "\n\n".join(blocks)


def wrapped(text: str, draw: random.Random, hyphens: bool = False) -> str:
    """Each paragraph in lines of some width, words broken with a hyphen if so desired."""
    lines = []
    width = draw.randrange(30, 90)
    for line in text.split("\n"):
        if not line.isascii() and max(line) > "\u3000":
            lines.append(re.sub(rf"(.{{{width}}}\W*)(?![!-~])(?<![!-~])", r"\1\n", line))
        elif hyphens:
            lines.append(re.sub(r"\b([^\W\d_]{4,6})([^\W\d_]{4,})", r"\1-\n\2", line))
        else:
            lines += textwrap.wrap(line, width, break_on_hyphens=False) or [""]
    return "\n".join(lines)


def spaced(text: str, draw: random.Random) -> str:
    text = re.sub(
        "(?<=[\u4e00-\u9fff])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[\u4e00-\u9fff])", " ", text
    )
    return re.sub(" ", lambda _: draw.choice([" ", "  ", "\u00a0"]), text) + " \n"


def quoted(text: str, draw: random.Random) -> str:
    marks = draw.choice(["“”", "„“", "«»", "''", "「」"])
    text = re.sub('"(.*?)"', rf"{marks[0]}\1{marks[1]}", text).replace("'s", "’s")
    return text.replace(";", ",").replace("、", "，")


def wide(text: str, _: random.Random) -> str:
    """Digits and marks in full width."""
    return re.sub(r"[0-9,;:()%/-]", lambda found: chr(ord(found[0]) + 0xFEE0), text)


def footless(text: str, _: random.Random) -> str:
    return text.rsplit("\n\n", 1)[0]


def shortened(text: str, _: random.Random) -> str:
    """Without its footer and its last sentence."""
    text = footless(text, _)
    return text[: max(text[:-1].rfind(". "), text[:-1].rfind("。")) + 1]


def broken_off(text: str, draw: random.Random) -> str:
    text = footless(text, draw)
    return text[: -draw.randrange(25, 45)].rstrip() if max(text) < "\u3000" else text[:-10]


def plain(text: str, _: random.Random) -> str:
    return text.replace("**", "").replace("## ", "").replace("`", "")


def bulleted(text: str, draw: random.Random) -> str:
    mark = draw.choice(["- ", "* ", "• ", "+ ", "(\\1) ", "\\1) "])
    return re.sub(r"^(\d)\. ", mark, text, flags=re.MULTILINE)


def slipped(text: str, draw: random.Random) -> str:
    """Two letters swapped in the middle of a long word; another setting in Chinese."""
    words = list(re.finditer(r"(?<= )[a-z]{9,}(?=[ .,])", text))
    words = [found for found in words if found[0][3] != found[0][4]]
    if not words:
        return spaced(text, draw)
    at = draw.choice(words).start() + 3
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


MUTATIONS: list[Callable[[str, random.Random], str]] = [
    wrapped,
    lambda text, draw: wrapped(text, draw, hyphens=True),
    spaced,
    quoted,
    lambda text, draw: text.lower() if draw.random() < 0.5 else text.title(),
    wide,
    footless,
    shortened,
    broken_off,
    plain,
    bulleted,
    slipped,
    lambda text, _: (
        unicodedata.normalize("NFD", text).replace("e", "e\u00ad").replace("\n", "\r\n")
    ),
    lambda text, draw: wrapped(
        bulleted(plain(quoted(footless(text, draw), draw), draw), draw), draw
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_copies_in_another_setting_are_found(language: str) -> None:
    likeness = NearDuplicates()
    texts = [passage(language, number) for number in range(42)]
    for number, text in enumerate(texts):
        assert likeness.first_like(str(number), text) is None
    missed = []
    for kind, mutate in enumerate(MUTATIONS):
        for number, text in enumerate(texts):
            copy = mutate(text, random.Random(number))
            if likeness.first_like(f"{kind} {number}", copy) != str(number):
                missed.append((kind, number))
    assert len(missed) <= 0.03 * len(MUTATIONS) * len(texts), missed


def test_templated_questions_are_all_kept() -> None:
    likeness = NearDuplicates()
    things = [
        f"{kind} {number}" for kind in ("pump", "node", "link", "port") for number in range(50)
    ]
    for number, (thing, key) in enumerate(
        itertools.product(things, ("limit", "owner", "colour", "maximum", "minimum"))
    ):
        question = (
            f"According to the maintenance handbook, what is the {key} of {thing} in the plant?"
        )
        assert likeness.first_like(str(number), question) is None


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_templated_alarms_are_all_kept(language: str) -> None:
    """A thousand entries, each with a neighbour from which it differs in one code or severity."""
    likeness = NearDuplicates()
    text = "\n\n".join(passage(language, 1).split("\n\n")[1:3])
    severities = {
        "en": ("critical", "major", "minor", "warning"),
        "de": ("kritisch", "schwer", "leicht", "Warnung"),
        "zh": ("严重", "主要", "次要", "警告"),
    }[language]
    for code, severity in itertools.product(range(250), severities):
        entry = f"Alarm {2115109000 + code}\n\n{text}\n\nSeverity: {severity}\n"
        assert likeness.first_like(f"{code} {severity}", entry) is None


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_any_one_word_makes_another_text(language: str) -> None:
    """A word replaced, added or missing, wherever it stands; a missing one within a sentence."""
    draw = random.Random(language)
    for number in range(20):
        text = plain(passage(language, number), draw)
        earlier = wording(text)
        words = list(re.finditer(r"[\u4e00-\u9fff]|[A-Za-zäöüßÄÖÜ]+|[0-9]+", text))
        words = [found for found in words if not re.match(r"\d\. ", text[found.start() :])]
        for found in draw.sample(words, 20):
            word, other = found[0], draw.choice(words)[0]
            if other.lower() == word.lower():
                continue
            for edited in ("", f"{word} {other}", other):
                later = wording(text[: found.start()] + edited + text[found.end() :])
                assert not says_nothing_new(later, earlier), (word, edited)


EDITS = [
    ("do not open", "do open"),
    ("is enabled", "is disabled"),
    ("the value increases", "the value decreases"),
    ("above the limit", "below the limit"),
    ("a typical value", "an atypical value"),
    ("the interface", "the interfaces"),
    ("connected to A", "disconnected to A"),
    ("positive edge", "negative edge"),
    ("5 mW", "5 MW"),
    ("100 MB", "100 Mb"),
    ("100  MB", "100  Mb"),
    ("10 km", "10 m"),
    ("1.5 V", "15 V"),
    ("1,5 V", "1;5 V"),
    ("-5 degrees", "5 degrees"),
    ("x > 5", "x < 5"),
    ("x = 5", "x != 5"),
    ("10² Hz", "102 Hz"),
    ("5-10 units", "5, 10 units"),
    ("5 % more", "5 more"),
    ("± 3", "+ 3"),
    ("ticked ☑ here", "ticked ☐ here"),
    ("at 10:30", "at 10:31"),
    ("version 2.0.1", "version 2.0.2"),
    ("a thorough check", "a through check"),
    ("the limit is\n512. It holds", "the limit is\nIt holds"),
    ("the limit is\n512. It holds", "the limit is\n513. It holds"),
    ("\n● ready\n○ waiting", "\n○ ready\n● waiting"),
    ("\n| Port | 4711 |\n", "\n| Port | |\n"),
    ("Send from Alpha to Beta", "Send from Beta to Alpha"),
    ("यह पंप चालू है", "यह पंप चालू हो"),
    ("バスが止まる", "パスが止まる"),
    ("สูงกว่า", "ต่ำกว่า"),
    ("node Kalamata", "node Kalamaat"),
    ("nicht öffnen", "öffnen"),
    ("eingeschaltet wird", "ausgeschaltet wird"),
    ("keine Störung", "eine Störung"),
    ("上升", "下降"),
    ("启用该功能", "禁用该功能"),
    ("不支持", "支持"),
    ("必选参数", "任选参数"),
    ("大于门限", "小于门限"),
    ("一级", "二级"),
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("one", "other"), EDITS)
def test_what_means_something_else_is_another_text(one: str, other: str, language: str) -> None:
    text = passage(language, 0)
    first, rest = text.split("\n\n", 1)
    for a, b in ((one, other), (other, one)):
        for frame in (
            f"{first}\n\n{{}}. {rest}",
            f"{{}}, {text}",
            f"{text}, {{}}",
            f"{text}\n\n{{}}.",
        ):
            earlier, later = wording(frame.format(a)), wording(frame.format(b))
            assert not says_nothing_new(later, earlier)


def test_what_an_earlier_text_has_more_must_be_whole() -> None:
    lines = passage("en", 3).split("\n\n")
    text = "\n\n".join(lines)
    earlier = wording(text)
    said = lambda later: says_nothing_new(wording(later), earlier)  # noqa: E731
    assert said("\n\n".join(lines[:1] + lines[2:]))  # a paragraph less
    assert said(text.split("\n\n", 1)[1])  # the heading less
    assert not said(text + "\n\nSee also the appendix.")
    assert not said("\n\n".join([lines[0], lines[2], lines[1], *lines[3:]]))
    assert said(re.sub(r"(?m)^[13]\. ", "- ", re.sub(r"(?m)^2\. .*\n", "", text)))
    assert not said(text.replace("2. ", "5. "))
    assert not said(re.sub(r"\. [^.]*$", ".", lines[3][:-1]).rsplit(" ", 1)[0] + ".")
    assert jaccard(earlier.words, earlier.words) == 1


def test_the_first_stays_and_texts_may_be_fetched() -> None:
    texts = {str(number): passage("de", number) for number in range(5)}
    fetched: list[str] = []

    def fetch(id: str) -> str:
        fetched.append(id)
        return texts[id]

    likeness = NearDuplicates(fetch=fetch)
    assert [likeness.first_like(id, text) for id, text in texts.items()] == [None] * 5
    copy = texts["2"].upper().replace("\n", "\n\n")
    assert [likeness.first_like(id, copy) for id in ("a", "b")] == ["2", "2"]
    assert fetched == ["2"]


def test_texts_without_words_are_like_themselves_only() -> None:
    likeness = NearDuplicates()
    texts = ["", "?!", "?", "?!"]
    found = [likeness.first_like(str(number), text) for number, text in enumerate(texts)]
    assert found == [None, None, None, "1"]


def test_shares_below_the_threshold_are_another_text() -> None:
    text = passage("en", 4)
    half = text[: text.index("\n\n", len(text) // 3)]
    assert says_nothing_new(wording(half), wording(text))
    for threshold, expected in ((0.8, None), (0.3, "whole")):
        likeness = NearDuplicates(threshold)
        assert likeness.first_like("whole", text) is None
        assert likeness.first_like("half", half) == expected


@pytest.mark.slow
def test_every_process_finds_the_same() -> None:
    code = (
        "import random, sys, test_likeness as t\n"
        "likeness = t.NearDuplicates()\n"
        "for number in range(60):\n"
        "    draw = random.Random(number)\n"
        "    text = t.passage('en', draw.randrange(20))\n"
        "    print(likeness.first_like(str(number), draw.choice(t.MUTATIONS)(text, draw)))\n"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1]
    assert len(set(found[0].split())) > 10


WORDS = st.lists(
    st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=12),
    min_size=1,
    max_size=60,
)


@given(words=WORDS, seed=st.integers(0, 1000))
def test_a_text_is_like_itself_in_another_setting(words: list[str], seed: int) -> None:
    draw = random.Random(seed)
    text, copies = " ".join(words), []
    for before, word in zip(["", *words], words, strict=False):
        # A sign between a number and its unit makes another value: "0 MB" is not "0, MB".
        value = any(sign.isnumeric() for sign in before + word)
        settings = [word] if value else [word, f"“{word}”", f"**{word}**", f"{word},"]
        copies.append(draw.choice(settings))
    copy = "  ".join(copies)
    likeness = NearDuplicates()
    assert likeness.first_like("first", text) is None
    assert likeness.first_like("copy", copy) == "first"


@given(words=WORDS, more=st.sampled_from(["7", "not", "不"]), seed=st.integers(0, 1000))
def test_a_text_with_one_word_more_is_not(words: list[str], more: str, seed: int) -> None:
    at = random.Random(seed).randrange(len(words) + 1)
    likeness = NearDuplicates(threshold=0.1)
    assert likeness.first_like("first", " ".join(words)) is None
    assert likeness.first_like("more", " ".join([*words[:at], more, *words[at:]])) is None


@given(texts=st.lists(st.text("ab 1.\n-", max_size=30), max_size=8))
def test_any_text_has_an_answer_and_the_first_is_kept(texts: list[str]) -> None:
    likeness = NearDuplicates(threshold=0.5)
    kept: set[str] = set()
    for number, text in enumerate(texts):
        found = likeness.first_like(str(number), text)
        if found is None:
            kept.add(str(number))
        assert found is None or found in kept
    for text in texts:
        if wording(text).words:
            assert likeness.first_like("again", text) is not None


def test_near_duplicates_of_the_telecom_passages() -> None:
    """610 pairs of passages share four fifths of their shingles; one in ten says nothing new."""
    path = SHARED / "data" / "aiops_fragments.json"
    if not path.exists():
        pytest.skip("../shared is not here")
    texts = list(dict.fromkeys(row["instruction"] for row in json.loads(path.read_text("utf-8"))))
    likeness = NearDuplicates()
    found = [likeness.first_like(str(number), text) for number, text in enumerate(texts)]
    assert len(texts) == 2879
    assert sum(id is not None for id in found) == 61
