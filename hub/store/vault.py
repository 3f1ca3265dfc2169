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

    async def _issue(self, purpose: str, value: bytes, ttl_ms: int) -> str:
        token = secrets.token_urlsafe(24)
        await self._submitter.call("SET", keys.secret(purpose, token), value, "PX", ttl_ms)
        return token

    async def _take(self, purpose: str, token: str) -> bytes | None:
        found: bytes | None = await self._submitter.call("GETDEL", keys.secret(purpose, token))
        return found
