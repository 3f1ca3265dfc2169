"""Writing what a request did into the audit log."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from hub.services import SERVICES
from rooms.model import Identity


async def audit(
    request: web.Request, actor: Identity, act: str, target: str, detail: dict[str, Any]
) -> None:
    """One row, with the address the request came from; after the act succeeded."""
    # A trusted proxy's word for the address has taken the socket's place in ``remote``.
    await request.app[SERVICES].fair.audit.record(actor, act, target, detail, request.remote)
