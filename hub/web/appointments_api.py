"""Appointments and slots, as an app or an organiser uses them."""

from __future__ import annotations

from typing import Final

from hub.web.routes import Route

ROUTES: Final[tuple[Route, ...]] = ()
