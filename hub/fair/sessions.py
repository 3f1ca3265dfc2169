"""Web sessions and one-use sign-in links; only hashes of their secrets are stored."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.fair.engine import transaction
from hub.fair.tables import signin_links, web_sessions
from hub.ports import WebSession
from rooms.model import Identity, Role

SECRET_BYTES: Final = 32
SECRET_MAX: Final = 200  # characters of a secret worth looking up


def _hash(secret: str) -> str:
    # The secrets are 256 random bits: a plain hash cannot be guessed back.
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


class SqlSessions:
    """The session half of ``hub.ports.Directory``."""

    def __init__(self, engine: AsyncEngine, now_ms: Callable[[], int]) -> None:
        self._engine = engine
        self._now_ms = now_ms

    async def create_signin_link(self, role: Role, ttl_s: int = 7 * 24 * 3600) -> str:
        """The secret of a new one-use link that signs in with ``role``."""
        token = secrets.token_urlsafe(SECRET_BYTES)
        async with transaction(self._engine) as connection:
            await connection.execute(
                sa.insert(signin_links).values(
                    token_hash=_hash(token),
                    role=role.value,
                    expires_ms=self._now_ms() + ttl_s * 1000,
                )
            )
        return token

    async def use_signin_link(self, token: str) -> Role | None:
        """Use the link up; None when it is unknown, used or expired. Atomic."""
        if len(token) > SECRET_MAX:
            return None
        now = self._now_ms()
        use = (
            sa.update(signin_links)
            .where(
                signin_links.c.token_hash == _hash(token),
                signin_links.c.used_ms.is_(None),
                signin_links.c.expires_ms > now,
            )
            .values(used_ms=now)
            .returning(signin_links.c.role)
        )
        async with transaction(self._engine) as connection:
            role = (await connection.execute(use)).scalar_one_or_none()
        return None if role is None else Role(role)

    async def open_session(self, identity: Identity, ttl_s: int) -> tuple[str, WebSession]:
        """(cookie value, session). Expired sessions are cleared on the way."""
        cookie = secrets.token_urlsafe(SECRET_BYTES)
        now = self._now_ms()
        session = WebSession(identity, secrets.token_urlsafe(SECRET_BYTES), now + ttl_s * 1000)
        async with transaction(self._engine) as connection:
            await connection.execute(
                sa.delete(web_sessions).where(web_sessions.c.expires_ms <= now)
            )
            await connection.execute(
                sa.insert(web_sessions).values(
                    id_hash=_hash(cookie),
                    person=identity.id,
                    name=identity.name,
                    role=identity.role.value,
                    company=identity.company,
                    csrf=session.csrf,
                    expires_ms=session.expires_ms,
                )
            )
        return cookie, session

    async def session(self, cookie: str) -> WebSession | None:
        """The unexpired session a cookie opens."""
        if len(cookie) > SECRET_MAX:
            return None
        query = sa.select(web_sessions).where(
            web_sessions.c.id_hash == _hash(cookie), web_sessions.c.expires_ms > self._now_ms()
        )
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        identity = Identity(id=row.person, name=row.name, role=Role(row.role), company=row.company)
        return WebSession(identity, row.csrf, row.expires_ms)

    async def close_session(self, cookie: str) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(
                sa.delete(web_sessions).where(web_sessions.c.id_hash == _hash(cookie))
            )
