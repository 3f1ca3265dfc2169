"""Ringing a company's booth: one call, many staff, one who takes it.

Times are milliseconds since the Unix epoch; ``company`` is a slug. Telling open pages is the
caller's: ``rooms.rings`` says who is told what, ``services.news.tell`` does it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal, Protocol

from rooms.rings import Happening, Ring

#: Rings in one list.
LIST_MAX: Final = 200

RefusalCode = Literal[
    "unknown_company",  # none, or not published
    "unknown_person",
    "own_company",
    "already_ringing",  # ``ring``: which
    "too_many_rings",  # ``retry_after_ms``
    "unknown_ring",  # none, or not theirs: nobody is told which
    "ring_over",
]


class RingRefused(Exception):
    """Nothing was changed; ``code`` is stable."""

    def __init__(
        self, code: RefusalCode, *, ring: str | None = None, retry_after_ms: int | None = None
    ) -> None:
        super().__init__(code)
        self.code = code
        self.ring = ring
        self.retry_after_ms = retry_after_ms


class Rings(Protocol):
    """Every method may raise ``hub.ports.DirectoryLost``."""

    async def ring(self, visitor: str, company: str, subject: str, online: Collection[str]) -> Ring:
        """Ring those of its staff who are ``online`` and free: in no talk, not on the way to
        one, and not ringing already. When there is nobody the ring is over as it begins
        (missed: nobody, busy). Raises RingRefused."""
        ...

    async def answer(self, ring: str, person: str) -> Ring:
        """The first of those rung takes it; the talk is opened in the same transaction. Asked
        again by who took it: the same ring. Raises RingRefused: unknown_ring, ring_over."""
        ...

    async def decline(self, ring: str, person: str) -> Ring:
        """It rings for them no more; when they are the last, it is refused. Declining twice
        changes nothing. Raises RingRefused: unknown_ring, ring_over."""
        ...

    async def end(self, ring: str, happening: Happening, visitor: str | None = None) -> Ring | None:
        """HANG_UP or DROP; with ``visitor`` only when the ring is theirs. None: it was over, or
        there is none."""
        ...

    async def overdue(self) -> tuple[Ring, ...]:
        """End what nobody answered in time; each ring is given to one hub only."""
        ...

    async def get(self, ring: str) -> Ring | None: ...

    async def ringing_for(self, person: str) -> Ring | None:
        """What rings on the pages of one of the staff now."""
        ...

    async def of_company(
        self, company: str, since_ms: int, *, unanswered: bool = False
    ) -> tuple[Ring, ...]:
        """Rings that began at ``since_ms`` or later, newest first, at most LIST_MAX;
        ``unanswered``: those that are over and that nobody took."""
        ...

    async def mark_seen(self, company: str, until_ms: int) -> int:
        """Rings nobody took that began by ``until_ms`` have been looked at; how many are new."""
        ...
