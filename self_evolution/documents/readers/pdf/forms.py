"""Forms of a PDF: the values that were filled in, as words at the places of their fields."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from self_evolution.documents.readers.pdf.words import Font, Word

_MOST_FIELDS = 5_000  # of a page
_LONGEST = 20_000  # bytes of one value that are read
_HIDDEN = 2 | 32  # flags of what is shown neither on a screen nor by this page
_PASSWORD = 1 << 13
_TICKED, _EMPTY = "☑", "☐"


def opened(document: Any) -> list[str]:
    """Prepare a document's form for `filled`; returns, for people, which part cannot be read."""
    try:
        document.init_forms()
    except pypdfium2.PdfiumError:
        return ["a broken form, whose values cannot be read"]
    if document.get_formtype() == pdfium.FORMTYPE_XFA_FULL:
        return ["a form in XFA, whose values may be missing; save it as a plain PDF"]
    return []


def filled(document: Any, page: Any, words: Sequence[Word]) -> list[Word]:
    """Return the words of a page with the values of its fields, each after its label.

    A page without fields is returned unchanged.
    """
    found = list(words)
    count = pdfium.FPDFPage_GetAnnotCount(page) if document.formenv else 0
    for index in range(min(count, _MOST_FIELDS)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            word = _word(document.formenv.raw, annotation, words)
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
        if word is not None:
            found.insert(_place(found, word), word)
    return found


def _word(form: Any, annotation: Any, words: Sequence[Word]) -> Word | None:
    """The value of a field as a word on the line of its label; None if it shows no value."""
    box = pdfium.FS_RECTF()
    if (
        pdfium.FPDFAnnot_GetSubtype(annotation) != pdfium.FPDF_ANNOT_WIDGET
        or pdfium.FPDFAnnot_GetFlags(annotation) & _HIDDEN
        or not pdfium.FPDFAnnot_GetRect(annotation, box)
    ):
        return None
    value = " ".join(_value(form, annotation).split())
    if not value:
        return None
    low, high = sorted((box.bottom, box.top))
    near = [word for word in words if word.font.turn == 0 and low - 2 <= word.y <= high]
    label = min(near, key=lambda word: abs(word.left - box.left), default=None)
    font = Font(10.0, False, False, 0) if label is None else label.font._replace(bold=False)
    y = max(low, high - 1.2 * font.size) if label is None else label.y
    right = min(box.left + 0.5 * font.size * len(value), max(box.left, box.right))
    return Word(value, box.left, right, y, font, False)


def _value(form: Any, annotation: Any) -> str:
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if kind in (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON):
        state = _text(pdfium.FPDFAnnot_GetStringValue, annotation, b"AS")
        return _EMPTY if state in ("", "Off") else _TICKED
    if kind == pdfium.FPDF_FORMFIELD_TEXTFIELD:
        secret = pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD
        return "" if secret else _text(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation)
    if kind in (pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX):
        count = pdfium.FPDFAnnot_GetOptionCount(form, annotation)
        chosen = [
            _text(pdfium.FPDFAnnot_GetOptionLabel, form, annotation, index)
            for index in range(min(count, _MOST_FIELDS))
            if pdfium.FPDFAnnot_IsOptionSelected(form, annotation, index)
        ]
        typed = _text(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation)
        return ", ".join(chosen) or typed
    return ""


def _text(ask: Callable[..., int], *about: Any) -> str:
    """A text that pdfium gives in UTF-16."""
    length = min(ask(*about, None, 0), _LONGEST)
    buffer = ctypes.create_string_buffer(max(length, 2) + 2)
    ask(*about, ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), length)
    return buffer.raw[: max(0, length - 2)].decode("utf-16-le", errors="replace").rstrip("\0")


def _place(words: Sequence[Word], word: Word) -> int:
    """Return the place for a value: after the text left of it on its line, or above it."""
    beside = [i for i, one in enumerate(words) if one.y == word.y and one.left <= word.left]
    if beside:
        return beside[-1] + 1
    line = [i for i, one in enumerate(words) if one.y == word.y]
    below = [i for i, one in enumerate(words) if one.y < word.y]
    return min([*line, *below], default=len(words))
