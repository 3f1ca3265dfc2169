"""Web sessions and one-use sign-in links; only hashes of their secrets are stored."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.fair.engine import transaction
from hub.fair.tables import people, signin_links, web_sessions
from hub.ports import WebSession
from rooms.model import Identity, Role

SECRET_BYTES: Final = 32
SECRET_MAX: Final = 200  # characters of a secret worth looking up
AGENT_MAX: Final = 120
SEEN_EVERY_MS: Final = 300_000  # how exactly "last seen" is kept: a write a request would be dear
#: What of an account a session follows.
_LIVE: Final = ("name", "role", "gate", "blocked", "erased_ms", "organisation", "shows",
                "language", "time_zone", "totp_on")  # fmt: skip


def _hash(secret: str) -> str:
    # The secrets are 256 random bits: a plain hash cannot be guessed back.
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def must_enrol(row: Any) -> bool:
    """Whoever runs rooms or the fair proves it by a second factor."""
    return row.p_role != Role.PARTICIPANT.value and not row.p_totp_on


def identity_of(row: Any) -> Identity:
    """Who an account is now; ``row`` has the columns of ``_LIVE`` as ``p_…``."""
    return Identity(
        id=row.account,
        name=row.p_name,
        role=Role.PARTICIPANT if must_enrol(row) else Role(row.p_role),
        company=row.p_organisation if "organisation" in row.p_shows else None,
    )


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

    async def open_session(
        self, identity: Identity, ttl_s: int, *, address: str | None = None, agent: str = ""
    ) -> tuple[str, WebSession]:
        """(cookie value, session). Expired sessions are cleared on the way."""
        cookie = secrets.token_urlsafe(SECRET_BYTES)
        now = self._now_ms()
        csrf = secrets.token_urlsafe(SECRET_BYTES)
        session = WebSession(identity, csrf, now + ttl_s * 1000, id=_hash(cookie))
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
                    created_ms=now,
                    seen_ms=now,
                    address=address,
                    agent=agent[:AGENT_MAX] or None,
                    expires_ms=session.expires_ms,
                )
            )
        return cookie, session

    async def session(self, cookie: str) -> WebSession | None:
        """The unexpired session a cookie opens; None too when its person is blocked or gone.

        What the account says holds, not what it said at sign-in.
        """
        if len(cookie) > SECRET_MAX:
            return None
        key, now = _hash(cookie), self._now_ms()
        query = (
            sa.select(
                web_sessions,
                people.c.id.label("account"),
                *(people.c[name].label(f"p_{name}") for name in _LIVE),
            )
            .select_from(web_sessions.outerjoin(people, people.c.id == web_sessions.c.person))
            .where(web_sessions.c.id_hash == key, web_sessions.c.expires_ms > now)
        )  # fmt: skip
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
            if row is None or (row.account is not None and (row.p_blocked or row.p_erased_ms)):
                return None
            if row.seen_ms < now - SEEN_EVERY_MS:
                await connection.execute(
                    sa.update(web_sessions)
                    .where(web_sessions.c.id_hash == key, web_sessions.c.seen_ms == row.seen_ms)
                    .values(seen_ms=now)
                )
        if row.account is None:
            identity = Identity(
                id=row.person, name=row.name, role=Role(row.role), company=row.company
            )
            return WebSession(identity, row.csrf, row.expires_ms, id=row.id_hash)
        return WebSession(
            identity_of(row), row.csrf, row.expires_ms, account=True, gate=row.p_gate,
            language=row.p_language, time_zone=row.p_time_zone, must_enrol=must_enrol(row),
            id=row.id_hash,
        )  # fmt: skip

    async def close_session(self, cookie: str) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(
                sa.delete(web_sessions).where(web_sessions.c.id_hash == _hash(cookie))
            )
