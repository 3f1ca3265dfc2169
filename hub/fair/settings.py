"""The fair's settings on SQL: one row, its sectors, the versions of its privacy text."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair import defaults
from hub.fair.base import Part
from hub.fair.engine import transaction
from hub.fair.tables import fair_settings, privacy_texts, sectors
from hub.ports import DirectoryLost, StaleVersion
from hub.ports.fair import FairChange, FairSettings, Privacy, Sector

log = structlog.get_logger(__name__)

FRESH_MS: Final = 2_000
_ROW: Final = 1  # the one row of fair_settings


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None


class SqlSettings(Part):
    """Implements ``hub.ports.fair.Settings``."""

    def __init__(self, *made: Any) -> None:
        super().__init__(*made)
        self._seen: FairSettings | None = None
        self._seen_ms = 0
        self._reading = asyncio.Lock()

    async def current(self) -> FairSettings:
        if self._seen is not None and self._fresh():
            return self._seen
        async with self._reading:  # one reads, the others take what it found
            if self._seen is None or not self._fresh():
                try:
                    found = await self._read()
                except DirectoryLost:
                    log.warning("settings not read: the database does not answer")
                    return self._seen or self._assemble(0, {}, (), None)
                self._seen, self._seen_ms = found, self._now_ms()
            return self._seen

    def _fresh(self) -> bool:
        return 0 <= self._now_ms() - self._seen_ms < FRESH_MS

    async def _read(self) -> FairSettings:
        async with transaction(self._engine) as connection:
            return await self._read_on(connection)

    async def _read_on(self, connection: AsyncConnection) -> FairSettings:
        row = (await connection.execute(sa.select(fair_settings))).one_or_none()
        listed = await connection.execute(sa.select(sectors).order_by(sectors.c.position))
        newest = await connection.execute(
            sa.select(privacy_texts).order_by(privacy_texts.c.version.desc()).limit(1)
        )
        text = newest.one_or_none()
        return self._assemble(
            row.version if row else 0,
            row.data if row else {},
            tuple(Sector(found.slug, found.names) for found in listed),
            Privacy(text.version, text.texts, text.published_ms) if text else None,
        )

    def _assemble(
        self, version: int, data: dict[str, Any], rows: tuple[Sector, ...], text: Privacy | None
    ) -> FairSettings:
        fair = self._config.fair
        languages = tuple(data.get("languages") or defaults.LANGUAGES)
        names = {tag: name for tag, name in data.get("names", {}).items() if name}
        return FairSettings(
            version=version,
            name=names.get(languages[0]) or next(iter(names.values()), fair.name),
            names=names,
            starts_on=_day(data.get("starts_on")),
            ends_on=_day(data.get("ends_on")),
            time_zone=data.get("time_zone") or fair.time_zone,
            languages=languages,
            sectors=rows or defaults.SECTORS,
            privacy=text or defaults.PRIVACY,
            contact=data.get("contact", ""),
        )

    async def change(self, version: int, change: FairChange) -> FairSettings:
        before = await self._read()
        if before.version != version:
            raise StaleVersion("fair")
        try:
            async with transaction(self._engine) as connection:
                await self._write(connection, version, _changed(before, change))
                if change.sectors is not None:
                    await _replace_sectors(connection, change.sectors)
        except IntegrityError:  # two first changes at once
            raise StaleVersion("fair") from None
        self._seen = None
        return await self.current()

    async def _write(self, connection: AsyncConnection, version: int, data: dict[str, Any]) -> None:
        now = self._now_ms()
        if version == 0:
            await connection.execute(
                sa.insert(fair_settings).values(id=_ROW, data=data, version=1, changed_ms=now)
            )
            return
        written = await connection.execute(
            sa.update(fair_settings)
            .where(fair_settings.c.id == _ROW, fair_settings.c.version == version)
            .values(data=data, version=version + 1, changed_ms=now)
            .returning(fair_settings.c.version)
        )
        if written.one_or_none() is None:
            raise StaleVersion("fair")

    async def publish_privacy(self, after: int, texts: Mapping[str, str]) -> Privacy:
        if (await self._read()).privacy.version != after:
            raise StaleVersion("privacy")
        made = Privacy(after + 1, dict(texts), self._now_ms())
        try:
            async with transaction(self._engine) as connection:
                await connection.execute(
                    sa.insert(privacy_texts).values(
                        version=made.version, texts=made.texts, published_ms=made.published_ms
                    )
                )
        except IntegrityError:  # another published the same version since
            raise StaleVersion("privacy") from None
        self._seen = None
        return made

    async def privacy(self, version: int) -> Privacy | None:
        if version == defaults.PRIVACY.version:
            return defaults.PRIVACY
        async with transaction(self._engine) as connection:
            row = (
                await connection.execute(
                    sa.select(privacy_texts).where(privacy_texts.c.version == version)
                )
            ).one_or_none()
        return Privacy(row.version, row.texts, row.published_ms) if row else None


def _changed(before: FairSettings, change: FairChange) -> dict[str, Any]:
    """The row's data after ``change``."""
    starts, ends = change.dates if change.dates is not None else (before.starts_on, before.ends_on)
    return {
        "names": dict(before.names if change.names is None else change.names),
        "starts_on": starts.isoformat() if starts else None,
        "ends_on": ends.isoformat() if ends else None,
        "time_zone": change.time_zone or before.time_zone,
        "languages": list(change.languages or before.languages),
        "contact": before.contact if change.contact is None else change.contact,
    }


async def _replace_sectors(connection: AsyncConnection, chosen: tuple[Sector, ...]) -> None:
    await connection.execute(sa.delete(sectors))
    rows = [
        {"slug": sector.slug, "names": dict(sector.names), "position": place}
        for place, sector in enumerate(chosen)
    ]
    await connection.execute(sa.insert(sectors), rows)
