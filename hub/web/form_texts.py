"""What each code of a form's field says to the reader: one place for all pages.

A text for one field of the form (``("email", "missing")``) goes before the text for the code.
Parts add theirs with ``add`` when they are imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hub.web.i18n import Language


def _(text: str) -> str:
    """Marks a text for the catalogues; it is looked up when it is shown."""
    return text


_TEXTS: Final[dict[str | tuple[str, str], str]] = {
    "missing": _("Fill this in."),
    "too_short": _("This is too short."),
    "too_long": _("This is too long."),
    "too_small": _("This number is too small."),
    "too_large": _("This is too large."),
    "out_of_range": _("This is outside what is possible."),
    "bad_format": _("This is not in the form that is expected."),
    "bad_text": _("Use plain characters only: no control or invisible ones, and not too many."),
    "not_allowed": _("Choose one of the possibilities."),
    "wrong_type": _("This is not in the form that is expected."),
    "invalid": _("This cannot be used."),
    "rate_limited": _("Too many tries. Wait a minute, then try again."),
    "stale": _("Someone changed this meanwhile. Look at it again, then repeat your change."),
    "taken": _("This is taken already. Choose another."),
    "nobody_named": _("Choose at least one group, or everybody."),
    "unknown": _("There is nothing by this name."),
    ("name", "missing"): _("Enter a name."),
    ("email", "missing"): _("Enter an e-mail address."),
    ("email", "bad_format"): _("Enter an e-mail address like name@example.org."),
    ("password", "missing"): _("Enter your password."),
    ("country", "missing"): _("Choose a country or region."),
    ("country", "not_allowed"): _("Choose a country or region."),
    ("code", "missing"): _("Enter the code."),
}


def add(texts: Mapping[str | tuple[str, str], str]) -> None:
    """Texts of a part: code, or (field, code), to English text. ValueError if a page's form would
    say what another part means."""
    for key, said in texts.items():
        if _TEXTS.setdefault(key, said) != said:
            raise ValueError(f"{key} says {_TEXTS[key]!r} already")


def text(language: Language, field: str, code: str) -> str:
    """The sentence next to ``field``; a code nobody gave words to is still said plainly."""
    found = _TEXTS.get((field, code)) or _TEXTS.get(code) or _TEXTS["invalid"]
    return language.text(found)
