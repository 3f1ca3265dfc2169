"""Who works for a company, and how colleagues are invited."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.appointments.leaving import leave_company
from hub.fair.companies.editing import CompanyEditing, insert_into, lock
from hub.fair.companies.rows import LIST_COLUMNS, record_of
from hub.fair.engine import transaction
from hub.fair.tables import companies, company_invites, company_staff, people
from hub.ports.companies import (
    INVITES_MAX,
    STAFF_MAX,
    Company,
    Invite,
    Membership,
    Staff,
    StaffLeft,
    StaffRole,
)

INVITE_MS: Final = 14 * 24 * 3600 * 1000
MEMBERSHIPS_MAX: Final = 100
_RANK: Final[dict[str, int]] = {"staff": 0, "editor": 1, "owner": 2}


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _alive() -> Any:
    return people.c.erased_ms.is_(None) & people.c.blocked.is_(False)


class CompanyStaff(CompanyEditing):
    async def staff(self, company: str) -> tuple[Staff, ...]:
        rank = sa.case(_RANK, value=company_staff.c.role, else_=0)
        query = (
            sa.select(
                company_staff.c.person, people.c.name, company_staff.c.role,
                company_staff.c.title, company_staff.c.shown,
            )
            .join(people, people.c.id == company_staff.c.person)
            .where(company_staff.c.company == company, _alive())
            .order_by(rank.desc(), people.c.name, people.c.id)
            .limit(STAFF_MAX)
        )  # fmt: skip
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(Staff(*row) for row in rows)

    async def role_of(self, company: str, person: str) -> StaffRole | None:
        query = sa.select(company_staff.c.role).where(
            company_staff.c.company == company, company_staff.c.person == person
        )
        async with transaction(self._engine) as connection:
            role: StaffRole | None = (await connection.execute(query)).scalar_one_or_none()
        return role

    async def memberships(self, person: str) -> tuple[Membership, ...]:
        c = companies.c
        query = (
            sa.select(c.slug, c.name, c.names, company_staff.c.role, c.published)
            .join(company_staff, company_staff.c.company == c.slug)
            .where(company_staff.c.person == person)
            .order_by(c.sort_key, c.slug)
            .limit(MEMBERSHIPS_MAX)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(Membership(*row) for row in rows)

    async def _others_own(self, connection: AsyncConnection, company: str, person: str) -> bool:
        query = sa.select(
            sa.exists().where(
                company_staff.c.company == company,
                company_staff.c.person != person,
                company_staff.c.role == "owner",
            )
        )
        return bool((await connection.execute(query)).scalar_one())

    async def _role(
        self, connection: AsyncConnection, company: str, person: str
    ) -> StaffRole | None:
        query = sa.select(company_staff.c.role).where(
            company_staff.c.company == company, company_staff.c.person == person
        )
        role: StaffRole | None = (await connection.execute(query)).scalar_one_or_none()
        return role

    async def set_staff(
        self, company: str, person: str, role: StaffRole, title: str | None, shown: bool,
        *, force: bool = False,
    ) -> bool:  # fmt: skip
        async with transaction(self._engine) as connection:
            if not await lock(connection, company):
                return False
            was = await self._role(connection, company, person)
            if was is None:
                counted = sa.select(sa.func.count()).where(company_staff.c.company == company)
                if (await connection.execute(counted)).scalar_one() >= STAFF_MAX:
                    return False
            elif was == "owner" != role and not (
                force or await self._others_own(connection, company, person)
            ):
                return False
            exists = sa.select(people.c.id).where(people.c.id == person, _alive())
            if (await connection.execute(exists)).one_or_none() is None:
                return False
            await self._put(connection, company, person, role, title, shown)
        return True

    async def _put(
        self, connection: AsyncConnection, company: str, person: str, role: StaffRole,
        title: str | None, shown: bool,
    ) -> None:  # fmt: skip
        values = {"role": role, "title": title, "shown": shown}
        await connection.execute(
            insert_into(connection, company_staff)
            .values(company=company, person=person, created_ms=self._now_ms(), **values)
            .on_conflict_do_update(index_elements=["company", "person"], set_=values)
        )

    async def remove_staff(
        self, company: str, person: str, *, force: bool = False
    ) -> StaffLeft | None:
        async with transaction(self._engine) as connection:
            if not await lock(connection, company):
                return None
            was = await self._role(connection, company, person)
            if was == "owner" and not (
                force or await self._others_own(connection, company, person)
            ):
                return None
            gone = sa.delete(company_staff).where(
                company_staff.c.company == company, company_staff.c.person == person
            )
            await connection.execute(gone)
            if was is None:
                return None
            return StaffLeft(await leave_company(connection, company, person, self._now_ms()))

    # --- invitations ---

    def _open(self) -> Any:
        c = company_invites.c
        return c.used_ms.is_(None) & c.revoked_ms.is_(None) & (c.expires_ms > self._now_ms())

    async def invite(self, company: str, email: str, role: StaffRole, by: str) -> str | None:
        token, now, c = secrets.token_urlsafe(24), self._now_ms(), company_invites.c
        async with transaction(self._engine) as connection:
            if not await lock(connection, company):
                return None
            await connection.execute(
                sa.update(company_invites)
                .where(c.company == company, sa.func.lower(c.email) == email.lower(), self._open())
                .values(revoked_ms=now)
            )
            counted = sa.select(sa.func.count()).where(c.company == company, self._open())
            if (await connection.execute(counted)).scalar_one() >= INVITES_MAX:
                return None
            await connection.execute(
                sa.insert(company_invites).values(
                    token_hash=_digest(token), company=company, email=email, role=role,
                    invited_by=by, created_ms=now, expires_ms=now + INVITE_MS,
                )
            )  # fmt: skip
        return token

    async def invites(self, company: str) -> tuple[Invite, ...]:
        c = company_invites.c
        query = (
            sa.select(c.token_hash, c.email, c.role, c.created_ms, c.expires_ms)
            .where(c.company == company, self._open())
            .order_by(c.created_ms.desc(), c.token_hash)
            .limit(INVITES_MAX)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        # The hash opens nothing; a part of it names the invitation well enough.
        return tuple(Invite(row[0][:16], *row[1:]) for row in rows)

    async def revoke_invite(self, company: str, invite: str) -> bool:
        c = company_invites.c
        change = (
            sa.update(company_invites)
            .where(
                c.company == company, sa.func.substr(c.token_hash, 1, 16) == invite, self._open()
            )
            .values(revoked_ms=self._now_ms())
            .returning(c.token_hash)
        )
        async with transaction(self._engine) as connection:
            return bool((await connection.execute(change)).all())

    async def invited_to(self, token: str) -> tuple[Company, StaffRole] | None:
        query = (
            sa.select(company_invites.c.role, *LIST_COLUMNS)
            .join(companies, companies.c.slug == company_invites.c.company)
            .where(company_invites.c.token_hash == _digest(token), self._open())
        )
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else (record_of(row), row.role)

    async def accept(self, token: str, person: str) -> str | None:
        c = company_invites.c
        take = (
            sa.update(company_invites)
            .where(c.token_hash == _digest(token), self._open())
            .values(used_ms=self._now_ms())
            .returning(c.company, c.role)
        )
        try:
            async with transaction(self._engine) as connection:
                row = (await connection.execute(take)).one_or_none()
                if row is None or not await lock(connection, row.company):
                    return None
                was = await self._role(connection, row.company, person)
                if was is None:
                    await self._put(connection, row.company, person, row.role, None, True)
                elif _RANK[row.role] > _RANK[was]:
                    raised = sa.update(company_staff).where(
                        company_staff.c.company == row.company, company_staff.c.person == person
                    )
                    await connection.execute(raised.values(role=row.role))
        except IntegrityError:  # no account: the organiser's link or key
            return None
        return str(row.company)
