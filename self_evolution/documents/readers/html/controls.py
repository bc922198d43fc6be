"""Buttons and summaries that open a part of the page: accordions, tabs, pages of questions.

A reader of the page can open each part, so all of them are text, and the control is the heading.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import NamedTuple

from lxml.etree import _Element

from self_evolution.documents.readers.html.elements import HEADINGS, names

_TARGETS = "//@aria-controls | //@data-target | //@data-bs-target"
_CONTROLS = "//button | //summary | //*[@role='button'][@aria-expanded or @aria-controls]"
_POPUPS = names("dialog alertdialog menu listbox search")  # these are no part of the text
_PROSE = names("p li dd")
_INLINE = names("span b strong i em kbd code a u")
_WORD = re.compile(r"\w")
_MOST = 60  # pieces of a button's text that are looked at; a page has fewer buttons than its square
_ABOVE = 4  # elements around a button that hold nothing else, at most


class Controls(NamedTuple):
    """The ids of parts that can be opened, and the controls that open them.

    `regions` has the part that each heading opens; `texts` are buttons whose words are read; `flat`
    are the lists that only arrange such headings.
    """

    ids: frozenset[str]
    regions: dict[_Element, _Element]
    texts: set[_Element]
    flat: set[_Element]

    def opens(self, element: _Element) -> bool:
        """Whether an element is shown as soon as a reader chooses it."""
        role = element.get("role")
        return role == "tabpanel" or (
            role not in _POPUPS
            and (element.get("id") in self.ids or element.get("hidden") == "until-found")
        )


def find(root: _Element) -> Controls:
    """The controls of a page, and the parts that they open."""
    targets = [one for one in root.xpath(_TARGETS) if one.getparent().get("aria-haspopup") is None]
    ids = frozenset(name.lstrip("#") for target in targets for name in target.split())
    controls = Controls(ids, {}, set(), set())
    found = root.xpath(_CONTROLS)[: _MOST * _MOST]
    places = {one.get("id"): one for one in root.xpath("//*[@id]")} if found else {}
    for one in found:
        heading = next(one.iterancestors(*HEADINGS), None)
        opens = one.get("aria-controls") is not None or one.get("aria-expanded") is not None
        if heading is not None:
            if opens or _words(one) == _words(heading):
                controls.texts.add(one)
        elif one.tag == "summary":
            above = one.getparent()
            if (
                above is not None
                and above.tag == "details"
                and next(one.iter(*HEADINGS), None) is None
            ):
                _head(controls, one, above)
        elif opens and one.get("aria-haspopup") is None and _words(one):
            region = places.get(one.get("aria-controls", "").partition(" ")[0])
            region = _next(one) if region is None else region
            if next(one.iterancestors("dt"), None) is not None:
                controls.texts.add(one)
            elif region is not None and region.get("role") not in _POPUPS:
                controls.texts.add(one)
                _head(controls, one, region)
        elif _is_in_a_sentence(one):
            controls.texts.add(one)
    _name_panels(root, controls)
    return controls


def _name_panels(root: _Element, controls: Controls) -> None:
    """Put the name of each tab before the part that it opens, as its heading.

    The tabs stand together in a bar, which is no text.
    """
    tabs = root.xpath("//*[@role='tab']")[: _MOST * _MOST]
    panels = root.xpath("//*[@role='tabpanel']") if tabs else []
    places = {one.get(name, ""): one for one in panels for name in ("aria-labelledby", "id")}
    for tab in tabs:
        names = (tab.get(name, "") for name in ("aria-controls", "data-bs-target", "href", "id"))
        found = (places.get(name) for name in (one.lstrip("#") for one in names) if name)
        panel = next((one for one in found if one is not None), None)
        name = " ".join("".join(islice(tab.itertext(), _MOST)).split())
        if panel is None or not name or tab.tag in HEADINGS or _next(tab) is panel:
            continue
        if next(tab.iterancestors(*HEADINGS), None) is None and panel.getparent() is not None:
            heading = panel.makeelement("div")
            heading.text = name
            panel.addprevious(heading)
            controls.regions.pop(tab, None)
            controls.regions[heading] = panel


def _head(controls: Controls, control: _Element, region: _Element) -> None:
    controls.regions[control] = region
    for item in control.iterancestors("li"):
        above = item.getparent()
        controls.flat.update((item,) if above is None else (item, above))
        return


def _words(element: _Element) -> str:
    return "".join(_WORD.findall("".join(islice(element.itertext(), _MOST))))


def _next(control: _Element) -> _Element | None:
    """The block right after a control, or after an element that holds only the control."""
    here: _Element | None = control
    for _ in range(_ABOVE):
        if here is None or (here.tail or "").strip():
            return None
        after = here.getnext()
        if after is not None:
            return None if after.tag in HEADINGS or after.tag in _INLINE else after
        here = here.getparent()
        if here is None or _words(here) != _words(control):
            return None
    return None


def _is_in_a_sentence(button: _Element) -> bool:
    """Whether a button stands where a word would, as in \"press Print twice\"."""
    here, after = button, button.tail or ""
    above = here.getparent()
    while above is not None and above.tag in _INLINE:
        here, above = above, above.getparent()
        after += here.tail or ""
    if above is None or next(button.iterancestors("pre"), None) is not None:
        return False
    before = here.getprevious()
    ahead = above.text if before is None else before.tail or "".join(before.itertext())
    return bool(_WORD.search(ahead or "")) and (above.tag in _PROSE or bool(after.strip()))
