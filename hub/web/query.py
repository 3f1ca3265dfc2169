"""Query parameters, checked: an empty one is absent, a wrong one 422 ``invalid`` by name."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from hub.web.problems import Invalid
from rooms.model import SLUG

LIMIT_MAX: Final = 200
CURSOR_MAX: Final = 200


def text(request: web.Request, name: str, limit: int) -> str | None:
    """Free text without control characters, at most ``limit`` characters."""
    value = request.query.get(name) or None
    if value is None:
        return None
    if len(value) > limit:
        raise Invalid([(name, "too_long")])
    if any(unicodedata.category(char) in {"Cc", "Cs", "Cn"} for char in value):
        raise Invalid([(name, "bad_text")])
    return value


def choice(request: web.Request, name: str, allowed: Sequence[str]) -> str | None:
    value = request.query.get(name) or None
    if value is not None and value not in allowed:
        raise Invalid([(name, "not_allowed")])
    return value


def cursor_slug(request: web.Request) -> str | None:
    value = request.query.get("cursor") or None
    if value is not None and not SLUG.fullmatch(value):
        raise Invalid([("cursor", "bad_format")])
    return value


def cursor_text(request: web.Request) -> str | None:
    """An opaque cursor: printable ASCII."""
    value = request.query.get("cursor") or None
    if value is not None and not (
        len(value) <= CURSOR_MAX and value.isascii() and value.isprintable()
    ):
        raise Invalid([("cursor", "bad_format")])
    return value


def limit_of(request: web.Request, default: int) -> int:
    value = request.query.get("limit") or None
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:6]) <= LIMIT_MAX):
        raise Invalid([("limit", "out_of_range")])
    return int(value)
