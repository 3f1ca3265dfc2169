"""``hub.ports.Placement`` in Redis: which media worker a room lives on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from hub.store import keys
from hub.store.submitter import Submitter


class RedisPlacement:
    def __init__(self, submitter: Submitter) -> None:
        self._submitter = submitter

    async def place(self, room: str, candidates: Sequence[str]) -> str:
        """Raises ValueError when there are no candidates; StoreLost."""
        picked = max(candidates, key=lambda worker: _weight(room, worker))
        found: bytes = await self._submitter.script(
            "place", [keys.place(room)], [picked, *candidates]
        )
        return found.decode()


def _weight(room: str, worker: str) -> bytes:
    """Rendezvous hashing: a worker that goes moves only its own rooms."""
    return hashlib.blake2b(f"{room}\n{worker}".encode(), digest_size=8).digest()
