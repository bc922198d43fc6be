"""The language of a text: by its script, and by py3langid where several languages share one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from self_evolution.text.language_names import NAMES
from self_evolution.text.script import HAN, HANGUL, KANA

# Letters of each script but the Latin one, and the languages that are told apart in it. Han, kana
# and Hangul are judged before these.
_SCRIPTS = {
    "\u0400-\u052f": "ru uk be bg sr mk kk mn ky tg tt",
    "\u0370-\u03ff\u1f00-\u1fff": "el",
    "\u0590-\u05ff": "he",
    "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefe": "ar fa ur",
    "\u0900-\u097f": "hi mr ne",
    "\u0980-\u09ff": "bn as",
    "\u0a00-\u0a7f": "pa",
    "\u0a80-\u0aff": "gu",
    "\u0b00-\u0b7f": "or",
    "\u0b80-\u0bff": "ta",
    "\u0c00-\u0c7f": "te",
    "\u0c80-\u0cff": "kn",
    "\u0d00-\u0d7f": "ml",
    "\u0d80-\u0dff": "si",
    "\u0e00-\u0e7f": "th",
    "\u0e80-\u0eff": "lo",
    "\u1000-\u109f": "my",
    "\u10a0-\u10ff": "ka",
    "\u0530-\u058f": "hy",
    "\u1200-\u137f": "am",
    "\u1780-\u17ff": "km",
}
_LATIN = (
    *("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "pl", "cs", "sk", "sl"),
    *("hr", "hu", "ro", "tr", "id", "vi", "et", "lv", "lt", "ca", "gl", "eu", "is", "ga", "cy"),
    *("sq", "af", "sw", "tl", "az", "uz", "mt"),
)

_IN_SCRIPT = [(re.compile(f"[{letters}]"), codes) for letters, codes in _SCRIPTS.items()]
_OTHERS = re.compile("[\u0370-\u1dff\u2e80-\u2fff\u3005-\ud7ff\uf900-\ufefe\U00020000-\U000323af]+")
_HAN, _KANA, _HANGUL = (re.compile(f"[{letters}]") for letters in (HAN, KANA, HANGUL))
_UNSPACED = re.compile(f"[{HAN}{KANA}\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
# A fence, inline code, an address.
_CODE = re.compile(r"^[ \t]*(```+|~~~+)[^\n]*\n.*?(?:^[ \t]*\1|\Z)|`[^`\n]+`", re.M | re.S)
_ADDRESS = re.compile(r"[a-z]+://[!-~]+")
_AROUND_WORDS = "\"'()[]{}<>.,;:!?*|_#“”„‘’«»‹›¿¡…–—·"

_LOOKED_AT = 4000  # characters of the text in which prose is sought
_ENOUGH = 320  # bytes of prose that are judged
_SHORT = 10  # letters: with fewer, words of many languages look alike
# The least probability of a language, and how many times as likely it must be as the usual one.
_LIKELY = 0.35
_LIKELIER = 8
_CLEARLY = 40


def detect(text: str, prior: str = "") -> str:
    """The ISO 639-1 code of a text's language; `zh` for traditional and simplified Chinese.

    If a text is too short or too mixed, it is the language `prior`, which is that of its document
    if known, or else English.
    """
    return _detected(text[:_LOOKED_AT], prior)


@lru_cache(maxsize=1024)  # several stages and pages ask about the same text
def _detected(text: str, prior: str) -> str:
    text = _without_code(text)
    others = _others(text)
    words = _words(text)
    if not others or not _outweighs(others, words):
        return _of_latin(words, prior)
    return _east_asian(others) or _by_script(others, prior)


def name(code: str) -> str:
    """The English name of a language, or the code itself where it is not known here."""
    return NAMES.get(code, code)


def differs(question: str, expected: str) -> bool:
    """Whether a question is clearly not in the language expected, but in English or Chinese.

    Only its words count, so a question of names and codes never differs, and neither does one in a
    language that looks like the expected one.
    """
    text = _without_code(question)
    others = _others(text)
    if not others and expected == "en":
        return False
    words = _words(text)
    han = len(_HAN.findall(others))
    if han > 3 and _outweighs(others, words) and _east_asian(others) == "zh":
        return expected not in ("zh", "ja")  # which may be all Han
    if others or expected == "en" or len(words) < 3:
        return False
    if expected not in _LATIN:
        return True
    shares = _shares(words, ("en", expected))
    return len(words) > 3 and shares["en"] > _CLEARLY * shares[expected]


def lacks_script(text: str, expected: str) -> bool:
    """Whether a language has letters of its own and the text none of them, but Latin ones."""
    return expected not in _LATIN and not _others(text) and any(map(str.isalpha, text))


def _without_code(text: str) -> str:
    text = text[:_LOOKED_AT]
    if "`" in text or "~~~" in text:
        text = _CODE.sub(" ", text)
    return _ADDRESS.sub(" ", text) if "://" in text else text


def _others(text: str) -> str:
    """The letters that are not Latin, a space between their runs; enough of them."""
    return "" if text.isascii() else " ".join(_OTHERS.findall(text[:_ENOUGH]))


def _words(text: str) -> list[str]:
    """The Latin words of a text, enough of them, without names, codes and abbreviations."""
    found = []
    size = 0
    for token in text.split():
        word = token.strip(_AROUND_WORDS)
        plain = word.replace("-", "").replace("'", "").replace("’", "")
        # Capitals within or throughout are a name or code; an initial one begins a sentence.
        if plain.isalpha() and plain[1:].islower() and plain[0] < "\u0370":
            found.append(word)
            size += len(word) + 1
            if size >= _ENOUGH:
                break
    return found


def _outweighs(others: str, words: list[str]) -> bool:
    """Whether letters that are not Latin are more than a quoted word in a Latin text.

    A character counts as a word in scripts that are written without spaces.
    """
    foreign = len(_UNSPACED.findall(others)) or others.count(" ") + 1
    return foreign >= min(len(words), _ENOUGH // 8)


def _east_asian(others: str) -> str:
    """zh, ja or ko; empty if there is none of their characters."""
    han, kana, hangul = (len(found.findall(others)) for found in (_HAN, _KANA, _HANGUL))
    if not han + kana + hangul:
        return ""
    # A Japanese or Korean sentence has at least one of its own letters to ten Han characters.
    if han > 10 * (kana + hangul):
        return "zh"
    return "ja" if kana > hangul else "ko"


def _by_script(others: str, prior: str) -> str:
    """Guess the language of a text from its letters that are not Chinese, Japanese or Korean."""
    codes = max(_IN_SCRIPT, key=lambda script: len(script[0].findall(others)))[1].split()
    if len(codes) == 1:
        return codes[0]
    if prior in codes and len(others) < _SHORT:
        return prior
    shares = _shares(others.split(), codes)
    return max(shares, key=shares.__getitem__)


def _of_latin(words: list[str], prior: str) -> str:
    # Latin words in a document in another script are in some other language, likely in English.
    usual = prior if prior in _LATIN else "en"
    if len(words) < 2 or sum(map(len, words)) < _SHORT:
        return prior or "en"
    shares = _shares(words, _LATIN)
    code = max(shares, key=shares.__getitem__)
    clear = shares[code] >= max(_LIKELY, _LIKELIER * shares[usual])
    return code if clear else usual


def _shares(words: list[str], codes: Sequence[str]) -> dict[str, float]:
    """The probability of each of the languages, if it is one of them."""
    ranking = dict(_identifier().rank(" ".join(words).encode()[:_ENOUGH]))
    shares = {code: ranking[code] for code in codes if code in ranking}
    whole = sum(shares.values()) or 1.0
    return {code: shares.get(code, 0.0) / whole for code in codes}


@cache
def _identifier() -> Any:
    """Load py3langid, for the languages that share a script."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages({*_LATIN, *" ".join(_SCRIPTS.values()).split()})
    return identifier
