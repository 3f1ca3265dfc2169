"""Invitations to a talk: signed, bound, counted by one statement, revocable.

The secret is the invitation's id and an HMAC of it, so that a made-up one is refused without a
query. Whatever is wrong with an invitation, the answer is the same.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.engine import transaction
from hub.fair.tables import talk_invites, talk_members, talks
from hub.fair.talks.rows import (
    hold,
    insert_into,
    need_companies,
    need_people,
    need_room_for,
    new_id,
    record,
    role_on,
    select_talks,
    works_for,
)
from hub.fair.talks.running import Running
from hub.ports.talks import (
    GUEST_SIDE,
    INVITE_TTL_MAX_S,
    INVITE_USES_MAX,
    INVITES_MAX,
    MEMBERS_MAX,
    Access,
    Invite,
    Talk,
    TalkRefused,
)
from rooms.model import Role

_ID_LENGTH: Final = 20
_NOBODYS: Final = "-" * _ID_LENGTH
_MAC_BYTES: Final = 24
_COLUMNS: Final = (
    talk_invites.c.id, talk_invites.c.room, talk_invites.c.side, talk_invites.c.lobby,
    talk_invites.c.person, talk_invites.c.company, talk_invites.c.uses_max, talk_invites.c.uses,
    talk_invites.c.expires_ms, talk_invites.c.by, talk_invites.c.revoked_ms,
)  # fmt: skip


def _usable(now_ms: int) -> Any:
    i = talk_invites.c
    return i.revoked_ms.is_(None) & (i.expires_ms > now_ms) & (i.uses < i.uses_max)


def _for(person: str) -> Any:
    i = talk_invites.c
    bound = i.person.is_(None) | (i.person == person)
    return bound & (i.company.is_(None) | works_for(person, i.company))


class Invites(Running):
    """Invitations, as ``hub.ports.talks.Talks`` has them."""

    def _mac(self, invite: str) -> str:
        key = hmac.digest(self._keys.vault, b"pavilion talk invitations", hashlib.sha256)
        mac = hmac.digest(key, invite.encode(), hashlib.sha256)[:_MAC_BYTES]
        return base64.urlsafe_b64encode(mac).decode()

    def _genuine(self, secret: str) -> str | None:
        """The id in a secret that was made here."""
        invite, _, mac = secret.partition(".")
        if len(invite) != _ID_LENGTH or not invite.isascii():
            return None
        good = hmac.compare_digest(mac.encode(errors="replace"), self._mac(invite).encode())
        return invite if good else None

    async def invite(
        self, room: str, by: str, *, side: str, lobby: bool = False, person: str | None = None,
        company: str | None = None, uses: int = 1, ttl_s: int = 86_400,
    ) -> tuple[Invite, str]:  # fmt: skip
        if not (1 <= uses <= INVITE_USES_MAX and 1 <= ttl_s <= INVITE_TTL_MAX_S):
            raise TalkRefused("too_many")
        now, i = self._now_ms(), talk_invites.c
        if side != GUEST_SIDE and company is None:
            company = side  # a company's seat is for its people
        if side not in (GUEST_SIDE, company):
            raise TalkRefused("unknown_company")
        made = Invite(
            id=new_id(), room=room, side=side, lobby=lobby, person=person, company=company,
            uses_max=uses, uses=0, expires_ms=now + ttl_s * 1000, by=by, revoked_ms=None,
        )  # fmt: skip
        async with transaction(self._engine) as connection:
            await hold(connection, room)
            if company is not None:
                await need_companies(connection, {company})
            if person is not None:
                await need_people(connection, {person})
            await need_room_for(connection, room, person, side)
            counted = sa.select(sa.func.count()).where(i.room == room, _usable(now))
            if (await connection.execute(counted)).scalar_one() >= INVITES_MAX:
                raise TalkRefused("too_many")
            values = {column.name: getattr(made, column.name) for column in _COLUMNS}
            await connection.execute(sa.insert(talk_invites).values(created_ms=now, **values))
        return made, f"{made.id}.{self._mac(made.id)}"

    async def invites(self, room: str) -> tuple[Invite, ...]:
        i = talk_invites.c
        query = (
            sa.select(*_COLUMNS)
            .where(i.room == room, _usable(self._now_ms()))
            .order_by(i.created_ms.desc(), i.id)
            .limit(INVITES_MAX)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(Invite(*row) for row in rows)

    async def revoke(self, room: str, invite: str) -> bool:
        i = talk_invites.c
        gone = (
            sa.update(talk_invites)
            .where(i.room == room, i.id == invite, i.revoked_ms.is_(None))
            .values(revoked_ms=self._now_ms())
            .returning(i.id)
        )
        async with transaction(self._engine) as connection:
            return (await connection.execute(gone)).one_or_none() is not None

    async def look_at_invite(self, secret: str, person: str | None) -> tuple[Invite, Talk] | None:
        # A forged one is looked for as well: what it costs must not tell that it was genuine once.
        invite, i = self._genuine(secret) or _NOBODYS, talk_invites.c
        fits = _usable(self._now_ms())
        if person is not None:
            kept_out = _removed_since(person, i.room, i.created_ms)
            fits = (fits & _for(person) & ~kept_out) | _member_of(person, i.room)
        query = (
            select_talks(*(column.label(f"i_{column.name}") for column in _COLUMNS))
            .join(talk_invites, i.room == talks.c.room)
            .where(i.id == invite, talks.c.ended_ms.is_(None), fits)
        )
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        return Invite(*(row._mapping[f"i_{c.name}"] for c in _COLUMNS)), record(row)

    async def use_invite(self, secret: str, person: str) -> Access:
        # Whoever cannot use it waits for no other's change, nor is waited for.
        found = await self.look_at_invite(secret, person)
        if found is None:
            raise TalkRefused("unknown_invite")
        try:
            async with transaction(self._engine) as connection:
                return await self._use(connection, found[0].id, person)
        except TalkRefused:  # nothing was used up; why is nobody's business but the host's
            raise TalkRefused("unknown_invite") from None

    async def _use(self, connection: AsyncConnection, invite: str, person: str) -> Access:
        now, i, m = self._now_ms(), talk_invites.c, talk_members.c
        asked = sa.select(i.room, i.created_ms).where(i.id == invite)
        found = (await connection.execute(asked)).one_or_none()
        if found is None:
            raise TalkRefused("unknown_invite")
        talk = await hold(connection, found.room)
        await need_people(connection, {person})
        mine = await connection.execute(
            sa.select(m.side, m.role, m.lobby, m.removed_ms).where(
                m.room == found.room, m.person == person
            )
        )
        was = mine.one_or_none()
        if was is not None and was.removed_ms is None:
            return Access(found.room, was.side, Role(was.role), was.lobby)
        if was is not None and was.removed_ms >= found.created_ms:
            raise TalkRefused("unknown_invite")  # an old link does not undo a removal
        used = await connection.execute(
            sa.update(talk_invites)
            .where(i.id == invite, _usable(now), _for(person))
            .values(uses=i.uses + 1)
            .returning(i.side, i.lobby, i.by)
        )
        row = used.one_or_none()
        if row is None:
            raise TalkRefused("unknown_invite")
        await need_room_for(connection, found.room, person, row.side)
        counted = sa.select(sa.func.count()).where(m.room == found.room, m.removed_ms.is_(None))
        if (await connection.execute(counted)).scalar_one() >= MEMBERS_MAX:
            raise TalkRefused("too_many")
        role = role_on(row.side, talk.company)
        values = {
            "side": row.side, "role": role.value, "lobby": row.lobby, "by": row.by,
            "removed_ms": None,
        }  # fmt: skip
        await connection.execute(
            insert_into(connection, talk_members)
            .values(room=found.room, person=person, created_ms=now, **values)
            .on_conflict_do_update(index_elements=["room", "person"], set_=values)
        )
        return Access(found.room, row.side, role, row.lobby)


def _member_of(person: str, room: Any) -> Any:
    m = talk_members.c
    return sa.exists().where(m.room == room, m.person == person, m.removed_ms.is_(None))


def _removed_since(person: str, room: Any, ms: Any) -> Any:
    m = talk_members.c
    return sa.exists().where(m.room == room, m.person == person, m.removed_ms >= ms)
