"""Accounts, the ways to sign in to them, and the mail they get.

Secrets are stored as hashes; what must be read again (TOTP) is encrypted.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, ForeignKey, Integer, LargeBinary, String, Table, Text

from hub.fair.tables.base import Json, Ms, Serial, metadata

# One person is one account, on site or online. ``email_key`` is the address as compared
# (lower case, IDNA); both are null for a person known only on site, and after erasure.
people: Final = Table(
    "people",
    metadata,
    Column("id", String(64), primary_key=True),  # "u_" + 16 hex
    Column("email", String(254)),
    Column("email_key", String(254), unique=True),
    Column("verified_ms", Ms),
    Column("name", String(64), nullable=False),
    Column("country", String(2), nullable=False, index=True),  # ISO 3166-1 alpha-2
    Column("organisation", String(120)),
    Column("position", String(80)),
    Column("sectors", Json, nullable=False),  # slugs of the fair's sectors
    Column("languages", Json, nullable=False),  # BCP 47 tags the person speaks
    Column("language", String(16), nullable=False),  # of pages and mail
    Column("time_zone", String(64)),
    Column("role", String(16), nullable=False),  # participant, moderator, organiser
    Column("gate", Boolean, nullable=False),  # may admit people at the gate
    Column("listed", Boolean, nullable=False),  # others may find this person
    Column("shows", Json, nullable=False),  # of organisation, position, country: what others see
    Column("privacy_version", Integer, nullable=False),
    Column("consent_ms", Ms, nullable=False),
    Column("password_hash", String(255)),
    Column("totp_cipher", LargeBinary),
    Column("totp_on", Boolean, nullable=False),
    Column("totp_step", Ms, nullable=False),  # the last step used: a code counts once
    Column("source", String(16), nullable=False),  # web, app, import, onsite, demo, organiser
    Column("external_key", String(120), unique=True),  # of the sheet it was imported from
    Column("blocked", Boolean, nullable=False),
    Column("created_ms", Ms, nullable=False, index=True),
    Column("changed_ms", Ms, nullable=False),
    Column("erased_ms", Ms),
    Column("version", Integer, nullable=False),
)

# The cookie's value is never stored, only its SHA-256: a copy of the database opens no session.
# ``person`` is no foreign key: sign-in links and the organiser key have no account.
web_sessions: Final = Table(
    "web_sessions",
    metadata,
    Column("id_hash", String(64), primary_key=True),
    Column("person", String(64), nullable=False, index=True),
    Column("name", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("company", String(120)),
    Column("csrf", String(64), nullable=False),
    Column("created_ms", Ms, nullable=False, server_default="0"),
    Column("seen_ms", Ms, nullable=False, server_default="0"),
    Column("address", String(64)),  # the prefix, not the address
    Column("agent", String(120)),  # browser and system, as words
    Column("expires_ms", Ms, nullable=False, index=True),
)

signin_links: Final = Table(
    "signin_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("expires_ms", Ms, nullable=False),
    Column("used_ms", Ms),
)

email_tokens: Final = Table(
    "email_tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column(
        "person",
        String(64),
        ForeignKey("people.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("purpose", String(16), nullable=False),  # verify, reset, change
    Column("email", String(254), nullable=False),
    Column("expires_ms", Ms, nullable=False, index=True),
    Column("used_ms", Ms),
)

recovery_codes: Final = Table(
    "recovery_codes",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column(
        "person",
        String(64),
        ForeignKey("people.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("used_ms", Ms),
)

# An app signed in by the API: the refresh token changes with each use; an old one that
# comes back means that it was copied, and ends the device.
devices: Final = Table(
    "devices",
    metadata,
    Column("id", String(32), primary_key=True),
    Column(
        "person",
        String(64),
        ForeignKey("people.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("name", String(80), nullable=False),
    Column("refresh_hash", String(64), nullable=False, unique=True),
    Column("previous_hash", String(64), unique=True),
    Column("created_ms", Ms, nullable=False),
    Column("used_ms", Ms, nullable=False),
    Column("expires_ms", Ms, nullable=False),
    Column("revoked_ms", Ms),
)

mails: Final = Table(
    "mails",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("person", String(64), index=True),
    Column("address", String(254), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("text", Text, nullable=False),
    Column("created_ms", Ms, nullable=False),
    Column("due_ms", Ms, nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("sent_ms", Ms),
    Column("failed", String(300)),  # why it was given up
)
