"""What a hub worker's parts are handed: made by ``hub.app``, used by live and web."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from hub.config import Config
from hub.jobs import Jobs
from hub.ports import (
    Admission,
    Board,
    Bus,
    Directory,
    Media,
    MediaSessions,
    Tokens,
    Vault,
)
from hub.ports.fair import FairParts
from hub.ports.news import News


@dataclass(slots=True)
class Services:
    """``media_sessions`` is set by ``hub.live.setup``. ``draining`` turns true on SIGTERM:
    no new entries, readiness fails. ``jobs`` start when every part has. ``hub_id`` names
    this worker in attachments."""

    config: Config
    hub_id: str
    admission: Admission
    bus: Bus
    vault: Vault
    board: Board
    directory: Directory
    fair: FairParts
    media: Media
    tokens: Tokens
    news: News
    organiser_key: str
    media_sessions: MediaSessions | None = None
    draining: bool = False
    jobs: Jobs = field(default_factory=Jobs)


SERVICES: Final = web.AppKey("services", Services)
