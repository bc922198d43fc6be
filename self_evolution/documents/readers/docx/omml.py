"""Formulas of Word (OMML) on one line."""

from __future__ import annotations

import re

from lxml import etree

from self_evolution.documents.readers import formulas
from self_evolution.documents.readers.docx.symbols import meant
from self_evolution.documents.readers.formulas import NOTHING, Kind, Term

M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_TOKENS = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]{3,}|\s+|.", re.DOTALL)
_LEFT_OUT = frozenset(("del", "moveFrom"))


def formula(math: etree._Element) -> str:
    """The formula of an element m:oMath, as it is typed."""
    open_: list[list[tuple[str, Term]]] = [[]]  # the named terms of each element that is open
    walker = etree.iterwalk(math, events=("start", "end"))
    for event, element in walker:
        name = str(element.tag).rpartition("}")[2]
        skipped = name.endswith("Pr") or name in _LEFT_OUT
        if event == "start":
            if skipped:
                walker.skip_subtree()
            open_.append([])
            continue
        parts = open_.pop()
        if name == "t":
            open_[-1].append(("t", typed(element.text or "")))
        elif not skipped:
            open_[-1].append((name, _term(name, element, parts)))
    shown = open_[0][0][1]
    return f"[{shown.text}]" if shown.kind is Kind.TABLE else " ".join(shown.text.split())


def typed(text: str) -> Term:
    """Numbers, names and signs that were typed one after the other."""
    return formulas.row(formulas.token(one) for one in _TOKENS.findall(meant(text, "")))


def _term(name: str, element: etree._Element, parts: list[tuple[str, Term]]) -> Term:
    """The term of an element with these parts."""
    of = dict(reversed(parts))  # the first part of each name counts
    base, below, above = (of.get(key, NOTHING) for key in ("e", "sub", "sup"))
    match name:
        case "f":
            make = formulas.binomial if _set(element, "type") == "noBar" else formulas.fraction
            return make(of.get("num", NOTHING), of.get("den", NOTHING))
        case "rad":
            return formulas.root(base, of.get("deg", NOTHING))
        case "sSub" | "sSup" | "sSubSup":
            return formulas.scripts(base, below, above)
        case "sPre":
            return Term(formulas.scripts(NOTHING, below, above).text + base.text, Kind.SCRIPT)
        case "nary":
            sign = Term(_set(element, "chr", "∫"), Kind.SIGN)
            return formulas.row([formulas.scripts(sign, below, above), base])
        case "d":
            return _bracketed(element, [term for _, term in parts])
        case "bar":
            return formulas.marked(base, Term("¯"))
        case "acc":
            return formulas.marked(base, Term(_set(element, "chr", "\u0302")))
        case "limLow":
            return formulas.scripts(base, of.get("lim", NOTHING))
        case "limUpp":
            return formulas.scripts(base, NOTHING, of.get("lim", NOTHING))
        case "mr":
            return Term("\t".join(term.text for _, term in parts))
        case "m" | "eqArr":
            return formulas.matrix(term.text.split("\t") for _, term in parts)
    return formulas.row(term for _, term in parts)


def _set(element: etree._Element, name: str, default: str = "") -> str:
    """A setting of an element: the value of a child of its properties."""
    found = element.find(f"{M}{element.tag.rpartition('}')[2]}Pr/{M}{name}")
    return default if found is None else found.get(f"{M}val", "")


def _bracketed(element: etree._Element, terms: list[Term]) -> Term:
    inner = terms[:1]
    for term in terms[1:]:
        inner += [formulas.token(_set(element, "sepChr", "|")), term]
    left, right = _set(element, "begChr", "("), _set(element, "endChr", ")")
    return formulas.row([formulas.token(left), *inner, formulas.token(right)])
