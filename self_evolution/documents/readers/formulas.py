"""Formulas on one line, in the usual typed form: (a+b)/(2c), √16, y^(n+1), x̄, C(n,k)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

_SIGNED = re.compile(r"[+\-\u2212\u2013]?(?:[\d.,]*\d|[^\W_])\Z")
_RELATION = re.compile(r"[=<>≤≥≈≠≡∼→⇒+\-\u2212]")
_OPENING, _CLOSING = "([{|‖⟨⌊⌈", ")]}|‖⟩⌋⌉"
_SUMS = str.maketrans("∑∏", "ΣΠ")
# Signs of invisible operations; U+2062 is a product and U+2063 a comma.
_INVISIBLE = str.maketrans({"\u2061": " ", "\u2062": "", "\u2063": ",", "\u2064": "", "\xa0": " "})
_MARKS = {
    **dict.fromkeys("¯‾―ˉ\u0304\u0305_", ("\u0304", "bar")),
    **dict.fromkeys("^ˆ\u0302", ("\u0302", "hat")),
    **dict.fromkeys("~˜∼\u0303", ("\u0303", "tilde")),
    **dict.fromkeys("→⃗\u20d7", ("\u20d7", "vec")),
    **dict.fromkeys("˙.\u0307", ("\u0307", "dot")),
    **dict.fromkeys("¨\u0308", ("\u0308", "ddot")),
}


class Kind(Enum):
    """The operator that binds the parts of a term together."""

    NUMBER = "number"
    SIGN = "sign"
    NAME = "name"  # a letter, or several that are one name
    CLOSED = "closed"  # in brackets of its own
    SCRIPT = "script"  # with an index, an exponent or a root
    SUM = "sum"  # a sign for a sum or an integral with its limits
    FRACTION = "fraction"
    TABLE = "table"
    ROW = "row"


class Term(NamedTuple):
    """A formula or a part of one, and the operator that binds it."""

    text: str
    kind: Kind = Kind.ROW


NOTHING = Term("")


def token(text: str) -> Term:
    """A number, name or sign as it stands in the source."""
    text = " ".join(text.translate(_INVISIBLE).split()) if text.strip() else ""
    if not text:
        return NOTHING
    if text[0].isdigit():
        return Term(text, Kind.NUMBER)
    return Term(text, Kind.NAME if text[0].isalpha() else Kind.SIGN)


def row(terms: Iterable[Term]) -> Term:
    """Join terms into a row; factors without a sign between them are kept apart from the others."""
    given = [term for term in terms if term.text]
    if len(given) == 1:
        return given[0]
    text = ""
    for at, term in enumerate(given):
        before = given[at - 1] if at else NOTHING
        after = given[at + 1] if at + 1 < len(given) else NOTHING
        text += _gap(before, term) + _placed(before, term, after)
    if len(given) == 3 and given[0].text + given[2].text == "()" and given[1].text[:2] == "C(":
        return given[1]
    closed = len(text) > 1 and text[0] in _OPENING and _closes(text) == len(text) - 1
    return Term(text, Kind.CLOSED if closed else Kind.ROW)


def _placed(before: Term, term: Term, after: Term) -> str:
    """The text of a term in its row, in brackets if it would else join its neighbours."""
    if term.kind is Kind.TABLE:
        return term.text if before.text[-1:] in tuple(_OPENING) else f"[{term.text}]"
    if term.kind is not Kind.FRACTION:
        return term.text
    mixed = before.kind is Kind.NUMBER and term.text.replace("/", "").isdigit()
    bound = (before.kind is not Kind.SIGN and before.text and not mixed) or (
        after.kind is not Kind.SIGN and after.text
    )
    touching = before.text[-1:] in tuple(_CLOSING) or after.text[:1] in tuple("([{")
    return f"({term.text})" if bound or (touching and after.kind is not Kind.SIGN) else term.text


def _gap(before: Term, term: Term) -> str:
    """The space between two terms that would otherwise be read as one."""
    if not before.text or before.kind is Kind.SIGN or term.kind is Kind.SIGN:
        return ""
    if before.kind is Kind.SUM:
        return " "
    first = term.text[0]
    if term.kind is Kind.FRACTION:
        return " " if before.kind is Kind.NUMBER and first.isdigit() else ""
    if not first.isalnum():
        return ""
    if before.kind is Kind.SCRIPT or (before.text[-1].isdigit() and first.isdigit()):
        return " "
    names = [one for one in (before, term) if one.kind is Kind.NAME and len(one.text) > 1]
    return " " if names and before.text[-1].isalnum() else ""


def _closes(text: str) -> int:
    """Return the place at which the bracket that a text begins with is closed."""
    opening, closing = text[0], _CLOSING[_OPENING.index(text[0])]
    if opening == closing:
        return text.find(closing, 1)
    depth = 0
    for match in re.finditer(f"[{re.escape(opening + closing)}]", text):
        depth += 1 if match[0] == opening else -1
        if not depth:
            return match.start()
    return -1


def grouped(term: Term) -> str:
    """The text in brackets, unless it is a single thing already."""
    return f"({term.text})" if term.kind in (Kind.ROW, Kind.FRACTION, Kind.SCRIPT) else term.text


def raised(text: str) -> str:
    """An exponent behind its base: ^2, ^-6, ^(n+1)."""
    return f"^{text}" if _SIGNED.match(text) else f"^({text})"


def lowered(text: str) -> str:
    """An index behind its base: _i, _(i+1)."""
    return f"_{text}" if text.isalnum() else f"_({text})"


def fraction(above: Term, below: Term) -> Term:
    """One term over another: (a+b)/(2c)."""
    return Term(f"{grouped(above)}/{grouped(below)}", Kind.FRACTION)


def binomial(above: Term, below: Term) -> Term:
    """One term over another without a line: C(n,k)."""
    return Term(f"C({above.text},{below.text})", Kind.CLOSED)


def root(radicand: Term, degree: Term = NOTHING) -> Term:
    """A square root, or one of another degree: √16, √[3](x+1)."""
    return Term(f"√{f'[{degree.text}]' * bool(degree.text)}{grouped(radicand)}", Kind.SCRIPT)


def scripts(base: Term, below: Term = NOTHING, above: Term = NOTHING) -> Term:
    """A base with an index and an exponent, or a sign for a sum with its limits."""
    if base.text and all(unicodedata.category(one) == "Sm" for one in base.text):
        limits = f"_({below.text})" * bool(below.text) + f"^({above.text})" * bool(above.text)
        return Term(base.text.translate(_SUMS) + limits, Kind.SUM)
    text = grouped(base) if base.text else ""
    if below.text:
        text += lowered(below.text)
    if above.text and all(one in "′″‴'*†°∘" for one in above.text):
        return Term(
            text + above.text.replace("∘", "°"), base.kind if not below.text else Kind.SCRIPT
        )
    return Term(text + raised(above.text) if above.text else text, Kind.SCRIPT)


def marked(base: Term, mark: Term) -> Term:
    """A base under a bar, hat, tilde, arrow or dots: x̄, bar(x+y)."""
    known = _MARKS.get(mark.text)
    if known is None:
        # A brace above only shows what belongs together.
        return base if mark.text in tuple("⏞⏟︷︸⎴") else scripts(base, NOTHING, mark)
    sign, name = known
    if len(base.text) == 1:
        return Term(base.text + sign, Kind.NAME)
    return Term(f"{name}({base.text})", Kind.CLOSED)


def matrix(rows: Iterable[Sequence[str]]) -> Term:
    """Rows of cells: 1, 2; 3, 4. A cell that begins with a relation goes on with the one before."""
    lines = []
    aligned = False
    for cells in rows:
        line = ""
        for cell in cells:
            goes_on = bool(line and _RELATION.match(cell) and len(cells) == 2)
            aligned |= goes_on
            line += cell if goes_on or not line else f", {cell}"
        lines.append(line)
    return Term("; ".join(filter(None, lines)), Kind.ROW if aligned else Kind.TABLE)
