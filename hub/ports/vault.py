"""Short-lived secrets (Redis)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rooms.model import Identity


@dataclass(frozen=True, slots=True)
class ResumeRecord:
    identity: Identity
    session: str


class Vault(Protocol):
    """One-use secrets, kept hashed and with a time to live."""

    async def issue_ticket(self, identity: Identity) -> tuple[str, int]:
        """A ticket for ``hello`` and when it expires (ms since epoch); one use, 30 s."""
        ...

    async def take_ticket(self, ticket: str) -> Identity | None: ...

    async def issue_half(self, person: str) -> str:
        """The secret of someone whose password was right and whose second factor is due; 5 min."""
        ...

    async def half(self, secret: str) -> str | None:
        """Whose it is; it stays until ``end_half``."""
        ...

    async def end_half(self, secret: str) -> None: ...

    async def count(
        self, what: str, subject: str, limit: int, window_s: int, *, add: int = 1
    ) -> float:
        """Count acts of ``subject`` on all hubs together: 0, or seconds to wait when they are
        more than ``limit`` in this window. ``add=0`` only asks. ``subject`` is kept hashed."""
        ...

    async def uncount(self, what: str, subject: str) -> None:
        """Forget what was counted: the subject has proved who it is."""
        ...

    async def issue_resume(self, record: ResumeRecord) -> str: ...

    async def take_resume(self, token: str) -> ResumeRecord | None: ...
