"""A company's day: slots, appointments, rings, results to confirm."""

from __future__ import annotations

from aiohttp import web

from hub.services import Services


def setup(app: web.Application, services: Services) -> None:
    """Add the pages to ``app``."""
