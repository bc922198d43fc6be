"""MathML as one line of text that says the same."""

from __future__ import annotations

import time

import pytest

from self_evolution.documents.readers import html


def _row(*parts: str) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


def _i(name: str) -> str:
    return f"<mi>{name}</mi>"


def _n(number: str) -> str:
    return f"<mn>{number}</mn>"


def _o(sign: str) -> str:
    return f"<mo>{sign}</mo>"


_SUM = _row(_i("a"), _o("+"), _i("b"))
_HALF = f"<mfrac>{_n('1')}{_n('2')}</mfrac>"
_SQUARE = f"<msup>{_i('v')}{_n('2')}</msup>"
_BINOMIAL = f'<mfrac linethickness="0">{_i("n")}{_i("k")}</mfrac>'
_TABLE = "<mtable>" + "".join(
    f"<mtr>{''.join(f'<mtd>{_n(one)}</mtd>' for one in line)}</mtr>" for line in ("12", "34")
)
_TABLE += "</mtable>"

CASES = {
    # fractions
    "3/2": f"<mfrac>{_n('3')}{_n('2')}</mfrac>",
    "(a+b)/(2c)": f"<mfrac>{_SUM}{_row(_n('2'), _i('c'))}</mfrac>",
    "(1/2)/x": f"<mfrac>{_HALF}{_i('x')}</mfrac>",
    "3 1/2": _n("3") + _HALF,
    "(1/2)mv^2": _HALF + _i("m") + _SQUARE,
    "E=1/2+x": _i("E") + _o("=") + _HALF + _o("+") + _i("x"),
    "a(b/c)": _i("a") + f"<mfrac>{_i('b')}{_i('c')}</mfrac>",
    "C(n,k)": _o("(") + _BINOMIAL + _o(")"),
    "2C(n,k)": _n("2") + _BINOMIAL,
    "distance/time": "<mfrac><mtext>distance</mtext><mtext>time</mtext></mfrac>",
    # exponents and indices
    "10^-6": f"<msup>{_n('10')}{_row(_o('-'), _n('6'))}</msup>",
    "s^-1": f"<msup>{_i('s')}{_n('-1')}</msup>",
    "y^(n+1)": f"<msup>{_i('y')}{_row(_i('n'), _o('+'), _n('1'))}</msup>",
    "(a+b)^2": f"<msup>{_row(_o('('), _SUM, _o(')'))}{_n('2')}</msup>",
    "(ab)^2": f"<msup>{_row(_i('a'), _i('b'))}{_n('2')}</msup>",
    "(x_i)^2": f"<msup><msub>{_i('x')}{_i('i')}</msub>{_n('2')}</msup>",
    "x_i^2": f"<msubsup>{_i('x')}{_i('i')}{_n('2')}</msubsup>",
    "x_(i+1)": f"<msub>{_i('x')}{_row(_i('i'), _o('+'), _n('1'))}</msub>",
    "a_(i,j)": f"<msub>{_i('a')}{_row(_i('i'), _o('&#x2063;'), _i('j'))}</msub>",
    "v^2 t": _SQUARE + _i("t"),
    "30°": f"<msup>{_n('30')}{_o('∘')}</msup>",
    "f′(x)": f"<msup>{_i('f')}{_o('′')}</msup>" + _o("(") + _i("x") + _o(")"),
    "_6^14C": f"<mmultiscripts>{_i('C')}<mprescripts/>{_n('6')}{_n('14')}</mmultiscripts>",
    # roots
    "√16": f"<msqrt>{_n('16')}</msqrt>",
    "√(x+1)": f"<msqrt>{_i('x')}{_o('+')}{_n('1')}</msqrt>",
    "√(1/2)": f"<msqrt>{_HALF}</msqrt>",
    "√[3]8": f"<mroot>{_n('8')}{_n('3')}</mroot>",
    "√2 x": f"<msqrt>{_n('2')}</msqrt>" + _i("x"),
    # above and below
    "x̄": f"<mover>{_i('x')}{_o('¯')}</mover>",
    "bar(x+y)": f"<mover>{_row(_i('x'), _o('+'), _i('y'))}{_o('―')}</mover>",
    "v⃗": f"<mover>{_i('v')}{_o('→')}</mover>",
    "Σ_(i=1)^(10) i": f"<munderover>{_o('∑')}{_row(_i('i'), _o('='), _n('1'))}{_n('10')}"
    f"</munderover>{_i('i')}",
    "∫_(0)^(1) xdx": f"<msubsup>{_o('∫')}{_n('0')}{_n('1')}</msubsup>" + "".join(map(_i, "xdx")),
    "lim_(n→∞) a": f"<munder>{_i('lim')}{_row(_i('n'), _o('→'), _i('∞'))}</munder>{_i('a')}",
    # brackets and tables
    "a(x+1)": _i("a") + _row(_o("("), _i("x"), _o("+"), _n("1"), _o(")")),
    "|y|": _row(_o("|"), _i("y"), _o("|")),
    "f(x,y)": _i("f") + f"<mfenced>{_i('x')}{_i('y')}</mfenced>",
    "[x;y[": f"<mfenced open='[' close='[' separators=';'>{_i('x')}{_i('y')}</mfenced>",
    "[1, 2; 3, 4]": _TABLE,
    "(1, 2; 3, 4)": _o("(") + _TABLE + _o(")"),
    "x=1; yy=2": "<mtable>"
    + "".join(
        f"<mtr><mtd>{_i(name)}</mtd><mtd>{_o('=')}{_n(value)}</mtd></mtr>"
        for name, value in (("x", "1"), ("yy", "2"))
    )
    + "</mtable>",
    # names
    "sin x": _i("sin") + _o("&#x2061;") + _i("x"),
    "ln 2": _i("ln") + _n("2"),
    "2πr": _n("2") + _o("&#x2062;") + _i("π") + _i("r"),
    "x if x>0": _i("x") + "<mtext> if </mtext>" + _i("x") + _o("&gt;") + _n("0"),
    # what is noted beside the formula
    "a/b": f"<semantics><mfrac>{_i('a')}{_i('b')}</mfrac>"
    '<annotation encoding="application/x-tex">\\frac{a}{b}</annotation></semantics>',
    "\\frac{c}{d}": '<semantics><mrow/><annotation encoding="application/x-tex">\\frac{c}{d}'
    "</annotation></semantics>",
    "a+b": _i("a") + _o("+") + _i("b") + f"<mphantom>{_n('7')}</mphantom>",
}


@pytest.mark.parametrize(("right", "body"), CASES.items(), ids=CASES)
def test_a_formula_reads_as_it_is_typed(right: str, body: str) -> None:
    for opening in ("<math>", "<math alttext='other'>"):
        page = html.read(f"<p>before {opening}{body}</math> after".encode())
        if opening == "<math>" or "frac{" not in right:
            assert [part.text for part in page.parts] == [f"before {right} after"]


def test_prefixed_elements_are_formulas_too() -> None:
    page = "<p>x <m:math xmlns:m='http://www.w3.org/1998/Math/MathML'><m:mfrac><m:mn>3</m:mn>"
    page += "<m:mn>2</m:mn></m:mfrac></m:math> y"
    assert html.read(page.encode()).parts[0].text == "x 3/2 y"


def test_a_deep_formula_is_read_without_recursion_and_soon() -> None:
    begun = time.monotonic()
    for tag in ("msqrt", "mfrac", "mrow", "mtable", "mfenced"):
        deep = f"<{tag}><mi>a</mi>" * 1500 + "<mi>x</mi>" + f"</{tag}>" * 1500
        assert "x" in html.read(f"<p>deep <math>{deep}</math>".encode()).parts[0].text
    wide = "<mo>(</mo>" * 50_000 + "<mi>x</mi>"
    assert html.read(f"<p><math>{wide}</math>".encode()).parts[0].text.endswith("(x")
    assert time.monotonic() - begun < 20
