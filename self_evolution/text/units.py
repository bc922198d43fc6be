"""Units that may follow a number, and the one form of each that comparisons use."""

from __future__ import annotations

import re

# The forms of a unit, the first of a line being the one compared. Upper and lower case are told
# apart only where a single letter would else be an article or a variable ("4 a", "2 v").
_FORMS = """
ms millisecond milliseconds msec 毫秒
us μs microsecond microseconds 微秒
ns nanosecond nanoseconds 纳秒
s sec secs second seconds 秒 秒钟
min mins minute minutes 分钟
h hr hrs hour hours 小时
d day days 天
week weeks 周
month months 个月
year years
% percent pct
‰
° degree degrees
°c 摄氏度
°f
b byte bytes 字节
bit bits 比特
kb
mb
gb
tb
pb
kib
mib
gib
tib
bps bit/s
kbps kbit/s
mbps mbit/s
gbps gbit/s
kb/s
mb/s
gb/s
hz hertz 赫兹
khz
mhz
ghz
thz
v volt volts 伏
mv millivolt millivolts 毫伏
kv kilovolt kilovolts 千伏
a amp amps ampere amperes 安培
ma milliamp milliamps 毫安
w watt watts 瓦
kw kilowatt kilowatts 千瓦
mw milliwatt milliwatts
wh
kwh
va
kva
ω ohm ohms 欧姆
nm
μm um 微米
mm millimetre millimetres millimeter millimeters 毫米
cm centimetre centimetres centimeter centimeters 厘米
m metre metres meter meters 米
km kilometre kilometres kilometer kilometers 公里 千米
km/h
m/s
g gram grams 克
kg kilogram kilograms 千克 公斤
mg milligram milligrams 毫克
l litre litres liter liters 升
ml millilitre millilitres milliliter milliliters 毫升
pa
kpa
mpa
bar bars
psi
db 分贝
dbm
rpm
px
"""

_CANONICAL = {form: line.split()[0] for line in _FORMS.splitlines() for form in line.split()}
_LONE_LETTERS = frozenset("sdhmglVAWBL")
# In capitals these are names or words (48 US states, the parameter MIN).
_NEVER_CAPITALS = frozenset(
    ("us", "ns", "s", "min", "h", "d", "week", "month", "year", "bit", "bar", "a", "°", "%")
)
# Where case tells a million from a thousandth.
_BY_CASE = {"MW": "MW", "megawatt": "MW", "megawatts": "MW", "MV": "MV"}

_CJK_UNIT = re.compile(
    "|".join(sorted((form for form in _CANONICAL if form[0] >= "\u4e00"), key=len, reverse=True))
)
# Some units also begin common words (天线, an antenna; 升级, an upgrade): before these characters
# they are none.
_NO_UNIT_BEFORE = {"天": "线", "升": "级序", "米": "粒", "克": "隆服", "周": "期边", "伏": "特安"}


def unit(word: str) -> str | None:
    """The compared form of the unit `word` ("Seconds" gives "s"), None if it is none."""
    if word in _BY_CASE:
        return _BY_CASE[word]
    form = _CANONICAL.get(word.casefold())
    if not word.isascii() or not word.isalpha():
        return form
    if len(word) == 1:
        return form if word in _LONE_LETTERS else None
    return None if word.isupper() and form in _NEVER_CAPITALS else form


def cjk_unit(text: str, start: int) -> str | None:
    """The Chinese unit that stands in `text` at `start`, as it is written; None if none does."""
    match = _CJK_UNIT.match(text, start)
    if match is None:
        return None
    following = text[match.end() : match.end() + 1]
    return None if following and following in _NO_UNIT_BEFORE.get(match[0], "") else match[0]
