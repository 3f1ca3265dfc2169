"""Reactions said here within a tick go to Redis as one count per room."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.live.hub import LiveHub


class Reactions:
    def __init__(self, hub: LiveHub) -> None:
        self._hub = hub
        self._counts: dict[str, dict[str, int]] = {}  # rooms of this tick
        self._timer: asyncio.TimerHandle | None = None

    def add(self, slug: str, emoji: str) -> None:
        counts = self._counts.setdefault(slug, {})
        counts[emoji] = counts.get(emoji, 0) + 1
        if self._timer is None:
            self._timer = self._hub.loop.call_later(
                self._hub.config.limits.tick_ms / 1000, self._flush
            )

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _flush(self) -> None:
        self._timer = None
        pending, self._counts = self._counts, {}
        for slug, counts in pending.items():
            # Lost with the store: a reaction nobody sees a second later.
            self._hub.spawn(self._hub.services.admission.react(slug, counts))
