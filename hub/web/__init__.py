"""The hub's HTTP side: pages, JSON API, WHIP/WHEP, health. Entry point: ``setup``."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from hub.services import SERVICES, Services
from hub.web import (
    account_pages,
    accounts_api,
    agenda_api,
    agenda_pages,
    announcements_api,
    announcements_pages,
    appointments_api,
    companies_api,
    companies_pages,
    company_day,
    company_edit,
    company_people,
    company_people_api,
    events_api,
    events_pages,
    fair_api,
    figures_api,
    glance_pages,
    guards,
    guests,
    health,
    imports_api,
    imports_pages,
    mailing,
    me_pages,
    meet_pages,
    negotiation_pages,
    onsite_api,
    onsite_pages,
    openapi,
    opening,
    organise,
    pages,
    people_api,
    programme_api,
    programme_pages,
    results_api,
    results_pages,
    rings_api,
    room_pages,
    rooms_api,
    signin,
    talks_api,
    talks_pages,
    tokens_api,
    webhooks_api,
    webhooks_pages,
    whip,
)
from hub.web.buckets import FAILURES, FAILURES_BURST, FAILURES_PER_S, NEW_GUESTS, Buckets
from hub.web.routes import Route, register

API: Final[tuple[Route, ...]] = (
    *rooms_api.ROUTES,
    *tokens_api.ROUTES,
    *guests.ROUTES,
    *people_api.ROUTES,
    *fair_api.ROUTES,
    *events_api.ROUTES,
    *webhooks_api.ROUTES,
    *accounts_api.ROUTES,
    *imports_api.ROUTES,
    *onsite_api.ROUTES,
    *programme_api.ROUTES,
    *announcements_api.ROUTES,
    *figures_api.ROUTES,
    *agenda_api.ROUTES,
    *companies_api.ROUTES,
    *company_people_api.ROUTES,
    *talks_api.ROUTES,
    *appointments_api.ROUTES,
    *rings_api.ROUTES,
    *results_api.ROUTES,
)


def setup(app: web.Application, services: Services) -> None:
    """Add middlewares and every HTTP route to ``app``; sets ``app[SERVICES]``."""
    app[SERVICES] = services
    limits = services.config.limits
    app[FAILURES] = Buckets(FAILURES_PER_S, FAILURES_BURST)
    # A guest costs nothing to be, and each could take a seat: as many as may connect.
    per_s = limits.address_connections_per_s
    app[NEW_GUESTS] = Buckets(per_s, max(1, int(per_s)))
    guards.setup(app)
    register(app, API)
    openapi.serve(app, API)
    signin.setup(app)
    whip.setup(app)
    health.setup(app)
    pages.setup(app, services)
    account_pages.setup(app)
    me_pages.setup(app)
    mailing.setup(services)
    imports_pages.setup(app, services)
    onsite_pages.setup(app, services)
    organise.setup(app)
    events_pages.setup(app)
    webhooks_pages.setup(app)
    glance_pages.setup(app)
    announcements_pages.setup(app)
    figures_api.setup(services)
    programme_pages.setup(app, services)
    agenda_pages.setup(app)
    companies_pages.setup(app, services)
    company_edit.setup(app)
    company_people.setup(app)
    room_pages.setup(app)
    opening.setup(app, services)
    talks_pages.setup(app, services)
    negotiation_pages.setup(app, services)
    meet_pages.setup(app, services)
    company_day.setup(app, services)
    results_pages.setup(app, services)
