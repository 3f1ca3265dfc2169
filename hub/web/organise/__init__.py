"""The organiser's pages. Others' hook into the same shell, templates/organise/base.html."""

from __future__ import annotations

from aiohttp import web

from hub.web.organise import (
    companies,
    mail,
    negotiations,
    onsite,
    people,
    programme,
    results,
    rooms,
    settings,
)


def setup(app: web.Application) -> None:
    parts = (settings, people, companies, programme, rooms, onsite, mail, negotiations, results)
    for part in parts:
        part.setup(app)
