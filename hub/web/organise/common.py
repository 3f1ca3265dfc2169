"""What the organiser's pages share: texts by language as fields, moments in the fair's zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web
from babel import Locale, UnknownLocaleError

from hub.ports import WebSession
from hub.services import SERVICES, Services
from hub.web import auth, i18n
from hub.web.fairtime import FairTime
from hub.web.pages import PAGES


async def organiser(request: web.Request) -> tuple[Services, WebSession]:
    """Raises HTTPNotFound for anybody who is no organiser."""
    session = await auth.need_organiser(request)
    return request.app[SERVICES], session


def locale_of(request: web.Request) -> Locale:
    """The reader's, for names of countries and dates."""
    return Locale.parse(i18n.language_of(request), sep="-")


async def render(request: web.Request, name: str, /, **values: Any) -> web.Response:
    """``organise/<name>.html``, with ``done``: what was just done, of the address; ``day`` and
    ``hour`` say a moment (ms) in the fair's zone."""
    values.setdefault("done", request.query.get("done", ""))
    zone = (await request.app[SERVICES].fair.settings.current()).time_zone
    of_fair = FairTime(ZoneInfo(zone), locale_of(request))
    values["day"], values["hour"] = of_fair.list_day, of_fair.clock
    return await request.app[PAGES].render(request, f"organise/{name}.html", **values)


def see(path: str, done: str = "", **query: str) -> web.HTTPException:
    """Where a form that was carried out leads to; to be raised."""
    pairs = {**query, **({"done": done} if done else {})}
    address = f"{path}?{urlencode(pairs)}" if pairs else path
    return web.HTTPSeeOther(address, headers={"Cache-Control": "no-store"})


def field_of(stem: str, language: str) -> str:
    """The form field of a text in one language: ``title_zh_Hans``."""
    return f"{stem}_{language.replace('-', '_')}"


def by_language(data: Any, stem: str, languages: Sequence[str]) -> dict[str, str]:
    """The texts of a form's model that were filled in."""
    found = {tag: getattr(data, field_of(stem, tag)) for tag in languages}
    return {tag: text for tag, text in found.items() if text}


def spread(stem: str, texts: Mapping[str, str], languages: Sequence[str]) -> dict[str, str]:
    """The other way: values for ``hub.web.forms.shown``."""
    return {field_of(stem, tag): texts.get(tag, "") for tag in languages}


def language_name(tag: str, reader: str) -> str:
    """``Chinese (Simplified)`` for a BCP 47 tag, in the reader's language."""
    try:
        shown = Locale.parse(tag, sep="-").get_display_name(Locale.parse(reader, sep="-"))
    except (UnknownLocaleError, ValueError):
        return tag
    return shown[:1].upper() + shown[1:] if shown else tag


def to_ms(day: date, at: time, zone: str) -> int:
    """A wall-clock moment of the fair's zone. An hour that is skipped or repeated when clocks
    change is taken as PEP 495 has it with fold=0."""
    return int(datetime.combine(day, at, ZoneInfo(zone)).timestamp() * 1000)


def local(ms: int, zone: str) -> datetime:
    """The moment in the fair's zone."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(ZoneInfo(zone))


def next_page(request: web.Request, following: str | None) -> str | None:
    """This page's address with the cursor of the next."""
    if following is None:
        return None
    return str(request.rel_url.without_query_params("done").update_query(cursor=following))


def first_page(request: web.Request) -> str | None:
    """This page's address without a cursor; None on the first page."""
    if not request.query.get("cursor"):
        return None
    return str(request.rel_url.without_query_params("done", "cursor"))
