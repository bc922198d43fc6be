"""Bytes into text: real sentences in the encodings that files are in, whole and cut short."""

from __future__ import annotations

import codecs
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_evolution.documents.readers.base import Malformed
from self_evolution.documents.readers.encoding import decode

GERMAN = (
    "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und "
    "Gewissen begabt und sollen einander im Geist der Brüderlichkeit begegnen. Für größere Geräte "
    "gehört das Gehäuse geöffnet, bevor man die Lüfter prüft."
)
FRENCH = (
    "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de "
    "raison et de conscience et doivent agir les uns envers les autres dans un esprit de "
    "fraternité. Où est passé le garçon ? Il est « là », à côté du théâtre."
)
CZECH = (
    "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a "
    "svědomím a mají spolu jednat v duchu bratrství. Příliš žluťoučký kůň úpěl ďábelské ódy, a "
    "proto je třeba zařízení nejdříve vypnout."
)
POLISH = (
    "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni "
    "obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa. Należy "
    "najpierw wyłączyć urządzenie, a później zdjąć osłonę."
)
RUSSIAN = (
    "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и "
    "совестью и должны поступать в отношении друг друга в духе братства. Перед ремонтом устройство "
    "следует отключить от сети."
)
THAI = (
    "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม "
    "และควรปฏิบัติต่อกันด้วยเจตนารมณ์แห่งภราดรภาพ เปิดไฟล์และบันทึกการเปลี่ยนแปลง "
    "ระบบจะแสดงข้อความเตือนก่อนลบข้อมูลทั้งหมดออกจากเครื่อง"
)
CHINESE = (
    "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。"
    "在更换电源之前，请先关闭设备，并检查所有的连接是否正确。如果出现告警，请查看日志文件。"
    "网络管理系统可以显示每个端口的状态，用户也可以修改配置参数。"
)
TAIWANESE = (
    "人人生而自由，在尊嚴和權利上一律平等。他們賦有理性和良心，並應以兄弟關係的精神相對待。"
    "在更換電源之前，請先關閉設備，並檢查所有的連線是否正確。如果出現警告，請檢視記錄檔案。"
    "網路管理系統可以顯示每個連接埠的狀態，使用者也可以修改設定。"
)
JAPANESE = (
    "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。"
    "人間は、理性と良心とを授けられており、互いに同胞の精神をもって行動しなければならない。"
    "電源を交換する前に、装置の電源を切り、ケーブルの接続を確認してください。"
)
KOREAN = (
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 이성과 "
    "양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다. 전원을 교체하기 전에 먼저 장치를 "
    "끄고 모든 연결이 올바른지 확인하십시오."
)
SENTENCES = [
    (GERMAN, "cp1252"),
    (FRENCH, "latin-1"),
    (CZECH, "iso8859-2"),
    (CZECH, "cp1250"),
    (POLISH, "iso8859-2"),
    (RUSSIAN, "cp1251"),
    (RUSSIAN, "koi8-r"),
    (THAI, "cp874"),
    (CHINESE, "gbk"),
    (CHINESE, "gb18030"),
    (TAIWANESE, "big5"),
    (JAPANESE, "shift_jis"),
    (JAPANESE, "euc-jp"),
    (JAPANESE, "iso2022_jp"),
    (KOREAN, "euc-kr"),
]
UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-be")


@pytest.mark.parametrize(("text", "encoding"), SENTENCES)
def test_sentences_are_read_in_their_encoding(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize(("text", "encoding"), SENTENCES)
def test_so_are_forty_bytes_of_them(text: str, encoding: str) -> None:
    short = text
    while len(short.encode(encoding)) > 40:
        short = short[:-1]
    if not short.isascii():
        assert decode(short.encode(encoding)) == short


@pytest.mark.parametrize("encoding", UNICODE)
@pytest.mark.parametrize("text", [GERMAN, RUSSIAN, THAI, CHINESE + "\n2024 CPU\n", "plain"])
def test_unicode_is_read_with_and_without_a_mark(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_a_long_text_with_rare_letters_is_not_taken_for_broken_utf8() -> None:
    text = "An English text of some length.\n" * 200 + "Café.\n" + "More of the same.\n" * 200
    assert decode(text.encode("latin-1")) == text


def test_a_text_cut_within_a_character_is_read() -> None:
    for text, encoding in ((CHINESE, "gbk"), (JAPANESE, "shift_jis"), (CHINESE, "utf-8")):
        assert decode(text.encode(encoding)[:-1])[:-1] == text.encode(encoding)[:-1].decode(
            encoding, "ignore"
        )


def test_a_few_broken_bytes_leave_a_text_utf8() -> None:
    data = (CHINESE * 20).encode()
    found = decode(data[:3000] + b"\xff" + data[3000:6000] + b"\xfe" + data[6000:])
    assert found.replace("\ufffd", "") == CHINESE * 20


def test_what_is_declared_decides_unless_it_is_wrong() -> None:
    assert decode("ąõ ģ".encode("cp1257"), "windows-1257") == "ąõ ģ"
    assert decode("“quoted”".encode("cp1252"), "iso-8859-1") == "“quoted”"
    assert decode(CHINESE.encode("gbk"), "gb2312") == CHINESE
    assert decode(CHINESE.encode("gbk"), "us-ascii-or-so") == CHINESE
    assert decode(RUSSIAN.encode("koi8-r"), "unicode_escape") == RUSSIAN
    assert decode(RUSSIAN.encode("koi8-r"), "utf-\0") == RUSSIAN


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)) * 4,
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(64),
        b"\xff\xfe\x00",
        b"text\0\0\0text\1\2\3",
        codecs.BOM_UTF16_LE + bytes(range(255, 0, -1)) * 3,
    ],
)
def test_binary_data_is_no_text(data: bytes) -> None:
    with pytest.raises(Malformed):
        decode(data)


@given(st.binary(max_size=300), st.sampled_from(["", "utf-16", "hex", "big5", "idna", "\ud800"]))
def test_any_bytes_are_read_or_refused(data: bytes, declared: str) -> None:
    with contextlib.suppress(Malformed):
        assert isinstance(decode(data, declared), str)
