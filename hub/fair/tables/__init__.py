"""The tables as the queries see them; migrations/ is how a database gets there.

A test holds the two together. Times are integers, milliseconds since the Unix epoch.
"""

from __future__ import annotations

from hub.fair.tables.appointments import (
    appointment_log,
    appointments,
    busy,
    meeting_slots,
    round_companies,
)
from hub.fair.tables.base import metadata
from hub.fair.tables.companies import (
    blobs,
    cards,
    companies,
    company_files,
    company_invites,
    company_staff,
    favourites,
    visits,
)
from hub.fair.tables.events import (
    attendance,
    audit_log,
    figures,
    webhook_deliveries,
    webhook_endpoints,
    webhook_messages,
)
from hub.fair.tables.fair import (
    announcements,
    fair_settings,
    import_errors,
    imports,
    privacy_texts,
    sectors,
)
from hub.fair.tables.onsite import entry_slots, gate_events, identities, passes
from hub.fair.tables.people import (
    devices,
    email_tokens,
    mails,
    people,
    recovery_codes,
    signin_links,
    web_sessions,
)
from hub.fair.tables.programme import agenda, calendar_feeds, conferences, speakers
from hub.fair.tables.results import (
    result_corrections,
    result_files,
    result_parties,
    result_versions,
    results,
)
from hub.fair.tables.rings import ring_staff, rings
from hub.fair.tables.rooms import rooms
from hub.fair.tables.search import SEARCHES
from hub.fair.tables.talks import (
    talk_files,
    talk_invites,
    talk_log,
    talk_members,
    talk_notes,
    talks,
)

__all__ = [
    "SEARCHES", "agenda", "announcements", "appointment_log", "appointments", "attendance",
    "audit_log", "blobs", "busy", "calendar_feeds", "cards", "companies", "company_files",
    "company_invites", "company_staff", "conferences", "devices", "email_tokens", "entry_slots",
    "fair_settings", "favourites", "figures", "gate_events", "identities", "import_errors",
    "imports", "mails", "meeting_slots", "metadata", "passes", "people", "privacy_texts",
    "recovery_codes", "result_corrections", "result_files", "result_parties", "result_versions",
    "results", "ring_staff", "rings", "rooms", "round_companies", "sectors", "signin_links",
    "speakers", "talk_files", "talk_invites", "talk_log", "talk_members", "talk_notes", "talks",
    "visits", "web_sessions", "webhook_deliveries", "webhook_endpoints", "webhook_messages",
]  # fmt: skip
