"""What a person is signed in with: browsers and apps.

An app's refresh token (``<device>.<secret>``) changes with every use. An older one that comes
back was copied, or its answer was lost; nobody can tell which, so the app is signed out
(RFC 9700 section 4.14.2).
"""

from __future__ import annotations

import secrets
from typing import Any, Final

import sqlalchemy as sa

from hub.fair.engine import transaction
from hub.fair.people.accounts import sign_out_all
from hub.fair.people.records import COLUMNS, SECRET_BYTES, SECRET_MAX, hashed, record
from hub.fair.people.signin import SignsIn
from hub.fair.tables import devices, people, web_sessions
from hub.ports.people import DeviceGrant, PersonRecord, SessionRow
from rooms.model import Identity, Role

DEVICE_MS: Final = 90 * 24 * 3_600_000  # an app not used for so long is signed out
DEVICES_MAX: Final = 50  # of one person; the one unused longest goes
APP: Final = "app-"  # what an app's id in the list of sessions begins with


class Devices(SignsIn):
    """The sessions' half of ``hub.ports.people.People``."""

    async def sessions(self, person: str) -> tuple[SessionRow, ...]:
        now = self._now_ms()
        async with transaction(self._engine) as connection:
            browsers = (
                await connection.execute(
                    sa.select(web_sessions)
                    .where(web_sessions.c.person == person, web_sessions.c.expires_ms > now)
                    .order_by(web_sessions.c.seen_ms.desc())
                    .limit(DEVICES_MAX)
                )
            ).all()
            apps = (
                await connection.execute(
                    sa.select(devices)
                    .where(
                        devices.c.person == person, devices.c.revoked_ms.is_(None),
                        devices.c.expires_ms > now,
                    )
                    .order_by(devices.c.used_ms.desc())
                    .limit(DEVICES_MAX)
                )
            ).all()  # fmt: skip
        return (
            *(
                SessionRow(r.id_hash, "browser", r.agent, r.address, r.created_ms, r.seen_ms,
                           r.expires_ms)
                for r in browsers
            ),
            *(
                SessionRow(APP + r.id, "app", r.name, None, r.created_ms, r.used_ms, r.expires_ms)
                for r in apps
            ),
        )  # fmt: skip

    async def revoke(self, person: str, session: str) -> bool:
        end: Any
        if session.startswith(APP):
            end = (
                sa.update(devices)
                .where(
                    devices.c.id == session.removeprefix(APP), devices.c.person == person,
                    devices.c.revoked_ms.is_(None),
                )
                .values(revoked_ms=self._now_ms())
            )  # fmt: skip
        else:
            end = sa.delete(web_sessions).where(
                web_sessions.c.id_hash == session, web_sessions.c.person == person
            )
        async with transaction(self._engine) as connection:
            return bool((await connection.execute(end)).rowcount)

    async def revoke_all(self, person: str, keep: str = "") -> int:
        async with transaction(self._engine) as connection:
            return await sign_out_all(connection, person, self._now_ms(), keep)

    # --- apps ---

    async def open_device(self, person: str, name: str) -> DeviceGrant | None:
        device, now = secrets.token_hex(16), self._now_ms()
        refresh = _refresh_token(device)
        async with transaction(self._engine) as connection:
            owner = await self._owner(connection, person)
            if owner is None:
                return None
            await connection.execute(
                sa.insert(devices).values(
                    id=device, person=person, name=name, refresh_hash=hashed(refresh),
                    created_ms=now, used_ms=now, expires_ms=now + DEVICE_MS,
                )
            )  # fmt: skip
            kept = (
                sa.select(devices.c.id).where(devices.c.person == person)
                .order_by(devices.c.used_ms.desc(), devices.c.id).limit(DEVICES_MAX)
            )  # fmt: skip
            await connection.execute(
                sa.delete(devices).where(devices.c.person == person, devices.c.id.not_in(kept))
            )
        return DeviceGrant(device, owner, refresh, now + DEVICE_MS)

    async def refresh_device(self, refresh: str) -> DeviceGrant | None:
        if len(refresh) > SECRET_MAX:
            return None
        device, now, given = refresh.partition(".")[0], self._now_ms(), hashed(refresh)
        fresh = _refresh_token(device)
        async with transaction(self._engine) as connection:
            row = (
                await connection.execute(
                    sa.update(devices)
                    .where(
                        devices.c.refresh_hash == given, devices.c.revoked_ms.is_(None),
                        devices.c.expires_ms > now,
                    )
                    .values(
                        refresh_hash=hashed(fresh), previous_hash=given, used_ms=now,
                        expires_ms=now + DEVICE_MS,
                    )
                    .returning(devices.c.id, devices.c.person)
                )
            ).one_or_none()  # fmt: skip
            if row is None:
                await connection.execute(
                    sa.update(devices)
                    .where(devices.c.id == device, devices.c.revoked_ms.is_(None))
                    .values(revoked_ms=now)
                )
                return None
            owner = await self._owner(connection, row.person)
        return None if owner is None else DeviceGrant(row.id, owner, fresh, now + DEVICE_MS)

    async def device(self, person: str, device: str) -> tuple[Identity, PersonRecord] | None:
        query = (
            sa.select(*COLUMNS)
            .join(devices, devices.c.person == people.c.id)
            .where(
                devices.c.id == device[:64], devices.c.revoked_ms.is_(None),
                devices.c.expires_ms > self._now_ms(), people.c.id == person[:64],
                people.c.blocked.is_(False), people.c.erased_ms.is_(None),
            )
        )  # fmt: skip
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else (identity(record(row)), record(row))

    async def _owner(self, connection: Any, person: str) -> PersonRecord | None:
        found = await connection.execute(
            sa.select(*COLUMNS).where(
                people.c.id == person, people.c.blocked.is_(False), people.c.erased_ms.is_(None)
            )
        )
        row = found.one_or_none()
        return None if row is None else record(row)


def _refresh_token(device: str) -> str:
    return f"{device}.{secrets.token_urlsafe(SECRET_BYTES)}"


def identity(person: PersonRecord) -> Identity:
    """Who an account is in rooms and at the API; see ``hub.fair.sessions.identity_of``."""
    return Identity(
        id=person.id,
        name=person.name,
        role=Role.PARTICIPANT if person.must_enrol else person.role,
        company=person.organisation if "organisation" in person.shows else None,
    )
