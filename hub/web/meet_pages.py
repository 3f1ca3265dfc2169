"""Asking for a meeting, and what a visitor has agreed."""

from __future__ import annotations

from aiohttp import web

from hub.services import Services
from hub.web import appointments_jobs


def setup(app: web.Application, services: Services) -> None:
    """Add the pages to ``app``."""
    appointments_jobs.setup(app, services)
