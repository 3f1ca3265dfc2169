"""What is published, for programs: /results.atom (RFC 4287), /results.csv, .xlsx, .json.

Each answers 304 to whoever has what there is: the ETag is made of the stamp of all that is
published, of what was asked for and of the words it is said in.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import formatdate, parsedate_to_datetime
from typing import Any, Final, cast
from xml.etree import ElementTree as ET

from aiohttp import web

from hub.ports.fair import FairSettings
from hub.ports.results import Result, ResultFilter, Stamp
from hub.services import SERVICES
from hub.sheets import Cell
from hub.web import i18n
from hub.web.results import Words, filter_of, public_body
from hub.web.sheets import Format, send
from rooms.times import rfc3339

ENTRIES: Final = 50
BATCH: Final = 200
ATOM: Final = "http://www.w3.org/2005/Atom"
ATOM_TYPE: Final = "application/atom+xml"
_XML: Final = "http://www.w3.org/XML/1998/namespace"
VARY: Final = "Accept-Language, Cookie"


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


HEADER: Final = (
    _("Kind"), _("Parties"), _("Countries and regions"), _("Sector"), _("Amount"), _("Currency"),
    _("Day signed"), _("Published (UTC)"), _("Address"),
)  # fmt: skip


# --- fresh or not ---------------------------------------------------------------------------


async def _fresh(request: web.Request, fair: FairSettings) -> tuple[dict[str, str], bool]:
    """(headers, whether the asker has it already)."""
    stamp = await request.app[SERVICES].fair.results.stamp()
    said = json.dumps(
        [stamp.number, stamp.versions, stamp.changed_ms, fair.version, request.path,
         i18n.language_of(request), sorted(request.query.items())]
    )  # fmt: skip
    etag = f'W/"{hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": VARY,
               "X-Content-Type-Options": "nosniff"}  # fmt: skip
    modified = _modified(stamp)
    if modified is not None:
        headers["Last-Modified"] = formatdate(modified, usegmt=True)
    wanted = request.headers.get("If-None-Match")
    if wanted is not None:  # goes before the date (RFC 9110 section 13.2.2)
        known = {part.strip().removeprefix("W/") for part in wanted.split(",")}
        return headers, "*" in known or etag.removeprefix("W/") in known
    since = _date(request.headers.get("If-Modified-Since"))
    return headers, modified is not None and since is not None and since >= modified


def _modified(stamp: Stamp) -> int | None:
    """Seconds; None while the second of the last change is not over, for another change in it
    would have the same date."""
    second = stamp.changed_ms // 1000
    return second if 0 < second < int(time.time()) else None


def _date(text: str | None) -> float | None:
    try:
        return parsedate_to_datetime(text or "").timestamp()
    except (ValueError, OverflowError):
        return None


async def _all(request: web.Request, where: ResultFilter) -> AsyncIterator[Result]:
    part = request.app[SERVICES].fair.results
    cursor: str | None = None
    while True:
        page, cursor = await part.find(where, cursor, BATCH)
        for one in page:
            yield one
        if cursor is None:
            return


# --- Atom -----------------------------------------------------------------------------------


def _child(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    made = ET.SubElement(parent, f"{{{ATOM}}}{name}", attributes)
    made.text = text or None
    return made


def _entry(feed: ET.Element, one: Result, words: Words, base: str) -> None:
    title, tag = words.title(one)
    text, text_tag = words.paragraphs(one)
    entry = _child(feed, "entry")
    _child(entry, "id", f"urn:uuid:{uuid.UUID(one.id)}")
    _child(entry, "title", title).set(f"{{{_XML}}}lang", tag)
    _child(entry, "published", rfc3339(one.released_ms or 0))
    _child(entry, "updated", rfc3339(one.changed_ms))
    _child(entry, "link", rel="alternate", type="text/html", href=f"{base}/results/{one.id}")
    for party in one.parties:
        _child(_child(entry, "author"), "name", party.name)
    _child(entry, "category", term=one.kind, label=words.kind(one.kind))
    _child(entry, "category", term=one.sector, label=words.sector(one.sector))
    _child(entry, "summary", "\n\n".join(text)).set(f"{{{_XML}}}lang", text_tag)


async def atom(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    fair = await services.fair.settings.current()
    headers, known = await _fresh(request, fair)
    if known:
        return web.Response(status=304, headers=headers)
    words, base = Words(request, fair), services.config.public_url
    part = services.fair.results
    where = filter_of(request)
    found, _next = await part.find(where, None, ENTRIES)
    stamp = await part.stamp()
    ET.register_namespace("", ATOM)
    feed = ET.Element(f"{{{ATOM}}}feed", {f"{{{_XML}}}lang": words.language.tag})
    # Another choice of results is another feed.
    chosen = "" if where == ResultFilter() else repr(where)
    named_by = uuid.uuid5(uuid.UUID(part.feed), chosen) if chosen else part.feed
    _child(feed, "id", f"urn:uuid:{named_by}")
    named = words.language.text(_("Results of {fair}"), fair=fair.name_in(words.language.tag))
    _child(feed, "title", named)
    _child(feed, "updated", rfc3339(stamp.changed_ms))
    _child(feed, "link", rel="self", type=ATOM_TYPE, href=f"{base}{request.rel_url}")
    _child(feed, "link", rel="alternate", type="text/html", href=f"{base}/results")
    _child(_child(feed, "author"), "name", fair.name_in(words.language.tag))
    _child(feed, "generator", "Pavilion")
    for one in found:
        _entry(feed, one, words, base)
    body = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return web.Response(body=body, content_type=ATOM_TYPE, charset="utf-8", headers=headers)


# --- sheets and JSON ------------------------------------------------------------------------


def _number(one: Result) -> Cell:
    """A number as sheets have them; exact up to 15 digits, which is what they keep."""
    if one.money is None:
        return None
    value = Decimal(one.money.amount).scaleb(-one.money.decimals)
    return int(value) if one.money.decimals == 0 else float(value)


def _row(one: Result, words: Words, tags: Sequence[str], base: str) -> list[Cell]:
    released = datetime.fromtimestamp((one.released_ms or 0) / 1000, UTC)
    return [
        *(one.titles.get(tag) for tag in tags),
        words.kind(one.kind),
        "; ".join(party.name for party in one.parties),
        "; ".join(dict.fromkeys(words.country(party.country) for party in one.parties)),
        words.sector(one.sector),
        _number(one) if one.money else words.amount(None),
        one.money.currency if one.money else None,
        one.signed_on,
        released.isoformat(" ", "minutes").removesuffix("+00:00"),
        f"{base}/results/{one.id}",
        *(one.texts.get(tag) for tag in tags),
    ]


async def sheet(request: web.Request) -> web.StreamResponse:
    services = request.app[SERVICES]
    fair = await services.fair.settings.current()
    headers, known = await _fresh(request, fair)
    if known:
        return web.Response(status=304, headers=headers)
    words, base, tags = Words(request, fair), services.config.public_url, fair.languages
    title, text = words.field("titles"), words.field("texts")
    header = [
        *(f"{title} ({tag})" for tag in tags),
        *(words.language.text(name) for name in HEADER),
        *(f"{text} ({tag})" for tag in tags),
    ]

    async def rows() -> AsyncIterator[Sequence[Cell]]:
        async for one in _all(request, filter_of(request)):
            yield _row(one, words, tags, base)

    form = cast(Format, request.match_info["form"])
    return await send(request, "results", form, header, rows(), headers)


async def as_json(request: web.Request) -> web.StreamResponse:
    """``{items: […]}``, written while it is read."""
    services = request.app[SERVICES]
    fair = await services.fair.settings.current()
    headers, known = await _fresh(request, fair)
    if known:
        return web.Response(status=304, headers=headers)
    base = services.config.public_url
    response = web.StreamResponse(headers=headers)
    response.content_type, response.charset = "application/json", "utf-8"
    await response.prepare(request)
    lead = '{"items":['
    async for one in _all(request, filter_of(request)):
        body: Any = json.dumps(public_body(one, base), ensure_ascii=False, separators=(",", ":"))
        await response.write((lead + body).encode("utf-8", "replace"))
        lead = ","
    await response.write((("" if lead == "," else lead) + "]}").encode())
    await response.write_eof()
    return response


def setup(app: web.Application) -> None:
    app.router.add_get("/results.atom", atom)
    app.router.add_get("/results.{form:csv|xlsx}", sheet)
    app.router.add_get("/results.json", as_json)
