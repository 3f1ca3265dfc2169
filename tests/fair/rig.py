"""A fair to meet, ring and talk at: companies with staff, visitors, the parts on one database."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from hub.config import Appointments, Config
from hub.fair.appointments import SqlAppointments
from hub.fair.base import FairKeys
from hub.fair.companies import SqlCompanies
from hub.fair.engine import make_engine, transaction
from hub.fair.people import SqlPeople
from hub.fair.rings import SqlRings
from hub.fair.tables import agenda, attendance, busy, company_staff, conferences, people, rooms
from hub.fair.talks import SqlTalks
from hub.ports.appointments import (
    AppointmentRefused,
    Asking,
    Change,
    MeetingSlot,
    SlotDraft,
)
from hub.ports.companies import CompanyDraft
from hub.ports.rings import RingRefused
from hub.ports.talks import Belonging, TalkDraft, TalkRefused
from rooms.model import Mode, Role
from rooms.rings import Ring

if TYPE_CHECKING:
    from tests.fair.conftest import Clock

KEYS: Final = FairKeys(bytes(32), bytes(32), b"v" * 32)
MIN: Final = 60_000
HOUR: Final = 60 * MIN
SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
COMPANIES: Final = ("pearl", "lotus", "jade")
PEARL: Final = ("u_pearl1", "u_pearl2", "u_pearl3")
ONE, MANY, ROUND = Mode.ONE_TO_ONE, Mode.ONE_TO_MANY, Mode.MANY_TO_MANY


class Rig:
    """Three companies with an owner ``u_pearl1`` and staff ``u_pearl2``, ``u_pearl3`` each, and
    visitors ``u_v1`` …; ``at(n)`` is n hours after a full hour to come."""

    def __init__(self, url: str, clock: Clock, **quotas: Any) -> None:
        self.engine = make_engine(url)
        self.clock = clock
        config = Config(appointments=Appointments(**quotas))
        made: Any = (self.engine, config, KEYS, clock)
        self.part = SqlAppointments(*made)
        self.rings = SqlRings(*made)
        self.talks = SqlTalks(*made)
        self.people = SqlPeople(*made)
        self.companies = SqlCompanies(*made)

    async def fill(self, visitors: int = 4) -> None:
        for slug in COMPANIES:
            await self.companies.create(
                CompanyDraft(slug=slug, name=slug.title(), sector="finance", country="CN")
            )
        staff = [f"u_{slug}{n}" for slug in COMPANIES for n in (1, 2, 3)]
        everybody = [*staff, *(f"u_v{n}" for n in range(1, visitors + 1))]
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
        working = [
            {
                "company": person[2:-1], "person": person, "title": None, "shown": True,
                "role": "owner" if person.endswith("1") else "staff", "created_ms": 0,
            }
            for person in staff
        ]  # fmt: skip
        async with transaction(self.engine) as connection:
            await connection.execute(sa.insert(people), rows)
            await connection.execute(sa.insert(company_staff), working)

    def at(self, hours: float) -> int:
        full = -(-self.clock.ms // HOUR) * HOUR
        return full + int(hours * HOUR)

    # --- appointments ---------------------------------------------------------------------

    async def slot(self, hours: float = 1, length: int = 30, **more: Any) -> MeetingSlot:
        by = more.pop("by", "u_pearl1")
        company = more.pop("company", by[2:-1])
        starts = self.at(hours)
        draft = SlotDraft(starts, starts + length * MIN, **more)
        return (await self.part.publish(company, [draft], by))[0]

    async def ask(self, person: str, slot: MeetingSlot | None = None, **more: Any) -> Change:
        company = more.pop("company", slot.company if slot else "pearl")
        if slot is None and "starts_ms" not in more:
            hours = more.pop("hours", 1)
            more |= {"starts_ms": self.at(hours), "ends_ms": self.at(hours) + 30 * MIN}
        asking = Asking(
            subject=more.pop("subject", "Supply"), slot=None if slot is None else slot.id, **more
        )
        return await self.part.ask(person, company, asking, SHANGHAI)

    async def act(self, appointment: str, act: Any, by: str, **more: Any) -> Change:
        return await self.part.act(appointment, act, by, SHANGHAI, **more)

    async def taken(self, subject: str) -> list[int]:
        """When somebody's time is promised, ms, in order."""
        query = sa.select(busy.c.tick).where(busy.c.subject == subject).order_by(busy.c.tick)
        async with transaction(self.engine) as connection:
            return [tick * 5 * MIN for tick in (await connection.execute(query)).scalars()]

    async def conference(
        self, person: str, starts_ms: int, slug: str = "trade", hours: int = 1
    ) -> None:
        async with transaction(self.engine) as connection:
            await connection.execute(
                sa.insert(rooms).values(
                    slug=f"room-{slug}", title="Hall", kind="conference", mode=None, capacity=10,
                    reserved=0, stage_capacity=9, locked=False, guests=False, waitlist=True,
                    chat="on", slow_mode_s=0, closed=False, version=1, created_ms=0, lobby=False,
                    sides={}, relay_only=False,
                )
            )  # fmt: skip
            await connection.execute(
                sa.insert(conferences).values(
                    slug=slug, room=f"room-{slug}", title="On trade", titles={}, about={},
                    sector="finance", starts_ms=starts_ms, ends_ms=starts_ms + hours * HOUR,
                    languages=[], cancelled=False, version=1, created_ms=0, changed_ms=0,
                )
            )  # fmt: skip
            await connection.execute(
                sa.insert(agenda).values(person=person, conference=slug, added_ms=0)
            )

    async def came(self, room: str, person: str, at_ms: int) -> None:
        async with transaction(self.engine) as connection:
            await connection.execute(
                sa.insert(attendance).values(
                    room=room, person=person, gen=1, name=person, company=None,
                    role="participant", entered_ms=at_ms, left_ms=None,
                )
            )  # fmt: skip

    # --- talks and rings ------------------------------------------------------------------

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

    async def ring(
        self, visitor: str = "u_v1", online: tuple[str, ...] = PEARL, company: str = "pearl"
    ) -> Ring:
        return await self.rings.ring(visitor, company, "Robots", online)

    # --- rows -----------------------------------------------------------------------------

    async def count(self, table: sa.Table) -> int:
        async with transaction(self.engine) as connection:
            found = await connection.execute(sa.select(sa.func.count()).select_from(table))
            return int(found.scalar_one())

    async def all(self, table: sa.Table, *where: Any) -> Sequence[Any]:
        async with transaction(self.engine) as connection:
            return (await connection.execute(sa.select(table).where(*where))).all()


async def outcome(act: Awaitable[Any]) -> str:
    """The code an act is refused with, "" when it is not."""
    try:
        await act
    except (AppointmentRefused, RingRefused, TalkRefused) as fault:
        return fault.code
    return ""


async def refused(act: Awaitable[Any]) -> str:
    """The code an act is refused with; that it is not fails the test."""
    found = await outcome(act)
    assert found, "it was not refused"
    return found
