"""Notices between hubs (Redis publish/subscribe)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from rooms.notices import Notice


class Bus(Protocol):
    """Notices of the rooms this hub cares about, in the order Redis published them."""

    def listen(
        self, notice: Callable[[Notice], None], lost: Callable[[frozenset[str]], None]
    ) -> None:
        """Set the receivers. ``notice`` is called synchronously, in order. ``lost`` names
        rooms whose notices may have been missed (reconnected): resynchronise by ``since``."""
        ...

    async def follow(self, room: str) -> None:
        """Returns once notices of ``room`` are sure to arrive. Counted: pair with unfollow."""
        ...

    async def unfollow(self, room: str) -> None: ...

    def faults(self) -> Sequence[str]:
        """Why readiness should fail (probe overdue, connection down); empty when well."""
        ...
