r"""Fields of the kind EQ, in which older Word files keep formulas: EQ \f(3,8)."""

from __future__ import annotations

import re

from self_evolution.documents.readers import formulas
from self_evolution.documents.readers.docx.omml import typed
from self_evolution.documents.readers.formulas import NOTHING, Kind, Term

_EQUATION = re.compile(r"\s*EQ\s+(.*)\Z", re.IGNORECASE | re.DOTALL)
_SWITCH = re.compile(r"\\([a-z]{1,2})((?:\\)?[^\s\w(\\]|\d*)", re.IGNORECASE)
_DEEPEST = 20  # brackets that may stand in one another
_LONGEST = 2_000  # characters of an instruction


def equation(instruction: str) -> str:
    """The formula that a field's instruction draws; empty if it is none."""
    found = _EQUATION.match(instruction)
    return _read(found[1][:_LONGEST].strip(), 0).text if found else ""


def _read(text: str, depth: int) -> Term:
    if depth > _DEEPEST:
        return Term(text)
    terms: list[Term] = []
    at = 0
    while (start := text.find("\\", at)) >= 0:
        terms.append(typed(text[at:start]))
        switches = []
        at = start
        while match := _SWITCH.match(text, at):
            switches.append((match[1].lower(), match[2].removeprefix("\\")))
            at = match.end()
            at += len(text[at:]) - len(text[at:].lstrip(" "))
        if not switches:  # an escaped character
            terms.append(formulas.token(text[start + 1 : start + 2]))
            at = start + 2
        elif text[at : at + 1] == "(":
            parts, at = _arguments(text, at)
            term = _term(switches, [_read(part, depth + 1) for part in parts])
            if term.kind is Kind.SCRIPT and not term.text.startswith("√") and terms:
                term = formulas.row([terms.pop(), Term(term.text, Kind.SIGN)])
            terms.append(term)
    terms.append(typed(text[at:]))
    return formulas.row(terms)


def _arguments(text: str, start: int) -> tuple[list[str], int]:
    """The texts between the commas, or semicolons, of brackets, and where the brackets end."""
    depth, begin, found = 0, start + 1, []
    at = start
    while at < len(text):
        one = text[at]
        if one == "\\":
            at += 1
        elif one == "(":
            depth += 1
        elif one == ")":
            depth -= 1
            if not depth:
                break
        elif one in ",;" and depth == 1:
            found.append(text[begin:at].strip())
            begin = at + 1
        at += 1
    return [*found, text[begin:at].strip()], at + 1


def _term(switches: list[tuple[str, str]], terms: list[Term]) -> Term:
    one, two, three, *_ = [*terms, NOTHING, NOTHING, NOTHING]
    name, options = switches[0][0], dict(switches[1:])
    match name:
        case "f":
            return formulas.fraction(one, two)
        case "r":
            return formulas.root(two, one) if two.text else formulas.root(one)
        case "s":
            if len(terms) > 1:  # one text is raised and stands over the other, which is lowered
                return formulas.scripts(NOTHING, two, one)
            return formulas.scripts(
                NOTHING, *((one, NOTHING) if "do" in options else (NOTHING, one))
            )
        case "i":
            sign = "∑" if "su" in options else "∏" if "pr" in options else "∫"
            return formulas.row([formulas.scripts(Term(sign, Kind.SIGN), one, two), three])
        case "b":
            left = options.get("lc") or options.get("bc") or ("" if "rc" in options else "(")
            right = options.get("rc") or {"[": "]", "{": "}", "<": ">", "(": ")"}.get(left, left)
            right = "" if "lc" in options and "rc" not in options else right
            return formulas.row([formulas.token(left), *terms, formulas.token(right)])
        case "a":
            count = options.get("co", "")
            wide = max(1, int(count)) if count.isdecimal() and len(count) < 4 else 1
            texts = [term.text for term in terms]
            return formulas.matrix(texts[i : i + wide] for i in range(0, len(texts), wide))
        case "l":
            return Term(", ".join(term.text for term in terms))
    return formulas.row(terms)
