"""The metadata every table belongs to, and column types they share."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, BigInteger, Integer, MetaData

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

#: Milliseconds since the Unix epoch.
Ms = BigInteger
#: A number the database gives out. SQLite counts by itself only in an INTEGER primary key.
Serial = BigInteger().with_variant(Integer, "sqlite")
#: Lists and objects; text by language is an object ``{"en": "…", "zh-Hans": "…"}``.
Json = JSON
