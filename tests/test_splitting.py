"""Sections into pieces: the limit, what stays whole, where it is cut, and what is joined before."""

from __future__ import annotations

import itertools
import re
import warnings
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from self_evolution.documents.chunking import Piece, gather, mend, pieces
from self_evolution.documents.chunking.blocks import blocks, is_delimiter
from self_evolution.documents.chunking.sentences import ends

_TOKEN = re.compile(r"[a-zA-Z]{1,5}|\d|[^\x00-\x7f]|[^\w\s]|_|\n+")


def count(texts: Sequence[str]) -> list[int]:
    """Much like a tokenizer of subwords."""
    return [len(_TOKEN.findall(text)) for text in texts]


def in_bytes(texts: Sequence[str]) -> list[int]:
    return [len(text.encode()) for text in texts]


def in_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def more_when_joined(texts: Sequence[str]) -> list[int]:
    """A count that is above the sum of the parts': four more for each long text."""
    return [n + 4 * (n > 12) for n in count(texts)]


TABLE = "| Name | Port |\n| --- | --- |\n" + "".join(
    f"| server{i} | {4000 + i} |\n" for i in range(40)
)
CODE = "```python\n" + "\n".join(f"print('line {i}')" for i in range(40)) + "\n```"


def spoken(text: str, language_sentences: Sequence[str], limit: int) -> list[Piece]:
    """The pieces of a text, each of which must begin and end with one of its sentences."""
    found = pieces(text, limit, count)
    assert len(found) > 2 and not any(piece.forced for piece in found)
    for piece in found:
        assert any(piece.text.startswith(one.strip()[:12]) for one in language_sentences), piece
        assert any(piece.text.endswith(one.strip()[-8:]) for one in language_sentences), piece
    return found


def test_what_fits_is_one_piece_and_blank_text_is_none() -> None:
    assert pieces("\n\n  Valve 1 closes.\n", 512, count) == [
        Piece("  Valve 1 closes.", 2, 19, count(["  Valve 1 closes."])[0])
    ]
    assert pieces(" \n\t\n", 512, count) == []
    assert pieces("Known already.", 512, count, tokens=3) == [Piece("Known already.", 0, 14, 3)]


def test_a_table_is_cut_between_rows_with_its_header_in_each_piece() -> None:
    found = pieces("Ports of the plant are these.\n\n" + TABLE, 80, count)
    assert len(found) > 5
    rows = [line for piece in found for line in piece.text.split("\n") if "server" in line]
    assert rows == [line for line in TABLE.split("\n") if "server" in line]
    assert all("| Name | Port |\n| --- | --- |\n| server" in piece.text for piece in found)


def test_a_fence_is_cut_between_lines_and_each_piece_is_a_fence() -> None:
    found = pieces(CODE, 80, count)
    assert len(found) > 3
    for piece in found:
        assert piece.text.startswith("```python\nprint") and piece.text.endswith(")\n```")
    lines = [line for piece in found for line in piece.text.split("\n") if "print" in line]
    assert lines == CODE.split("\n")[1:-1]


def test_a_row_or_line_that_is_too_long_is_cut_within_its_table_or_fence() -> None:
    words = " ".join(f"word{i}" for i in range(100))
    table = f"| Name | What \\| for | Port |\n| --- | --- | --- |\n| alpha | {words} | 80 |\n"
    found = pieces(table, 60, count)
    assert all(piece.forced and piece.tokens <= 60 for piece in found[1:])
    for piece in found:
        lines = piece.text.split("\n")
        assert is_delimiter(lines[1]) and all(line.count("|") >= 4 for line in lines)
    assert re.findall(r"word\d+", "".join(piece.text for piece in found)) == words.split()
    found = pieces(f"~~~ sh\necho {words}\n~~~", 40, count)
    assert all(re.fullmatch(r"~~~ sh\n[^~]*\n~~~", piece.text) for piece in found)
    assert re.findall(r"word\d+", "".join(piece.text for piece in found)) == words.split()


def test_no_stub_is_left_and_pieces_are_filled_evenly() -> None:
    sentences = [f"Valve {i} of the plant closes after {i} seconds." for i in range(100, 142)]
    text = " ".join(sentences)
    (whole,) = count([text])
    found = pieces(text, whole * 10 // 21, count)  # a little more than two pieces
    assert len(found) == 3
    assert max(p.tokens for p in found) - min(p.tokens for p in found) <= 2 * whole // 42


@pytest.mark.parametrize(
    "introduction",
    [
        "The following are open:",
        "打开以下端口：",
        "**Open ports**",
        "## Open ports",
        "表 3 Open ports",
    ],
)
def test_an_introduction_stays_with_what_it_introduces(introduction: str) -> None:
    paragraph = "The plant has many ports, which are closed at night by the operator on duty."
    listed = TABLE if introduction.startswith("表") else "\n".join(f"- port {i}" for i in range(30))
    for extra in range(0, 40, 3):
        text = f"{paragraph}{' Yes.' * extra}\n\n{introduction}\n\n{listed}"
        for piece in pieces(text, 70, count):
            assert not piece.text.endswith(introduction), extra
            assert piece.tokens <= 70


def test_list_items_stay_whole_with_their_continuation() -> None:
    items = [
        f"{i}. Open valve {i} slowly.\n   Wait for the pressure to fall.\n\n   - Note the time.\n"
        for i in range(1, 20)
    ]
    for piece in pieces("\n".join(items), 110, count):
        assert re.match(r"\d+\. Open", piece.text) and piece.text.endswith("Note the time.")


def test_blocks_are_recognised_by_their_form() -> None:
    text = (
        "Text\nof two lines.\n# Heading\n*是→3\n*否→2\n1.单击\n（2）确定\n- a\n  - b\n\n  more\n\n"
        "End\n\n*not an item* but text\n1.5 V are needed\n\n~~~~\nno fence\n\n| a |\n|---|\n| 1 |\n"
        "Text"
    )
    found = blocks(text)
    assert "".join(text[block.start : block.end] for block in found) == text
    assert " ".join(block.kind for block in found) == (
        "paragraph heading item item item item item item more "
        "paragraph paragraph paragraph table paragraph"
    )
    assert [block.kind for block in blocks("a\n```\nb\n\n# c")] == ["paragraph", "fence"]


ENGLISH = """Mr. Smith checked the pump at 3.30 p.m. and wrote down the value. See Fig. 3 for the
layout of version 2.3.1 of the station. "Do not open it!" he said. Was it closed, e.g. by hand? The
U.S. office answered... It was not. 1. Press the red key. 2. Wait for approx. 5 seconds. Then the
lamp goes out (see Sec. 4). The test of J. Miller is at http://example.org/a.b?c=d on the server."""
GERMAN = """Am 3. Test wird die Pumpe, d. h. der Motor, geprüft. Siehe Abb. 3 und Kap. 4 für
Einzelheiten. Das Ventil ist z.B. von Hand zu schließen. Dr. Müller sagte: „Nicht öffnen!“ Danach
ging er. Ist der Druck zu hoch? Dann ist er ca. 5 Minuten lang zu senken. Das gilt bis zum 1. Mai
bzw. bis zur nächsten Prüfung. Der Wert beträgt 3.5 bar."""
CHINESE = (
    "方法如下：1.单击确定按钮。2.等待五秒钟。他说：“不要打开。然后离开。”阀门是否关闭？请参见图3。版本"
    "V2.3.1已经发布……还需要检查（默认为否。）之后的配置！端口号是4711。操作员应当每天检查一次。"
)
JAPANESE = (
    "「開けないでください。」と彼は言った。バルブを閉じる。圧力は3.5 barです。なぜですか？"
    "と聞いた。図3を参照してください。「はい。」「いいえ。」設定（初期値は0。）を変更する。終わりました！"
)
THAI = (
    "ระบบนี้ทำงานได้ดี ผู้ใช้สามารถตั้งค่าได้ตามต้องการ กรุณาตรวจสอบวาล์วทุกวัน "
    "หากความดันสูงเกินไปให้ปิดเครื่อง แล้วแจ้งผู้ดูแลระบบทันที เครื่องจะหยุดทำงาน"
)


def cut_up(text: str, language: str) -> list[str]:
    text = text.strip()
    stops = [0, *(end.at for end in ends(text, language))]
    assert stops[-1] == len(text) and stops == sorted(set(stops))
    return [text[a:b].strip() for a, b in itertools.pairwise(stops)]


def test_sentences_of_five_languages() -> None:
    assert cut_up(ENGLISH, "en")[:3] == [
        "Mr. Smith checked the pump at 3.30 p.m. and wrote down the value.",
        "See Fig. 3 for the\nlayout of version 2.3.1 of the station.",
        '"Do not open it!" he said.',
    ]
    assert "2. Wait for approx. 5 seconds." in cut_up(ENGLISH, "en")
    assert cut_up(GERMAN, "de")[0] == "Am 3. Test wird die Pumpe, d. h. der Motor, geprüft."
    assert not [s for s in cut_up(GERMAN, "de") if re.search(r"\d\.$|Abb\.$|z\.B\.$", s)]
    assert cut_up(CHINESE, "zh") == [
        "方法如下：1.单击确定按钮。",
        "2.等待五秒钟。",
        "他说：“不要打开。然后离开。”阀门是否关闭？",
        "请参见图3。",
        "版本V2.3.1已经发布……还需要检查（默认为否。）之后的配置！",
        "端口号是4711。",
        "操作员应当每天检查一次。",
    ]
    assert cut_up(JAPANESE, "ja") == [
        "「開けないでください。」と彼は言った。",
        "バルブを閉じる。",
        "圧力は3.5 barです。",
        "なぜですか？と聞いた。",
        "図3を参照してください。",
        "「はい。」",
        "「いいえ。」設定（初期値は0。）を変更する。",
        "終わりました！",
    ]
    assert cut_up(THAI, "th") == THAI.split(" ")
    assert cut_up("ระบบ Windows 11 ทำงาน. ระบบดี ", "th")[-2:] == ["ทำงาน.", "ระบบดี"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("It came with APT 1.1 and went with 1.2.", "en"),
        ("Es gibt ihn seit APT 1.1. der Reihe, Nr. 5. Mai.", "de"),
        ("See the folder .../dists/stable or the command [argument]... | less for it.", "en"),
        ("The library libfakeroot.so.0 and the page ../man/a.1 are used (vol. 2, p. 3).", "en"),
        ('値は"はい。"です。', "ja"),
        ("他说：“好的。”（见图3。）然后离开了。", "zh"),
        ("設定（初期値は0。）を変更するという。", "ja"),
    ],
)
def test_one_sentence_stays_one(text: str, language: str) -> None:
    assert cut_up(text, language) == [text]


def test_a_straight_quote_belongs_to_the_side_that_it_opens_or_closes() -> None:
    text = '設定してください。"none" は特殊です。"はい。" 次です。'
    assert cut_up(text, "ja") == [
        "設定してください。",
        '"none" は特殊です。',
        '"はい。"',
        "次です。",
    ]


@pytest.mark.parametrize(
    ("text", "language", "extra"),
    [
        (ENGLISH, "en", ()),
        (GERMAN, "de", ()),
        (CHINESE, "zh", ()),
        (JAPANESE, "ja", ("「はい。」",)),  # the witness keeps two quotations in a row together
    ],
)
def test_a_witness_agrees_that_no_sentence_is_cut(
    text: str, language: str, extra: tuple[str, ...]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old escapes in its patterns
        import pysbd

        witness = pysbd.Segmenter(language=language, clean=False).segment(text)
    bare = "".join(text.split())
    allowed = {0, len(bare)}
    at = 0
    for sentence in witness:
        at += len("".join(sentence.split()))
        allowed.add(at)
    for words in extra:
        allowed.add(bare.index(words) + len(words))
    for limit in (25, 40, 60):
        for piece in pieces(text, limit, count):
            if not piece.forced:
                for edge in (piece.start, piece.end):
                    assert len("".join(text[:edge].split())) in allowed, (piece.text, witness)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (
            "프로젝트의 초기 멤버인 빌 미첼은 리눅스 커널을 기억하기를 그때는 릴\n"
            "리스 간의 혼동을 막으려 The Debian GNU/Linux Project Leader and friends\n"
            "다음 이름을 바꾸었다.",
            "ko",
        ),
        (
            "软件包将缺少有意义的软件包描述信息，但是仍然能为命令所使用，在本地\n"
            "System V Unix system, Debian Project (https://www.example.org/distrib)\n"
            "部署环境下正常工作。",
            "zh",
        ),
    ],
)
def test_wide_characters_take_two_columns_of_a_wrapped_line(text: str, language: str) -> None:
    assert cut_up(text, language) == [text]


def test_wrapped_lines_are_no_ends_but_short_lines_are() -> None:
    assert cut_up("This is a hard\nwrapped sentence that\nends here. And\nanother one.", "en") == [
        "This is a hard\nwrapped sentence that\nends here.",
        "And\nanother one.",
    ]
    assert cut_up("单击确定\n单击取消按钮\n关闭窗口", "zh") == [
        "单击确定",
        "单击取消按钮",
        "关闭窗口",
    ]
    assert cut_up("これは改行\nを含む文です。", "ja") == ["これは改行\nを含む文です。"]


def test_a_sentence_that_alone_is_too_long_is_cut_between_words_and_says_so() -> None:
    text = "The list has " + ", ".join(f"entry{i}" for i in range(100)) + ". The end is here."
    found = pieces(text, 40, count)
    assert found[0].forced and all(piece.tokens <= 40 for piece in found)
    assert re.findall(r"\w+", " ".join(p.text for p in found)) == re.findall(r"\w+", text)


def test_thai_is_cut_at_spaces_only() -> None:
    text = THAI * 3
    for piece in pieces(text, 100, count):
        assert not piece.forced and piece.tokens <= 100
        assert text[piece.end : piece.end + 1] in ("", " ")
        assert piece.start == 0 or text[piece.start - 1] == " "


def test_few_calls_count_many_texts() -> None:
    calls: list[int] = []

    def watched(texts: Sequence[str]) -> list[int]:
        calls.append(len(texts))
        return count(texts)

    text = "\n\n".join(" ".join(f"Valve {i} closes." for i in range(50)) for _ in range(40))
    assert len(pieces(text, 60, watched)) > 50
    assert len(calls) <= 6 and sum(calls) > 500


_SAMPLES = (
    *("Valve", "closes", "Ends", "here.", "Why?", "z.B.", "3.", "Fig.", "e.g.", "…", "Note:", "é"),
    *("端口", "设置。", "「はい。」", "ระบบ", "foo_bar()", "**x**", "`a`", "a|b", "\\|", "x" * 60),
)
_words = st.lists(st.sampled_from(_SAMPLES), min_size=1, max_size=12).map(" ".join)
_block = st.one_of(
    _words,
    st.lists(_words, min_size=2, max_size=5).map("\n".join),
    st.lists(_words, min_size=1, max_size=5).map(lambda x: "\n".join(f"- {one}" for one in x)),
    st.lists(_words, min_size=1, max_size=5).map(
        lambda x: "\n".join(f"  {i}.{one}" for i, one in enumerate(x))
    ),
    st.lists(_words, min_size=1, max_size=6).map(lambda x: "\n".join(["```sh x", *x, "```"])),
    st.lists(st.tuples(_words, _words), min_size=1, max_size=6).map(
        lambda rows: "\n".join(
            ["| key | value |", "| --- | --- |"]
            + [f"| {a.replace('a|b', 'ab')} | {b.replace('a|b', 'ab')} |" for a, b in rows]
        )
    ),
    st.just("## Heading"),
    st.just("**Bold**"),
)
_texts = st.lists(_block, max_size=8).flatmap(
    lambda found: st.sampled_from(["\n\n", "\n"]).map(lambda gap: gap.join(found))
)
_counts = st.sampled_from([count, in_bytes, in_words, more_when_joined])
_HEAD = "| key | value |\n| --- | --- |\n"


@settings(deadline=None, max_examples=100)
@given(_texts, st.integers(64, 200), _counts)
def test_pieces_hold_every_promise(text: str, limit: int, counts: object) -> None:
    by = counts
    assert callable(by)
    found = pieces(text, limit, by)
    assert [piece.tokens for piece in found] == by([piece.text for piece in found])
    assert all(piece.tokens <= limit for piece in found)
    at = 0
    for piece in found:  # in order, nothing left out, nothing twice
        assert at <= piece.start < piece.end and not text[at : piece.start].strip()
        at = piece.end
        own = _shown(piece.text)
        covered = _shown(text[piece.start : piece.end])
        if piece.text != text[piece.start : piece.end]:
            repeated = own - covered
            assert set(covered - own) <= {"|"}
            del repeated["|"]
            assert repeated <= _shown(_HEAD + "```sh x ```")
        lines = piece.text.split("\n")
        assert sum(line.strip().startswith("```") for line in lines) % 2 == 0
        for i, line in enumerate(lines):
            if re.match(r"\| .* \|$", line) and not _in_fence(lines, i):
                above = [x for x in lines[:i] if x.startswith("|")]
                assert line == "| key | value |" or "| key | value |" in above, piece.text
        (again,) = pieces(piece.text, limit, by)
        assert (again.text, again.tokens) == (piece.text, piece.tokens)
    assert not text[at:].strip()


def _shown(text: str) -> Counter[str]:
    return Counter("".join(text.split()))


def _in_fence(lines: list[str], at: int) -> bool:
    return sum(line.strip().startswith("```") for line in lines[:at]) % 2 == 1


@settings(deadline=None, max_examples=80)
@given(st.text(max_size=300), st.integers(8, 60))
def test_any_text_is_cut_to_any_limit(text: str, limit: int) -> None:
    found = pieces(text, limit, in_bytes)
    assert all(piece.tokens <= limit for piece in found)


@given(st.text(min_size=1, max_size=200), st.lists(st.integers(1, 40), max_size=6))
def test_mended_passages_are_the_text_they_were_cut_from(text: str, sizes: list[int]) -> None:
    parts, begins = [(text[: sizes[0] if sizes else None], 0)], [0]
    end = len(parts[0][0])
    for size in sizes[1:]:
        if end >= len(text):
            break
        begin = max(0, end - size)
        parts.append((text[begin : end + size], end - begin))
        begins.append(begin)
        end = min(len(text), end + size)
    if all(overlap for _, overlap in parts[1:]):
        assert mend(parts) == (text[:end], begins)


def test_passages_that_repeat_nothing_become_paragraphs() -> None:
    assert mend([]) == ("", [])
    assert mend([("One.", 0), ("Two.", 0), ("o. Three.", 3), ("Three. Four.", 6)]) == (
        "One.\n\nTwo.\n\no. Three. Four.",
        [0, 6, 12, 15],
    )


def path(words: str) -> tuple[str, ...]:
    return tuple(words.split())


def test_short_neighbours_are_gathered_under_their_common_heading() -> None:
    sections = [
        (path("Valve"), "What a valve has.", 5),
        (path("Valve Default"), "It is open.", 4),
        (path("Valve Range"), "0 to 9.", 4),
        (path("Valve Use"), "Long text.", 60),
        (path("Pump"), "Short.", 2),
        (path("Pump Use"), "Long text.", 60),
        (path("Pump Use Deep"), "Deep.", 2),
        (path("Tank Use"), "Other.", 2),
    ]
    groups = gather(sections, 20, 80)
    assert [(group.indices, group.heading) for group in groups] == [
        ((0, 1, 2), path("Valve")),
        ((3,), path("Valve Use")),
        ((4, 5), path("Pump")),
        ((6,), path("Pump Use Deep")),
        ((7,), path("Tank Use")),
    ]
    assert groups[0].text == (
        "What a valve has.\n\n## Default\n\nIt is open.\n\n## Range\n\n0 to 9."
    )
    assert groups[3].text == "Deep."
    assert [len(g.indices) for g in gather(sections, 0, 80)] == [1] * 8


_sections = st.lists(
    st.tuples(
        st.lists(st.sampled_from("AB"), max_size=3).map(tuple),
        st.sampled_from(["Text.", "More text here.\n\nTwo."]),
        st.integers(1, 60),
    ),
    max_size=12,
)


@given(_sections, st.integers(0, 40), st.integers(20, 100))
def test_groups_keep_all_sections_in_order(
    sections: list[tuple[tuple[str, ...], str, int]], least: int, limit: int
) -> None:
    groups = gather(sections, least, limit)
    assert [i for group in groups for i in group.indices] == list(range(len(sections)))
    for group in groups:
        for i, start in zip(group.indices, group.starts, strict=True):
            heading, text, _ = sections[i]
            assert group.text.startswith(text, start)
            assert heading[: len(group.heading)] == group.heading
        if len(group.indices) > 1:
            assert least and sum(sections[i][2] for i in group.indices) <= limit
        else:
            assert group.text == sections[group.indices[0]][1]
