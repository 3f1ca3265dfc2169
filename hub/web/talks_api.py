"""Negotiation rooms: opened, joined, extended, ended."""

from __future__ import annotations

from typing import Final

from hub.web.routes import Route

ROUTES: Final[tuple[Route, ...]] = ()
