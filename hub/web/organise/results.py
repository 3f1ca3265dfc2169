"""Results waiting for release, and what was published."""

from __future__ import annotations

from aiohttp import web


def setup(app: web.Application) -> None:
    """Add the pages to ``app``."""
