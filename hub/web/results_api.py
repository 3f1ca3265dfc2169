"""Results: recorded, confirmed, released, read."""

from __future__ import annotations

from typing import Final

from hub.web.routes import Route

ROUTES: Final[tuple[Route, ...]] = ()
