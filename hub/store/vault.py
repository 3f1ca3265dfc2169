"""``hub.ports.Vault`` in Redis: one-use secrets, kept by their digest."""

from __future__ import annotations

import secrets
import time
from typing import Final

import msgspec

from hub.ports import ResumeRecord
from hub.store import keys
from hub.store.submitter import Submitter
from rooms.model import Identity

TICKET_MS: Final = 30_000
#: A resume token is handed out at ``welcome`` and must outlive the socket by the grace.
RESUME_MS: Final = 12 * 3_600_000
HALF_MS: Final = 300_000

_json = msgspec.json.Encoder()
_identity = msgspec.json.Decoder(Identity)


class _Resume(msgspec.Struct, frozen=True):
    identity: Identity
    session: str


_resume = msgspec.json.Decoder(_Resume)


class RedisVault:
    def __init__(self, submitter: Submitter) -> None:
        self._submitter = submitter

    async def issue_ticket(self, identity: Identity) -> tuple[str, int]:
        token = await self._issue("ticket", _json.encode(identity), TICKET_MS)
        return token, int(time.time() * 1000) + TICKET_MS

    async def take_ticket(self, ticket: str) -> Identity | None:
        found = await self._take("ticket", ticket)
        return None if found is None else _identity.decode(found)

    async def issue_resume(self, record: ResumeRecord) -> str:
        kept = _Resume(record.identity, record.session)
        return await self._issue("resume", _json.encode(kept), RESUME_MS)

    async def take_resume(self, token: str) -> ResumeRecord | None:
        found = await self._take("resume", token)
        if found is None:
            return None
        kept = _resume.decode(found)
        return ResumeRecord(kept.identity, kept.session)

    async def issue_half(self, person: str) -> str:
        return await self._issue("half", person.encode(), HALF_MS)

    async def half(self, secret: str) -> str | None:
        found: bytes | None = await self._submitter.call("GET", keys.secret("half", secret))
        return None if found is None else found.decode()

    async def end_half(self, secret: str) -> None:
        await self._submitter.call("DEL", keys.secret("half", secret))

    async def count(
        self, what: str, subject: str, limit: int, window_s: int, *, add: int = 1
    ) -> float:
        """A fixed window from the first act. A hub that dies between the two commands leaves
        a count without an end; the next act gives it one."""
        key = keys.secret("count", f"{what}:{subject}")
        if add:
            n = int(await self._submitter.call("INCRBY", key, add))
            await self._submitter.call("PEXPIRE", key, window_s * 1000, "NX")
            over = n > limit
        else:
            over = int(await self._submitter.call("GET", key) or 0) >= limit
        if not over:
            return 0.0
        left = int(await self._submitter.call("PTTL", key))
        return max(1.0, left / 1000)

    async def uncount(self, what: str, subject: str) -> None:
        await self._submitter.call("DEL", keys.secret("count", f"{what}:{subject}"))

    async def _issue(self, purpose: str, value: bytes, ttl_ms: int) -> str:
        token = secrets.token_urlsafe(24)
        await self._submitter.call("SET", keys.secret(purpose, token), value, "PX", ttl_ms)
        return token

    async def _take(self, purpose: str, token: str) -> bytes | None:
        found: bytes | None = await self._submitter.call("GETDEL", keys.secret(purpose, token))
        return found
