"""Making an account, proving its address, setting its password anew.

Nobody learns from an answer whether an address is known: known and unknown take the same
steps (one hash, one write of a mail). Who registers an address that nobody has verified
replaces what stood there, and the older link dies with it: an account made ahead of the
owner of an address is worth nothing. Accounts made by the organiser are not replaced.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.config import Config
from hub.fair.base import FairKeys, Part
from hub.fair.engine import transaction
from hub.fair.mails import write_mail
from hub.fair.people.passwords import Passwords
from hub.fair.people.records import (
    COLUMNS,
    SECRET_BYTES,
    SECRET_MAX,
    email_key,
    findable,
    hashed,
    insert,
    new_id,
    record,
)
from hub.fair.tables import devices, email_tokens, people, web_sessions
from hub.ports.people import SHOWABLE, PersonRecord, Registration
from rooms.model import Role

VERIFY_MS: Final = 24 * 3_600_000
RESET_MS: Final = 3_600_000


class Accounts(Part):
    """The registering half of ``hub.ports.people.People``."""

    def __init__(self, engine: AsyncEngine, config: Config, keys: FairKeys, *more: Any) -> None:
        super().__init__(engine, config, keys, *more)
        self._passwords = Passwords(config.limits)

    async def register(self, new: Registration) -> None:
        password = await self._passwords.hash(new.password)
        values = self._row(new, password)
        async with transaction(self._engine) as connection:
            attempt = insert(connection, people).values(**values)
            replaced = {
                name: attempt.excluded[name]
                for name in values
                if name not in {"id", "email_key", "created_ms"}
            }
            attempt = attempt.on_conflict_do_update(
                index_elements=[people.c.email_key],
                set_=replaced,
                where=sa.and_(
                    people.c.verified_ms.is_(None),
                    people.c.source.in_(("web", "app")),
                    people.c.role == Role.PARTICIPANT.value,
                    people.c.gate.is_(False),
                    people.c.blocked.is_(False),
                ),
            ).returning(*COLUMNS)
            row = (await connection.execute(attempt)).one_or_none()
            if row is None:
                await self._tell_known(connection, new.email)
                return
            person = record(row)
            await findable(connection, person)
            await self._mail_link(connection, person, "verify", new.email, VERIFY_MS)

    def _row(self, new: Registration, password: str | None) -> dict[str, Any]:
        now = self._now_ms()
        return {
            "id": new_id(), "email": new.email, "email_key": email_key(new.email),
            "verified_ms": None, "name": new.name, "country": new.country,
            "organisation": new.organisation, "position": new.position,
            "sectors": list(new.sectors), "languages": list(new.languages),
            "language": new.language, "time_zone": None, "role": Role.PARTICIPANT.value,
            "gate": False, "listed": False, "shows": list(SHOWABLE),
            "privacy_version": new.privacy_version, "consent_ms": now,
            "password_hash": password, "totp_cipher": None, "totp_on": False, "totp_step": 0,
            "source": new.source, "external_key": None, "blocked": False, "created_ms": now,
            "changed_ms": now, "erased_ms": None, "version": 1,
        }  # fmt: skip

    async def create(
        self, new: Registration, *, role: Role = Role.PARTICIPANT, gate: bool = False,
        verified: bool = False,
    ) -> PersonRecord | None:  # fmt: skip
        """An account made by an organiser; an empty password is none. None: known address."""
        password = await self._passwords.hash(new.password) if new.password else None
        values = self._row(new, password) | {
            "role": role.value, "gate": gate, "verified_ms": self._now_ms() if verified else None,
        }  # fmt: skip
        async with transaction(self._engine) as connection:
            row = (
                await connection.execute(
                    insert(connection, people).values(**values)
                    .on_conflict_do_nothing(index_elements=[people.c.email_key])
                    .returning(*COLUMNS)
                )
            ).one_or_none()  # fmt: skip
            if row is None:
                return None
            person = record(row)
            await findable(connection, person)
            if not verified:
                await self._mail_link(connection, person, "verify", new.email, VERIFY_MS)
        return person

    async def verify(self, token: str) -> PersonRecord | None:
        """The address is verified, or changed; None for a link that is not good (any more)."""
        now = self._now_ms()
        try:
            async with transaction(self._engine) as connection:
                used = await self._use(connection, token, ("verify", "change"))
                if used is None:
                    return None
                values: dict[str, Any] = {"verified_ms": now, "changed_ms": now}
                if used.purpose == "change":
                    values |= {"email": used.email, "email_key": email_key(used.email)}
                row = (
                    await connection.execute(
                        sa.update(people)
                        .where(people.c.id == used.person, people.c.erased_ms.is_(None))
                        .values(**values, version=people.c.version + 1)
                        .returning(*COLUMNS)
                    )
                ).one_or_none()
                if row is None:
                    return None
                person = record(row)
                await findable(connection, person)
                return person
        except IntegrityError:  # somebody else has taken the new address meanwhile
            return None

    async def ask_verify(self, person: str) -> bool:
        async with transaction(self._engine) as connection:
            query = sa.select(*COLUMNS).where(
                people.c.id == person, people.c.email.is_not(None),
                people.c.verified_ms.is_(None), people.c.blocked.is_(False),
                people.c.erased_ms.is_(None),
            )  # fmt: skip
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                return False
            found = record(row)
            await self._mail_link(connection, found, "verify", found.email or "", VERIFY_MS)
        return True

    async def ask_reset(self, email: str) -> None:
        async with transaction(self._engine) as connection:
            person = await self._by_key(connection, email)
            if person is not None and person.email is not None and not person.blocked:
                await self._mail_link(connection, person, "reset", person.email, RESET_MS)

    async def reset(self, token: str, password: str) -> PersonRecord | None:
        """The mail has come, so the address is verified too. Ends every session and app."""
        hash_ = await self._passwords.hash(password)
        now = self._now_ms()
        async with transaction(self._engine) as connection:
            used = await self._use(connection, token, ("reset",))
            if used is None:
                return None
            row = (
                await connection.execute(
                    sa.update(people)
                    .where(
                        people.c.id == used.person,
                        people.c.email_key == email_key(used.email),
                        people.c.erased_ms.is_(None),
                    )
                    .values(
                        password_hash=hash_, changed_ms=now, version=people.c.version + 1,
                        verified_ms=sa.func.coalesce(people.c.verified_ms, now),
                    )
                    .returning(*COLUMNS)
                )
            ).one_or_none()  # fmt: skip
            if row is None:
                return None
            await sign_out_all(connection, used.person, now)
        return record(row)

    async def ask_change_email(self, person: str, email: str) -> None:
        async with transaction(self._engine) as connection:
            row = (
                await connection.execute(
                    sa.select(*COLUMNS).where(people.c.id == person, people.c.erased_ms.is_(None))
                )
            ).one_or_none()
            if row is None:
                return
            mine = record(row)
            if await self._by_key(connection, email) is not None:
                await self._tell_known(connection, email)
                return
            await self._mail_link(connection, mine, "change", email, VERIFY_MS)
            if mine.email is not None:
                await write_mail(
                    connection, self._now_ms(), mine.email, "changing", mine.language,
                    {"name": mine.name, **self._links()}, mine.id,
                )  # fmt: skip

    # --- within a transaction ---

    def _links(self) -> dict[str, str]:
        return {"fair": self._config.fair.name, "url": self._config.public_url}

    async def _by_key(self, connection: AsyncConnection, email: str) -> PersonRecord | None:
        found = await connection.execute(
            sa.select(*COLUMNS).where(people.c.email_key == email_key(email))
        )
        row = found.one_or_none()
        return None if row is None else record(row)

    async def _tell_known(self, connection: AsyncConnection, email: str) -> None:
        """Someone registers an address that has an account: its owner should know."""
        person = await self._by_key(connection, email)
        if person is None or person.email is None or person.blocked:
            return
        await write_mail(
            connection, self._now_ms(), person.email, "known", person.language,
            {"name": person.name, **self._links()}, person.id,
        )  # fmt: skip

    async def _mail_link(
        self, connection: AsyncConnection, person: PersonRecord, purpose: str, email: str,
        ttl_ms: int,
    ) -> None:  # fmt: skip
        """A link of its own; older ones for the same purpose are good no longer."""
        token = secrets.token_urlsafe(SECRET_BYTES)
        now = self._now_ms()
        await connection.execute(
            sa.delete(email_tokens).where(
                email_tokens.c.person == person.id, email_tokens.c.purpose == purpose
            )
        )
        await connection.execute(
            sa.insert(email_tokens).values(
                token_hash=hashed(token), person=person.id, purpose=purpose, email=email,
                expires_ms=now + ttl_ms,
            )
        )  # fmt: skip
        path = "reset" if purpose == "reset" else "verify"
        links = self._links()
        await write_mail(
            connection, now, email, purpose, person.language,
            {"name": person.name, **links, "link": f"{links['url']}/{path}/{token}"}, person.id,
        )  # fmt: skip

    async def _use(
        self, connection: AsyncConnection, token: str, purposes: tuple[str, ...]
    ) -> Any | None:
        """The token's row, used up by this very statement."""
        if len(token) > SECRET_MAX:
            return None
        now = self._now_ms()
        found = await connection.execute(
            sa.update(email_tokens)
            .where(
                email_tokens.c.token_hash == hashed(token),
                email_tokens.c.purpose.in_(purposes),
                email_tokens.c.used_ms.is_(None),
                email_tokens.c.expires_ms > now,
            )
            .values(used_ms=now)
            .returning(email_tokens)
        )
        return found.one_or_none()


async def sign_out_all(
    connection: AsyncConnection, person: str, now_ms: int, keep: str = ""
) -> int:
    """End every session but ``keep`` (its id) and every app of ``person``; how many."""
    ended = await connection.execute(
        sa.delete(web_sessions).where(
            web_sessions.c.person == person, web_sessions.c.id_hash != keep
        )
    )
    revoked = await connection.execute(
        sa.update(devices)
        .where(devices.c.person == person, devices.c.revoked_ms.is_(None))
        .values(revoked_ms=now_ms)
    )
    return int(ended.rowcount) + int(revoked.rowcount)
