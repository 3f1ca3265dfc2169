"""/organise: the fair at a glance. Drawn whole on the server; the page's script fetches it again
every few seconds and takes over the parts that are marked live."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web
from babel import Locale
from babel.numbers import format_decimal

from hub.ports.fair import FairSettings, Moment
from hub.services import SERVICES
from hub.web import auth, charts, countries, i18n
from hub.web.fairtime import FairTime
from hub.web.figures_api import POINTS, SPANS, glance, past
from hub.web.pages import PAGES

TOP: Final = 15
TABLE_ROWS: Final = 24
MINUTE_MS: Final = 60_000


def ngettext(one: str, many: str) -> tuple[str, str]:
    """Marks a text for the catalogues."""
    return one, many


#: Countries and regions beside the TOP.
OTHERS: Final = ngettext("{n} other", "{n} others")


class Words:
    """Numbers and moments as this reader writes them."""

    def __init__(self, request: web.Request, fair: FairSettings, span: str) -> None:
        self.tag = i18n.language_of(request)
        self.locale = Locale.parse(self.tag, sep="-")
        self.text = request.app[PAGES].languages[self.tag].text
        self.plural = request.app[PAGES].languages[self.tag].plural
        self._time = FairTime(ZoneInfo(fair.time_zone), self.locale)
        self._long = span == "7d"

    def number(self, value: int) -> str:
        return str(format_decimal(value, locale=self.locale))

    def moment(self, ms: int) -> str:
        return self._time.month_day(ms) if self._long else self._time.clock(ms)

    def full(self, ms: int) -> str:
        return self._time.stamp(ms)


def _by_country(rows: tuple[tuple[str, int], ...], words: Words) -> list[charts.Bar]:
    out = [
        charts.Bar(countries.name_of(code, words.locale), n, words.number(n))
        for code, n in rows[:TOP]
    ]
    rest = sum(number for _, number in rows[TOP:])
    if rest:
        others = words.plural(*OTHERS, len(rows) - TOP)
        out.append(charts.Bar(others, rest, words.number(rest), rest=True))
    return out


def _by_sector(
    rows: tuple[tuple[str, int], ...], fair: FairSettings, words: Words
) -> list[charts.Bar]:
    return [
        charts.Bar(fair.sector_name(slug, words.tag), number, words.number(number))
        for slug, number in rows
    ]


def _chart(
    id: str,
    title: str,
    series: list[charts.Series],
    span: tuple[int, int],
    words: Words,
) -> dict[str, Any]:
    """The picture, its legend, and the rows of its table (newest first, at most TABLE_ROWS)."""
    step = max(MINUTE_MS, (span[1] - span[0]) // POINTS)
    said = "; ".join(
        words.text(
            "{what}: {now} now, {most} at most",
            what=one.label,
            now=words.number(one.points[-1][1]),
            most=words.number(max(value for _, value in one.points)),
        )
        for one in series
        if one.points
    )
    every = max(1, -(-len(series[0].points) // TABLE_ROWS))
    rows = [
        (words.full(points[0][0]), [words.number(value) for _, value in points])
        for points in list(zip(*(one.points for one in series), strict=True))[::-1][::every]
    ]
    return {
        "id": id,
        "title": title,
        "heads": [one.label for one in series],
        "rows": rows,
        "legend": charts.legend(series, words.number),
        "svg": charts.lines(
            id, title, said or words.text("Nothing was counted yet."), series, span,
            number=words.number, moment=words.moment, gap_ms=4 * step,
        ),
    }  # fmt: skip


def _over_time(
    moments: tuple[Moment, ...], span: tuple[int, int], words: Words
) -> list[dict[str, Any]]:
    def series(label: str, style: int, name: str) -> charts.Series:
        return charts.Series(label, style, [(one.at_ms, getattr(one, name)) for one in moments])

    _ = words.text
    people = [series(_("Online"), 1, "online"), series(_("On site"), 2, "on_site")]
    seats = [series(_("Seats taken"), 1, "seats_taken"), series(_("Waiting"), 2, "waiting")]
    rooms = [series(_("Rooms open"), 1, "rooms_open")]
    return [
        _chart("online", _("People here"), people, span, words),
        _chart("seats", _("Seats and queues"), seats, span, words),
        _chart("rooms", _("Rooms open"), rooms, span, words),
    ]


async def page(request: web.Request) -> web.Response:
    await auth.need_organiser(request)
    services = request.app[SERVICES]
    fair = await services.fair.settings.current()
    span = request.query.get("span", "24h")
    if span not in SPANS:
        span = "24h"
    words = Words(request, fair, span)
    found = await glance(services)
    moments = await past(services, span)
    census, now = found.census, found.moment
    to_ms = now.at_ms
    by_country, by_sector = (
        _by_country(census.countries, words),
        _by_sector(census.sectors, fair, words),
    )
    _ = words.text
    said = _("{n} people registered", n=words.number(census.registered))
    return await request.app[PAGES].render(
        request,
        "organise/glance.html",
        now=now,
        found=found,
        census=census,
        number=words.number,
        counted=words.full(now.at_ms),
        span=span,
        spans=[("3h", _("3 hours")), ("24h", _("24 hours")), ("7d", _("7 days"))],
        country_rows=by_country,
        sector_rows=by_sector,
        country_svg=charts.bars(
            "countries", _("Registered by country or region"), said, by_country
        ),
        sector_svg=charts.bars("sectors", _("Registered by sector"), said, by_sector),
        over_time=_over_time(moments, (to_ms - SPANS[span], to_ms), words),
    )


def setup(app: web.Application) -> None:
    app.router.add_get("/organise", page)
