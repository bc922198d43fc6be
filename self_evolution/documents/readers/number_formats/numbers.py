"""Numbers in the digits, groups, powers or fractions of a format."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

from self_evolution.documents.readers.number_formats.sections import Section, Token

_EXACT = Context(prec=800)  # the largest float has 309 digits, and a format asks for up to 255
_RELATIONS = {
    "<": Decimal.__lt__,
    "<=": Decimal.__le__,
    ">": Decimal.__gt__,
    ">=": Decimal.__ge__,
    "=": Decimal.__eq__,
    "<>": Decimal.__ne__,
}


def number(value: Decimal, sections: tuple[Section, ...]) -> str:
    """A number as the section shows it that is meant for its sign or size."""
    if not value.is_finite():
        return str(value)
    section, value = _chosen(value, sections)
    sign = "-" if value < 0 else ""
    value = abs(value)
    if section.has("general") or (section.has("sign", "@") and not section.has("digit")):
        plain = "".join(
            _general(value) if one.kind != "text" else one.text for one in section.tokens
        )
        return (sign + plain).strip()
    if section.has("date") or section.has("clock"):  # a number that is no date, such as -1
        return sign + _general(value)
    slash = _fraction_bar(section.tokens)
    if slash is not None:
        text = _fraction(value, section.tokens, slash)
    elif section.has("power"):
        text = _scientific(value, section.tokens)
    else:
        value *= Decimal(100) ** sum(one == Token("sign", "%") for one in section.tokens)
        text = _decimal(value, section.tokens)
    return (sign if re.search("[1-9]", text) or not section.has("digit") else "") + text.strip()


def _chosen(value: Decimal, sections: tuple[Section, ...]) -> tuple[Section, Decimal]:
    """The section that shows a number, and the number that it gets: without a sign of its own."""
    if sections[0].relation:
        for number, one in enumerate(sections):
            if not one.relation or _RELATIONS[one.relation](value, one.bound):
                return one, abs(value) if number else value
        return sections[-1], value
    if value < 0 and len(sections) > 1:
        return sections[1], abs(value)
    return sections[2 if value == 0 and len(sections) > 2 else 0], value


def _general(value: Decimal) -> str:
    text = f"{float(value):.15g}" if value != value.to_integral_value() else ""
    return text or (str(int(value)) if value < 10**15 else f"{float(value):.15g}")


def _decimal(value: Decimal, tokens: tuple[Token, ...]) -> str:
    """Digits in their places from the point outwards; what does not fit stands in the first."""
    places = [i for i, one in enumerate(tokens) if one.kind == "digit"]
    if not places:
        return "".join(one.text for one in tokens)
    point = next(
        (i for i, one in enumerate(tokens) if one.text == "." and one.kind == "sign"), None
    )
    end = len(tokens) if point is None else point
    whole = [i for i in places if i < end]
    last = whole[-1] if whole else -1
    commas = [i for i, one in enumerate(tokens) if one == Token("sign", ",")]
    value /= Decimal(1000) ** sum(last < i < end or i > places[-1] for i in commas)
    grouped = any(whole and whole[0] < i < last for i in commas)
    decimals = [i for i in places if i > end]
    rounded = value.quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP, _EXACT)
    before, _, after = f"{rounded:f}".partition(".")
    # What stands behind a 0 is shown too, as in 0#.
    needed = next((len(whole) - at for at, i in enumerate(whole) if tokens[i].text == "0"), 0)
    before = before.lstrip("0").rjust(needed, "0")
    texts = ["" if i in commas else one.text for i, one in enumerate(tokens)]
    digits = _grouped(before) if grouped else list(before)
    for i in reversed(whole):
        texts[i] = digits.pop() if digits else ""
    if whole:
        texts[whole[0]] = "".join(digits) + texts[whole[0]]
    kept = len(after)
    while kept and after[kept - 1] == "0" and tokens[decimals[kept - 1]].text != "0":
        kept -= 1
    for at, i in enumerate(decimals):
        texts[i] = after[at] if at < kept else ""
    if point is not None and decimals and not kept and tokens[decimals[0]].text != "0":
        texts[point] = ""
    if not whole and point is not None:
        texts[point] = before + texts[point]
    return "".join(texts)


def _grouped(digits: str) -> list[str]:
    """Digits, each with the comma behind it where it ends a group of thousands."""
    last = len(digits) - 1
    return [one + "," * (i < last and (last - i) % 3 == 0) for i, one in enumerate(digits)]


def _scientific(value: Decimal, tokens: tuple[Token, ...]) -> str:
    at = next(i for i, one in enumerate(tokens) if one.kind == "power")
    step = max(1, sum(one.kind == "digit" for one in _until_point(tokens[:at])))
    power = value.adjusted() // step * step if value else 0
    for _ in range(2):  # rounding may give one digit more: 9.99 with one decimal is 1.0E+01
        head = _decimal(value.scaleb(-power), tokens[:at])
        if len(re.sub(r"\D|^0+", "", head.partition(".")[0])) <= step:
            break
        power += step
    tail = _decimal(Decimal(abs(power)), tokens[at + 1 :])
    sign = "-" if power < 0 else "+" if tokens[at].text.endswith("+") else ""
    return f"{head}E{sign}{tail}"


def _until_point(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    end = next((i for i, one in enumerate(tokens) if one.text == "."), len(tokens))
    return tokens[:end]


def _fraction_bar(tokens: tuple[Token, ...]) -> int | None:
    """The place of the slash between two numbers of a format, None where there is no such slash."""
    for place in range(1, len(tokens) - 1):
        below = tokens[place + 1]
        if (
            tokens[place].text == "/"
            and tokens[place - 1].kind == "digit"
            and (below.kind == "digit" or below.text.isdecimal())
        ):
            return place
    return None


def _fraction(value: Decimal, tokens: tuple[Token, ...], slash: int) -> str:
    """A mixed number where places stand apart in front of the fraction: 1 1/4."""
    start = slash
    while start and tokens[start - 1].kind == "digit":
        start -= 1
    end = slash + 1
    while end < len(tokens) and (tokens[end].kind == "digit" or tokens[end].text.isdecimal()):
        end += 1
    below = "".join(one.text for one in tokens[slash + 1 : end])
    mixed = any(one.kind == "digit" for one in tokens[:start])
    whole = int(value) if mixed else 0
    rest = Fraction(value) - whole
    if below.isdecimal() and below.strip("0"):
        parts = (int(rest * int(below) + Fraction(1, 2)), int(below))
    else:
        near = rest.limit_denominator(10 ** min(len(below), 6) - 1)
        parts = (near.numerator, near.denominator)
    if mixed and parts[0] == parts[1]:
        whole, parts = whole + 1, (0, 1)
    whole_text = str(whole) if mixed and (whole or not parts[0]) else ""
    rest_text = f"{parts[0]}/{parts[1]}" if parts[0] or not mixed else ""
    outside = [
        "".join(one.text for one in some if one.kind == "text").strip(" ")
        for some in (tokens[:start], tokens[end:])
    ]
    number = " ".join(filter(None, (whole_text, rest_text)))
    return outside[0] + number + outside[1]
