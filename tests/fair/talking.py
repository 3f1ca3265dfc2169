"""A fair to hold talks at: companies with staff, visitors, and the parts on one database."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from hub.config import Config
from hub.fair.base import FairKeys
from hub.fair.companies import SqlCompanies
from hub.fair.engine import make_engine, transaction
from hub.fair.people import SqlPeople
from hub.fair.tables import company_staff, people
from hub.fair.talks import SqlTalks
from hub.ports.companies import CompanyDraft
from hub.ports.talks import Belonging, TalkDraft, TalkRefused
from rooms.model import Mode, Role
from tests.fair.conftest import Clock

KEYS = FairKeys(bytes(32), bytes(32), b"v" * 32)
ONE, MANY, ROUND = Mode.ONE_TO_ONE, Mode.ONE_TO_MANY, Mode.MANY_TO_MANY
HOUR = 3_600_000


class Rig:
    """Three companies with two people each (``u_pearl1`` …) and four visitors ``u_v1`` …"""

    def __init__(self, url: str, clock: Clock) -> None:
        self.engine = make_engine(url)
        self.clock = clock
        made: Any = (self.engine, Config(), KEYS, clock)
        self.talks = SqlTalks(*made)
        self.people = SqlPeople(*made)
        self.companies = SqlCompanies(*made)

    async def fill(self) -> None:
        staff = [f"u_{slug}{n}" for slug in ("pearl", "lotus", "jade") for n in (1, 2)]
        for slug in ("pearl", "lotus", "jade"):
            await self.companies.create(
                CompanyDraft(slug=slug, name=slug, sector="finance", country="CN")
            )
        everybody = [*staff, *(f"u_v{n}" for n in range(1, 5))]
        rows = [
            {
                "id": person, "name": person, "email": f"{person}@example.org", "country": "DE",
                "sectors": [], "languages": [], "language": "en", "role": "participant",
                "gate": False, "listed": True, "shows": [], "privacy_version": 1, "consent_ms": 0,
                "totp_on": False, "totp_step": 0, "source": "web", "blocked": False,
                "created_ms": 0, "changed_ms": 0, "version": 1,
            }
            for person in everybody
        ]  # fmt: skip
        async with transaction(self.engine) as connection:
            await connection.execute(sa.insert(people), rows)
            await connection.execute(
                sa.insert(company_staff),
                [
                    {"company": person[2:-1], "person": person, "role": "staff", "title": None,
                     "shown": True, "created_ms": 0}
                    for person in staff
                ],
            )  # fmt: skip

    def draft(self, **fields: Any) -> TalkDraft:
        """A visitor with somebody of pearl, now, for an hour."""
        given: dict[str, Any] = {
            "origin": "company", "origin_id": None, "company": "pearl", "mode": ONE,
            "subject": "Robots", "starts_ms": self.clock.ms, "ends_ms": self.clock.ms + HOUR,
            "members": (
                Belonging("u_pearl1", "pearl", Role.HOST), Belonging("u_v1", "guest"),
            ),
            "by": "u_pearl1", **fields,
        }  # fmt: skip
        return TalkDraft(**given)

    async def talk(self, **fields: Any) -> str:
        return (await self.talks.open(self.draft(**fields))).room

    async def wide(self, **fields: Any) -> str:
        """A one_to_many talk of pearl's."""
        return await self.talk(**{"mode": MANY, "capacity": 10, **fields})

    async def count(self, table: Any) -> int:
        async with transaction(self.engine) as connection:
            found = await connection.execute(sa.select(sa.func.count()).select_from(table))
            return int(found.scalar_one())


async def code(act: Any) -> str:
    """The code an act is refused with, "" when it is not."""
    try:
        await act
    except TalkRefused as refused:
        return refused.code
    return ""
