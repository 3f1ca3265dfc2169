"""The fair on SQL: ``open_fair`` gives every part, on one connection pool.

``migrate`` brings the database to the newest schema; it runs before any hub starts.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from hub.config import Config
from hub.fair.announcements import SqlAnnouncements
from hub.fair.appointments import SqlAppointments
from hub.fair.attendance import SqlAttendance
from hub.fair.audit import SqlAudit
from hub.fair.base import FairKeys, wall_clock_ms
from hub.fair.companies import SqlCompanies
from hub.fair.conferences import SqlConferences
from hub.fair.directory import SqlDirectory
from hub.fair.engine import make_engine
from hub.fair.figures import SqlFigures
from hub.fair.imports import SqlImports
from hub.fair.mails import SqlMails
from hub.fair.migrate import migrate
from hub.fair.passes import SqlPasses
from hub.fair.people import SqlPeople
from hub.fair.results import SqlResults
from hub.fair.rings import SqlRings
from hub.fair.settings import SqlSettings
from hub.fair.talks import SqlTalks
from hub.fair.webhooks import SqlWebhooks
from hub.ports.fair import FairParts

__all__ = ["FairKeys", "FairParts", "SqlDirectory", "make_parts", "migrate", "open_fair"]


def make_parts(
    engine: AsyncEngine,
    config: Config,
    keys: FairKeys,
    now_ms: Callable[[], int] = wall_clock_ms,
) -> FairParts:
    """Every part on ``engine``; nothing is started."""
    made = (engine, config, keys, now_ms)
    webhooks = SqlWebhooks(*made)
    return FairParts(
        people=SqlPeople(*made),
        mails=SqlMails(*made),
        companies=SqlCompanies(*made),
        conferences=SqlConferences(*made),
        passes=SqlPasses(*made),
        audit=SqlAudit(*made),
        attendance=SqlAttendance(*made, outbox=webhooks),
        webhooks=webhooks,
        settings=SqlSettings(*made),
        announcements=SqlAnnouncements(*made),
        imports=SqlImports(*made),
        figures=SqlFigures(*made),
        talks=SqlTalks(*made),
        appointments=SqlAppointments(*made),
        rings=SqlRings(*made),
        results=SqlResults(*made, outbox=webhooks),
    )


async def open_fair(config: Config, keys: FairKeys) -> tuple[SqlDirectory, FairParts]:
    """The directory and the parts on the configured, already migrated database.

    Closing the directory closes the connection pool of all.
    """
    engine = make_engine(config.database_url)
    return SqlDirectory(engine), make_parts(engine, config, keys)
