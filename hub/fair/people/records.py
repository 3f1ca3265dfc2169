"""Rows of ``people`` as the rest of the hub sees them, and the small things all parts share."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair import search
from hub.fair.tables import people
from hub.ports.people import PersonRecord
from rooms.model import Role

SECRET_BYTES: Final = 32
SECRET_MAX: Final = 200  # characters of a secret worth looking up
#: Everything of a row but its secrets.
COLUMNS: Final = tuple(
    column
    for column in people.columns
    if column.name not in {"email_key", "password_hash", "totp_cipher", "totp_step", "external_key"}
)


def email_key(email: str) -> str:
    """An address as it is compared: two that a person would call the same are the same.

    The domain is in ASCII already (``email_validator`` gives it so); the local part's case
    could matter by RFC 5321 section 2.4, and nowhere does.
    """
    return email.strip().casefold()


def new_id() -> str:
    return f"u_{secrets.token_hex(8)}"


def hashed(secret: str) -> str:
    # The secrets are 256 random bits (recovery codes 80): a plain hash is not guessed back.
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def record(row: Any) -> PersonRecord:
    values = {column.name: getattr(row, column.name) for column in COLUMNS}
    for name in ("sectors", "languages", "shows"):
        values[name] = tuple(values[name])
    values["role"] = Role(values["role"])
    return PersonRecord(**values)


def insert(connection: AsyncConnection, table: sa.Table) -> Any:
    """An INSERT that can say ON CONFLICT, in the words of this database."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


async def findable(connection: AsyncConnection, person: PersonRecord) -> None:
    """Index a person for the organisers' search, in the transaction that wrote the row."""
    texts = [text for text in (person.email, person.organisation) if text]
    await search.index(connection, "person", [search.Entry(person.id, [person.name], texts)])
