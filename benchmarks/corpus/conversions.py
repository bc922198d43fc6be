"""Conversions by pandoc and LibreOffice of {source: target}, many at once."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_PLAIN_HTML = "html-native_divs-native_spans"  # divisions would be containers in reStructuredText
_PANDOC = {"md": "gfm-raw_html", "adoc": "asciidoctor", "tex": "latex"}
_HTML_AS_TEXT = "HTML (StarWriter)"  # the filter for the web knows no export to DOCX
_FILTERS = {
    "docx": "docx:MS Word 2007 XML",
    "doc": "doc:MS Word 97",
    "pdf": "pdf:writer_web_pdf_Export",
    "xlsx": "xlsx:Calc MS Excel 2007 XML",
    "odt": "odt:writer8",
    "rtf": "rtf:Rich Text Format",
    "tex": "tex",
    "mediawiki": "txt:MediaWiki",
}
_OUTLINE = 'pdf:writer_pdf_Export:{"ExportBookmarks":{"type":"boolean","value":"true"}}'
LOCKED = (
    'pdf:writer_web_pdf_Export:{"EncryptFile":{"type":"boolean","value":"true"},'
    '"DocumentOpenPassword":{"type":"string","value":"secret"}}'
)


def pandoc(targets: Mapping[Path, Path], work: Path) -> None:
    for source, target in targets.items():
        form = target.suffix[1:]
        order = ["pandoc", "-f", _PLAIN_HTML, "-t", _PANDOC.get(form, form), "-o", target, source]
        title = ["--metadata", f"title={source.stem}"] if form == "epub" else []
        title += ["--standalone"] if form == "tex" else []
        title += ["--wrap=none"] if form == "org" else []  # else it breaks headings in two
        subprocess.run([*order, *title], check=True)


def libreoffice(
    targets: Mapping[Path, Path],
    work: Path,
    filter: str = "",
    options: Sequence[str] = (),
) -> None:
    """Raises CalledProcessError, or FileNotFoundError for a target that was not made."""
    form = next(iter(targets.values())).suffix[1:]
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    order: list[str | Path] = [
        "soffice",
        "--headless",
        f"-env:UserInstallation=file://{work}/profile",
    ]
    order += options
    if form not in ("pdf", "xlsx"):
        order.append(f"--infilter={_HTML_AS_TEXT}")
    order += ["--convert-to", filter or _FILTERS[form], "--outdir", out, *targets]
    subprocess.run(order, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for source, target in targets.items():
        made = _FILTERS[form].partition(":")[0]
        shutil.move(out / f"{source.stem}.{made}", target)


def outlined_pdf(targets: Mapping[Path, Path], work: Path) -> None:
    """PDFs by way of Word, with an outline: as an office makes them."""
    folder = work / "docx"
    folder.mkdir(parents=True, exist_ok=True)
    middle = {source: folder / f"{target.stem}.docx" for source, target in targets.items()}
    pandoc(middle, work)
    libreoffice({middle[source]: target for source, target in targets.items()}, work, _OUTLINE)
