"""News to open pages, across all hubs; and who is at the fair right now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from rooms.news import NewsNotice

#: A person counts as online for so long after a hub last saw them, milliseconds.
ONLINE_MS = 45_000
#: And for so long after their last page at a hub went: longer than hubs take to see people again,
#: so that whoever has a page at another hub stays online.
WENT_MS = 20_000


class News(Protocol):
    """The fair-wide channel. Nothing is kept: what matters is in SQL, and a page that connects
    gets what is current from there."""

    async def tell(self, notice: NewsNotice) -> None:
        """To every hub. Raises ``hub.ports.StoreLost``."""
        ...

    def listen(self, notice: Callable[[NewsNotice], None], lost: Callable[[], None]) -> None:
        """Before the store starts. ``notice``: synchronous, in order; ``lost``: notices may
        have been missed, look again."""
        ...

    async def seen(self, people: Sequence[str]) -> None:
        """These people have a page open at this hub now. Raises StoreLost."""
        ...

    async def online(self) -> int:
        """Different people seen by any hub within ONLINE_MS. Raises StoreLost."""
        ...

    async def online_of(self, people: Collection[str]) -> frozenset[str]:
        """Which of these count as online. Raises StoreLost."""
        ...

    async def went(self, person: str) -> None:
        """Their last page at this hub is gone: online for WENT_MS more, unless a hub sees them
        again. Raises StoreLost."""
        ...

    async def here(self, person: str) -> None:
        """This hub has a page of somebody who rings. Forgotten after a minute. Raises
        StoreLost."""
        ...

    async def gone(self, person: str) -> int:
        """This hub has none any more; at how many hubs they still have one. Raises StoreLost."""
        ...
