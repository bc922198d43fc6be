"""MathML on one line: the visible formula, without its other notations."""

from __future__ import annotations

from lxml import etree

from self_evolution.documents.readers import formulas
from self_evolution.documents.readers.formulas import NOTHING, Kind, Term

_TOKENS = frozenset(("mi", "mn", "mo", "mtext", "ms"))
_UNSEEN = frozenset(("annotation", "annotation-xml", "mphantom"))
"""Elements that show nothing of their own."""


def formula(math: etree._Element) -> str:
    """A formula as it is shown, or as its author wrote it where nothing is shown."""
    open_: list[list[Term]] = [[]]  # the terms of each element that is open
    walker = etree.iterwalk(math, events=("start", "end"))
    for event, element in walker:
        tag = _name(element)
        if event == "start":
            if tag in _TOKENS or tag in _UNSEEN:
                walker.skip_subtree()
            open_.append([])
            continue
        terms = open_.pop()
        if tag in _TOKENS:
            open_[-1].append(formulas.token("".join(element.itertext())))
        elif tag not in _UNSEEN:
            open_[-1].append(_term(tag, element, terms))
    shown = formulas.row(open_[0])
    if shown.text:
        return f"[{shown.text}]" if shown.kind is Kind.TABLE else " ".join(shown.text.split())
    annotation = "".join(math.xpath("string(.//annotation[@encoding='application/x-tex'])"))
    return str(math.get("alttext") or annotation or " ".join("".join(math.itertext()).split()))


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition(":")[2]


def _term(tag: str, element: etree._Element, terms: list[Term]) -> Term:
    """The term of an element whose parts are `terms`."""
    one, two, three, *_ = [*terms, NOTHING, NOTHING, NOTHING]
    match tag:
        case "mfrac":
            bare = element.get("linethickness", "").strip("emptx%")
            return (formulas.binomial if bare == "0" else formulas.fraction)(one, two)
        case "msqrt":
            return formulas.root(formulas.row(terms))
        case "mroot":
            return formulas.root(one, two)
        case "msub" | "munder":
            return formulas.scripts(one, two)
        case "msup":
            return formulas.scripts(one, NOTHING, two)
        case "mover":
            return formulas.marked(one, two)
        case "msubsup" | "munderover":
            return formulas.scripts(one, two, three)
        case "mmultiscripts":
            return _multiscripts(element, terms)
        case "mfenced":
            return _fenced(element, terms)
        case "mtr" | "mlabeledtr":
            return Term("\t".join(term.text for term in terms))
        case "mtable":
            return formulas.matrix(term.text.split("\t") for term in terms)
        case "semantics" | "maction":
            return one
        case "none" | "mprescripts":
            return NOTHING
    return formulas.row(terms)


def _fenced(element: etree._Element, terms: list[Term]) -> Term:
    separators = element.get("separators", ",").split() or [""]
    inner = terms[:1]
    for at, term in enumerate(terms[1:]):
        inner += [formulas.token(separators[min(at, len(separators) - 1)]), term]
    left, right = element.get("open", "("), element.get("close", ")")
    return formulas.row([formulas.token(left), formulas.row(inner), formulas.token(right)])


def _multiscripts(element: etree._Element, terms: list[Term]) -> Term:
    """A base with indices and exponents behind it, and before it, as those of an isotope."""
    names = [_name(child) for child in element]
    split = names.index("mprescripts") if "mprescripts" in names else len(names)
    base, *behind = terms[:split] or [NOTHING]
    ahead = terms[split + 1 :]
    text = "".join(formulas.scripts(NOTHING, *pair).text for pair in _pairs(ahead))
    for pair in _pairs(behind):
        base = formulas.scripts(base, *pair)
    return Term(text + base.text, Kind.SCRIPT)


def _pairs(terms: list[Term]) -> list[tuple[Term, Term]]:
    even = [*terms, *[NOTHING] * (len(terms) % 2)]
    return list(zip(even[::2], even[1::2], strict=True))
