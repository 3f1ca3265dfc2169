"""The organiser's pages. Others' hook into the same shell, templates/organise/base.html."""

from __future__ import annotations

from aiohttp import web

from hub.web.organise import companies, mail, onsite, people, programme, rooms, settings


def setup(app: web.Application) -> None:
    for part in (settings, people, companies, programme, rooms, onsite, mail):
        part.setup(app)
