"""The fair itself: settings, announcements, imports, figures; and all its parts together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hub.ports.companies import Companies
from hub.ports.events import Attendance, Audit, Webhooks
from hub.ports.onsite import Passes
from hub.ports.people import Mails, People
from hub.ports.programme import Conferences


class Settings(Protocol):
    """Name, dates, zone, sectors, languages, privacy texts."""


class Announcements(Protocol):
    """What the organiser tells the whole fair or some of it."""


class Imports(Protocol):
    """Sheets of people, companies and conferences on their way in."""


class Figures(Protocol):
    """The fair at a glance: counts now and over time."""


@dataclass(frozen=True, slots=True)
class FairParts:
    """What SQL keeps beside rooms and sessions (those are the Directory's)."""

    people: People
    mails: Mails
    companies: Companies
    conferences: Conferences
    passes: Passes
    audit: Audit
    attendance: Attendance
    webhooks: Webhooks
    settings: Settings
    announcements: Announcements
    imports: Imports
    figures: Figures
