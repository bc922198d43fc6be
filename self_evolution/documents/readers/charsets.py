"""The detection of legacy encodings (not Unicode): the one in which the bytes are the likeliest
text.

Each language says which characters it is made of; an encoding's score is how well the decoded
characters fit one of its languages, on average over all that are not ASCII. Byte statistics alone
take short Chinese, Japanese and Korean texts for one another.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

_SAMPLE = 1 << 13  # bytes of the lines that are not ASCII; more of them decide no better
_LEAST = 0.25  # the score below which we do not believe in any of our languages
_BROKEN = 5.0  # what a byte that is no character costs

_SIMPLIFIED = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作"
    "里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从"
    "想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头"
    "文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提"
    "立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务"
    "做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像"
    "难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导"
    "争运笔选项参数配置文件系统网络用户操作命令版本运行安装查看修改删除输入输出显示错误默认"
)
_TRADITIONAL = (
    "這個們來為國說時會對發後過經麼學現當動還進樣無與長機關點業將兩間問題並應戰頭體產門給員論處義認條"
    "氣變總電數報結務場計資統區隊決書則聽達強難權設記類邊張該規萬領確傳師觀讓識帶導爭運選項參檔系網絡"
    "環境錄輸顯示錯誤預設執行訊息檢視連線號碼請華臺灣於著裡麽種東聲爾幾實開從軍"
    "的一是不了在人有我他中上大和地到以要就出可也你生能而子那得下自之年作用道行所然家事成方多去法如都同"
    "沒面起看定天分好小部其些主理心她本前但因只想日者意力它把十民第公此已工使情明性知全三又正外高由很最"
    "重物手向文政美相見被利什二等或新己制身果加西月話合回特代內信表化老世位次度任常先海通教原提立及比解"
    "水名真走各入口平活更別打女四神何安少才反受目太量再感建做接必件管期市直德命山金指克許保至形社便空治"
)
_KANJI = (
    "日一人大年会国出本中時行見月分後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名川"
    "千水半男西電校語土木聞食車何南万毎白天母火右読友左休父雨使用指定表示場合必要設定変更実行場所名前値"
    "引数関連情報問題方法以下以上自動対応処理文字列可能不全体現在的事者地業主者新部内同立社発作理明度通目"
    "性制作成力体化数当法意員決次最初期選択追加削除個別機能検索結果開始終了環境起動標準出力入力利用呼返"
)

_HANGUL = (
    "이다는의을에하고가를한지로은사기도으스시자리인그대어해정나서부일전아수제보있들라구주상면습니된할용"
    "조파명령름설버출력행실치원경것안만화성동여우과유장비신선문음관모당세식계개내트프로드터않되없오류무"
    "공방분소재위간번게거와연생국회적바러마까지열확작때또같함입록종료존필요옵션본변값"
)
_CJK_MARKS = "、。，．：；！？（）「」『』《》〈〉【】“”‘’…—・ー～　"
_QUOTES = "«»"
_TYPE = "„“”‚‘’–—…°§№©®€\u00a0·•¡¿"

_CYRILLIC = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"
_LETTERS = {
    "cyrillic": (_CYRILLIC, "оеаинтсрвлкмдпуяьгзбчйхжшюцщфґєії", "оеаинтсрвлкмдпуяьгзбчйхжшюцщфъ"),
    "western": (
        "éèàêçâîôûùëïœ",
        "äöüß",
        "áéíóúñü",
        "ãáçéíóõúâêôà",
        "àèéìòù",
        "äöåé",
        "æøåé",
        "ðþæöáéíóúý",
    ),
    "central": ("ąęłńóśźżć", "áéíóúýčďěňřšťůž", "áéíóöőúüű", "ăâîşţ", "čćđšž", "áäčďéíĺľňóôŕšťúýž"),
    "turkish": ("çğıöşüâî",),
    "greek": ("αεηιοτνσςρκλμπυωγδθχφβξζψάέήίόύώϊ",),
    "thai": ("กขคงจฉชซญณดตถทธนบปผพฟภมยรลวศษสหอะัาำิีึืุูเแโใไๆ็่้๊๋์",),
}
# The commoner ones first: the first of equals is taken.
_ENCODINGS = (
    ("cp1254", "turkish"),  # first, since it is the next one but for six letters of Icelandic
    ("cp1252", "western"),
    ("cp1251", "cyrillic"),
    ("koi8_r", "cyrillic"),
    ("koi8_u", "cyrillic"),
    ("iso8859_2", "central"),
    ("cp1250", "central"),
    ("cp1253", "greek"),
    ("gb18030", "chinese"),
    ("big5hkscs", "taiwanese"),
    ("cp932", "japanese"),
    ("euc_jp", "japanese"),
    ("cp949", "korean"),
    ("cp874", "thai"),
)

_HIGH_LINES = re.compile(rb"[^\n]*[\x80-\xff][^\n]*\n?")
_WORD_BREAKS = re.compile(
    r"[\x80-\x9f]{1,4}"
    # Polish and Hungarian taken for western languages.
    r"|[^\W\d_][¹³¿¶±¼¾¸´](?!\w)|(?<!\w)[±¹³¼¾][^\W\d_]|õ(?!e)"
    r"|[a-zà-öø-ÿα-ωа-яё][A-ZÀ-ÖØ-ÞΑ-ΩА-ЯЁ]"  # a capital within a word
    r"|[^\W\d_][\u00a1-\u00a9\u00ab-\u00b4\u00b6\u00b8\u00b9\u00bb-\u00bf\u00d7\u00f7]+[^\W\d_]"
    r"|[A-Za-z][\u0370-\u052f\u0e00-\u0e7f]|[\u0370-\u052f\u0e00-\u0e7f][A-Za-z]"  # two alphabets
    r"|[A-Za-z][\u3400-\u9fff\uac00-\ud7a3][a-z]"
    r"|[^\u0e01-\u0e5b][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]"  # a Thai mark on no letter
)


class _Language(NamedTuple):
    """The scores of characters: those in `common`, in the other ranges, and all others."""

    common: frozenset[str]
    ranges: tuple[tuple[str, str, float], ...]
    other: float


def guess(data: bytes) -> str:
    """The name of the encoding that `data`, which has bytes beyond ASCII, is most likely in.

    Empty if it is no text in any; for other languages than ours the library's guess is taken.
    """
    sample = _sample(data)
    scores = {name: _score(sample, name, kind) for name, kind in _ENCODINGS}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] >= _LEAST else _other(data[: 8 * _SAMPLE])


def _other(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    return best.encoding if best else ""


def _sample(data: bytes) -> bytes:
    """Lines that are not ASCII, some kB of them; whole lines have no part of a character."""
    lines, size = [], 0
    for match in _HIGH_LINES.finditer(data):
        line = match[0][:_SAMPLE]
        lines.append(line)
        size += len(line)
        if size >= _SAMPLE:
            break
    return b"".join(lines)


def _score(sample: bytes, encoding: str, kind: str) -> float:
    text = sample.decode(encoding, errors="replace")
    counts = {char: count for char, count in Counter(text).items() if char > "\x7f"}
    total = sum(counts.values())
    broken = counts.pop("\ufffd", 0)
    breaks = sum(1 for _ in _WORD_BREAKS.finditer(text))
    best = max(
        sum(count * _worth(char, language) for char, count in counts.items())
        for language in _languages(kind)
    )
    return (best - breaks - _BROKEN * max(0, broken - 1) - broken) / max(1, total)


def _worth(char: str, language: _Language) -> float:
    if char in language.common:
        return 1.0
    for first, last, worth in language.ranges:
        if first <= char <= last:
            return worth
    return language.other


def _languages(kind: str) -> list[_Language]:
    if kind in _LETTERS:
        marks = tuple((mark, mark, 0.4) for mark in _TYPE)
        return [
            _Language(
                frozenset(letters + (_QUOTES if kind in ("western", "cyrillic") else "")),
                (*((letter, letter, 0.8) for letter in letters.upper()), *marks),
                -0.7,
            )
            for letters in _LETTERS[kind]
        ]
    marks = tuple((mark, mark, 0.8) for mark in _CJK_MARKS)
    full = ("\uff01", "\uff5e", 0.2)
    if kind == "japanese":
        kana = (("\u3041", "\u3093", 1.0), ("\u30a1", "\u30f6", 0.8))
        hanzi = ("\u4e00", "\u9fa0", 0.1)
        return [_Language(frozenset(_KANJI), (*kana, *marks, hanzi, full), -0.7)]
    if kind == "korean":
        return [_Language(frozenset(_HANGUL), (("\uac00", "\ud7a3", 0.5), *marks, full), -0.7)]
    common = _SIMPLIFIED if kind == "chinese" else _TRADITIONAL
    return [_Language(frozenset(common), (*marks, ("\u4e00", "\u9fa0", 0.1), full), -0.7)]
