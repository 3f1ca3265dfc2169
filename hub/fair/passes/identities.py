"""Identity numbers of people: kept as match and cipher, shown as four characters."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.base import Part
from hub.fair.engine import transaction
from hub.fair.passes.numbers import Number, normalise
from hub.fair.passes.secrets import NumberUnreadable, key_id, match_of, seal, unseal
from hub.fair.tables import entry_slots, identities, passes, people
from hub.ports import DirectoryLost
from hub.ports.onsite import Document, IdentityShown, OnsiteRefused
from rooms.errors import Code, Refusal
from rooms.model import Identity, Role

TRIES: Final = 5  # somebody else was quicker that often in a row
#: What is left of a number that was erased: that there was one, and the consent to it.
_ERASED: Final = {"match": None, "cipher": None, "last4": ""}


async def release(connection: AsyncConnection, person: str, now_ms: int) -> None:
    """Cancel a pass not used yet, free its place, erase the number: in the transaction of
    whoever erases a person. First the pass, then its place: the order this part locks in."""
    cancelled = await connection.execute(
        sa.update(passes)
        .where(passes.c.holder == person, passes.c.entered_ms.is_(None))
        .values(holder=None, cancelled_ms=now_ms)
        .returning(passes.c.slot)
    )
    slot = cancelled.scalar_one_or_none()
    if slot is not None:
        await connection.execute(
            sa.update(entry_slots)
            .where(entry_slots.c.id == slot)
            .values(taken=entry_slots.c.taken - 1)
        )
    await connection.execute(sa.delete(identities).where(identities.c.person == person))


class SqlIdentities(Part):
    """The numbers of ``hub.ports.onsite.Passes``."""

    def _today(self) -> date:
        # A day ahead of UTC: nobody's birthday lies in the future anywhere on Earth.
        return datetime.fromtimestamp(self._now_ms() / 1000 + 14 * 3600, UTC).date()

    def _read(self, document: Document) -> Number:
        return normalise(document, self._today())

    async def identity(self, person: str) -> IdentityShown | None:
        async with transaction(self._engine) as connection:
            row = (
                await connection.execute(
                    sa.select(
                        identities.c.kind, identities.c.country, identities.c.last4,
                        identities.c.consent_ms, identities.c.cipher.is_(None).label("erased"),
                    ).where(identities.c.person == person)
                )
            ).one_or_none()  # fmt: skip
        if row is None:
            return None
        return IdentityShown(row.kind, row.country, row.last4, row.consent_ms, bool(row.erased))

    async def keep_identity(self, person: str, document: Document) -> IdentityShown:
        number = self._read(document)
        for _ in range(TRIES):
            async with transaction(self._engine) as connection:
                known = await connection.scalar(sa.select(people.c.id).where(people.c.id == person))
                owner = await self._owner(connection, number)
            if known is None:
                raise OnsiteRefused("unknown_person")
            if owner not in {None, person}:
                raise OnsiteRefused("number_taken")
            try:
                async with transaction(self._engine) as connection:
                    await self._keep(connection, person, number)
            except IntegrityError:
                continue  # another account was quicker: the look above says which it is
            return IdentityShown(
                number.kind, number.country, number.last4, self._now_ms(), erased=False
            )
        raise DirectoryLost("identity")

    async def _owner(self, connection: AsyncConnection, number: Number) -> str | None:
        owner: str | None = await connection.scalar(
            sa.select(identities.c.person).where(identities.c.match == match_of(self._keys, number))
        )
        return owner

    async def _keep(self, connection: AsyncConnection, person: str, number: Number) -> None:
        """Write the number as the person's. Raises IntegrityError: it is another's."""
        now = self._now_ms()
        values = {
            "kind": number.kind,
            "country": number.country,
            "match": match_of(self._keys, number),
            "cipher": seal(self._keys, person, number),
            "key_id": key_id(self._keys),
            "last4": number.last4,
            "consent_ms": now,
            "created_ms": now,
        }
        changed = await connection.execute(
            sa.update(identities)
            .where(identities.c.person == person)
            .values(**values)
            .returning(identities.c.person)
        )
        if changed.one_or_none() is None:
            await connection.execute(sa.insert(identities).values(person=person, **values))

    async def reveal(self, person: str, by: Identity) -> str:
        if by.role is not Role.ORGANISER or by.room is not None:
            raise Refusal(Code.FORBIDDEN, "only organisers may see identity numbers")
        async with transaction(self._engine) as connection:
            row = (
                await connection.execute(
                    sa.select(identities.c.cipher, identities.c.key_id).where(
                        identities.c.person == person
                    )
                )
            ).one_or_none()
        if row is None or row.cipher is None:
            raise OnsiteRefused("no_number")
        if row.key_id != key_id(self._keys):
            raise OnsiteRefused("number_unreadable")
        try:
            return unseal(self._keys, person, row.cipher)
        except NumberUnreadable:
            raise OnsiteRefused("number_unreadable") from None

    async def forget_number(self, person: str) -> bool:
        async with transaction(self._engine) as connection:
            gone = await connection.execute(
                sa.delete(identities)
                .where(identities.c.person == person)
                .returning(identities.c.person)
            )
            return gone.one_or_none() is not None

    async def forget(self, person: str) -> None:
        async with transaction(self._engine) as connection:
            await release(connection, person, self._now_ms())

    async def erase_old(self, created_before_ms: int) -> int:
        async with transaction(self._engine) as connection:
            erased = await connection.execute(
                sa.update(identities)
                .where(
                    identities.c.created_ms < created_before_ms, identities.c.cipher.is_not(None)
                )
                .values(**_ERASED)
            )
            return erased.rowcount
