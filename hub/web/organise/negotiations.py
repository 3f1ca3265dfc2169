"""The fair's negotiation rooms as numbers and states; opened in bulk, ended on a complaint."""

from __future__ import annotations

from aiohttp import web


def setup(app: web.Application) -> None:
    """Add the pages to ``app``."""
