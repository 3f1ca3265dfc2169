"""What every part on SQL is made with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from hub.config import Config


def wall_clock_ms() -> int:
    """Milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class FairKeys:
    """Keys of 32 bytes each: ``match`` for HMACs of identity numbers, ``display`` to show them
    to those who may, ``vault`` for what the hub itself must read again (TOTP, webhooks)."""

    match: bytes
    display: bytes
    vault: bytes

    def __repr__(self) -> str:
        return "FairKeys()"


class Part:
    """``now_ms``: milliseconds since the Unix epoch, moved by hand in tests."""

    def __init__(
        self,
        engine: AsyncEngine,
        config: Config,
        keys: FairKeys,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._engine = engine
        self._config = config
        self._keys = keys
        self._now_ms = now_ms
