"""Ringing a booth: ring, answer, decline, cancel."""

from __future__ import annotations

from typing import Final

from hub.web.routes import Route

ROUTES: Final[tuple[Route, ...]] = ()
