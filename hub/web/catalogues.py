"""Brings the catalogues in step with the texts in use: ``python -m hub.web.catalogues``.

Texts are found in templates (``_``, ``ngettext``), in scripts (``t``, ``tn``) and in
``hub/web`` (``_``). English is filled in by itself; other languages keep what they have,
and an empty text for what is new. ``tests/pages`` fails while one is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from hub.assets import static_dir, templates_dir
from hub.web.i18n import LANGUAGES, LOCALE_DIR, read_catalogue

KEYWORDS: Final = {"_": None, "ngettext": (1, 2), "t": None, "tn": (1, 2)}
MessageId = str | tuple[str, str]


def texts_in_use() -> Iterator[tuple[str, MessageId]]:
    """(file, message id) of every text that a page may show."""
    places = (
        (templates_dir(), "templates", [("**.html", "jinja2.ext.babel_extract")]),
        (static_dir() / "js", "static/js", [("**.js", "javascript")]),
        (Path(__file__).parent, "hub/web", [("**.py", "python")]),
    )
    for root, shown, methods in places:
        found = extract_from_dir(
            str(root), method_map=methods, keywords=KEYWORDS,
            options_map={"**.html": {"silent": "false"}},
        )  # fmt: skip
        for name, _line, message, _comments, _context in found:
            text = message if isinstance(message, str) else (message[0], message[1])
            yield f"{shown}/{name}", text


def refresh(tag: str, used: list[tuple[str, MessageId]]) -> Catalog:
    """The catalogue of ``tag`` with exactly the texts in use."""
    try:
        old = read_catalogue(tag)
    except FileNotFoundError:
        old = Catalog(locale=LANGUAGES[tag])
    new = Catalog(locale=LANGUAGES[tag], project="Pavilion", fuzzy=False, header_comment="#")
    new.creation_date = new.revision_date = old.creation_date
    for place, message in sorted(used, key=lambda pair: (pair[0], str(pair[1]))):
        known = old.get(message if isinstance(message, str) else message[0])
        text = known.string if known and known.string else ""
        if tag == "en":
            text = message
        new.add(message, text, locations=[(place, 1)])
    return new


def main() -> None:
    used = list(texts_in_use())
    for tag, folder in LANGUAGES.items():
        path = LOCALE_DIR / folder / "LC_MESSAGES" / "pavilion.po"
        path.parent.mkdir(parents=True, exist_ok=True)
        catalogue = refresh(tag, used)
        with path.open("wb") as file:
            write_po(file, catalogue, width=100, include_lineno=False)
        empty = sum(1 for message in catalogue if message.id and not any(message.string or ()))
        print(f"{tag}: {len(catalogue)} texts, {empty} without a translation")


if __name__ == "__main__":
    main()
