"""The hub's HTTP side: pages, JSON API, WHIP/WHEP, health. Entry point: ``setup``."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from hub.services import SERVICES, Services
from hub.web import (
    guards,
    guests,
    health,
    openapi,
    pages,
    people_api,
    rooms_api,
    signin,
    tokens_api,
    whip,
)
from hub.web.failures import FAILURES, Failures
from hub.web.routes import Route, register

API: Final[tuple[Route, ...]] = (
    *rooms_api.ROUTES,
    *tokens_api.ROUTES,
    *guests.ROUTES,
    *people_api.ROUTES,
)


def setup(app: web.Application, services: Services) -> None:
    """Add middlewares and every HTTP route to ``app``; sets ``app[SERVICES]``."""
    app[SERVICES] = services
    app[FAILURES] = Failures()
    guards.setup(app)
    register(app, API)
    openapi.serve(app, API)
    signin.setup(app)
    whip.setup(app)
    health.setup(app)
    pages.setup(app, services)
