"""What happened: audit log, attendance, webhooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from rooms.model import Identity

# --- the audit log ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One act. ``hash`` covers the row and ``previous``, the hash of the row before it."""

    seq: int
    at_ms: int
    actor: str
    actor_name: str
    act: str
    target: str
    detail: dict[str, Any]
    address: str | None
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The newest row: whoever has kept it elsewhere can tell whether rows after or before
    it were cut off or rewritten. ``seq`` 0 and a hash of zeros: no row yet."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """``rows`` were good; ``broken`` is the first seq that is not as it was written (or is
    missing), with ``why``: ``missing``, ``changed``, ``unchained`` or ``truncated``."""

    rows: int
    head: AuditHead
    broken: int | None = None
    why: str | None = None


class Audit(Protocol):
    """The append-only, hash-chained log of what moderators and organisers did."""

    async def record(
        self, actor: Identity, act: str, target: str, detail: dict[str, Any],
        address: str | None, *, strict: bool = False,
    ) -> None:  # fmt: skip
        """Write one row, after the act succeeded.

        ``act`` is dotted, ``<what>.<verb>`` (``room.create``, ``person.role``); ``target`` is
        ``<kind>:<id>`` (``room:hall-1``). ``detail`` is JSON, at most 8 KiB, without chat,
        secrets or identity numbers. A database that does not answer is logged and the row
        kept for later; with ``strict`` (what must not be done unrecorded: call it *before*
        the act) it raises ``hub.ports.DirectoryLost`` instead and nothing is kept.
        """
        ...

    def later(
        self, actor: Identity, act: str, target: str, detail: dict[str, Any],
        address: str | None,
    ) -> None:  # fmt: skip
        """``record`` without waiting, for acts on the live path."""
        ...

    async def flush(self) -> None:
        """Write what waits. Never raises for a database that is away."""
        ...

    async def list(
        self, *, actor: str | None = None, act: str | None = None, target: str | None = None,
        cursor: str | None = None, limit: int = 50,
    ) -> tuple[tuple[AuditRow, ...], str | None]:  # fmt: skip
        """Newest first. ``actor``: an id, or part of a name; ``act`` and ``target``: how they
        begin. Raises ValueError for a cursor that is none, DirectoryLost."""
        ...

    async def head(self) -> AuditHead:
        """Raises DirectoryLost."""
        ...

    async def verify(self, kept: AuditHead | None = None) -> AuditCheck:
        """Recompute every hash, oldest first, in bounded memory; ``kept``: a head written
        down before, whose row must still be there. Raises DirectoryLost."""
        ...


class Attendance(Protocol):
    """Who was in which room, from when to when."""


class Webhooks(Protocol):
    """Endpoints, what waits for them, what they answered."""
