"""A company, its pictures and files, written."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair import search
from hub.fair.appointments.leaving import forget_company
from hub.fair.companies import uploads
from hub.fair.companies.directory import CompanyDirectory
from hub.fair.companies.rows import entry_of, record_of, row_of
from hub.fair.engine import transaction
from hub.fair.tables import blobs, companies, company_files
from hub.ports import StaleVersion
from hub.ports.companies import (
    FILES_MAX,
    BadUpload,
    Blob,
    Company,
    CompanyDraft,
    CompanyExists,
    StoredFile,
)

_FILE_COLUMNS: Final = (
    company_files.c.id,
    company_files.c.title,
    company_files.c.filename,
    blobs.c.content_type,
    blobs.c.size,
    blobs.c.hash,
)


def insert_into(connection: AsyncConnection, table: sa.Table) -> Any:
    """An INSERT that knows ON CONFLICT, in the words of the connection's database."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


async def lock(connection: AsyncConnection, company: str) -> bool:
    """Let changes that count something of one company happen one after another, until the
    transaction ends; False when there is no such company."""
    c = companies.c
    held = sa.update(companies).where(c.slug == company).values(slug=c.slug).returning(c.slug)
    return (await connection.execute(held)).one_or_none() is not None


class CompanyEditing(CompanyDirectory):
    """The writing half of the Companies port, without staff."""

    async def create(self, draft: CompanyDraft) -> Company:
        now = self._now_ms()
        made = (
            sa.insert(companies)
            .values(**row_of(draft), created_ms=now, changed_ms=now, version=1)
            .returning(companies)
        )
        try:
            async with transaction(self._engine) as connection:
                row = (await connection.execute(made)).one()
                await search.index(connection, "company", [entry_of(draft)])
        except IntegrityError:
            raise CompanyExists(draft.slug) from None
        self._touched()
        return record_of(row)

    async def change(self, version: int, draft: CompanyDraft) -> Company:
        values = row_of(draft)
        slug = values.pop("slug")
        change = (
            sa.update(companies)
            .where(companies.c.slug == slug, companies.c.version == version)
            .values(**values, version=version + 1, changed_ms=self._now_ms())
            .returning(companies)
        )
        try:
            async with transaction(self._engine) as connection:
                row = (await connection.execute(change)).one_or_none()
                if row is not None:
                    await search.index(connection, "company", [entry_of(draft)])
        except IntegrityError:
            raise CompanyExists(slug) from None
        if row is not None:
            self._touched()
            return record_of(row)
        if await self.get(slug) is None:
            raise LookupError(slug)
        raise StaleVersion(slug)

    async def delete(self, company: str) -> bool:
        async with transaction(self._engine) as connection:
            files = sa.select(company_files.c.blob).where(company_files.c.company == company)
            left = list((await connection.execute(files)).scalars())
            await forget_company(connection, company, self._now_ms())
            gone = (
                sa.delete(companies)
                .where(companies.c.slug == company)
                .returning(companies.c.logo, companies.c.logo_small)
            )
            row = (await connection.execute(gone)).one_or_none()
            if row is None:
                return False
            await search.unindex(connection, "company", [company])
            await self._drop_blobs(connection, *left, *row)
        self._touched()
        return True

    # --- pictures and files ---

    async def _keep(self, connection: AsyncConnection, content_type: str, body: bytes) -> str:
        digest = hashlib.sha256(body).hexdigest()
        await connection.execute(
            insert_into(connection, blobs)
            .values(
                hash=digest, content_type=content_type, size=len(body), body=body,
                created_ms=self._now_ms(),
            )
            .on_conflict_do_nothing()
        )  # fmt: skip
        return digest

    async def _drop_blobs(self, connection: AsyncConnection, *hashes: str | None) -> None:
        """Those nothing names any more."""
        wanted = [one for one in hashes if one]
        if not wanted:
            return
        c = companies.c
        used = sa.or_(
            sa.exists().where(c.logo == blobs.c.hash),
            sa.exists().where(c.logo_small == blobs.c.hash),
            sa.exists().where(company_files.c.blob == blobs.c.hash),
        )
        await connection.execute(sa.delete(blobs).where(blobs.c.hash.in_(wanted), ~used))

    async def set_logo(self, company: str, raw: bytes | None) -> Company:
        pictures = None if raw is None else await uploads.logo(raw)
        async with transaction(self._engine) as connection:
            was = (
                await connection.execute(
                    sa.select(companies.c.logo, companies.c.logo_small).where(
                        companies.c.slug == company
                    )
                )
            ).one_or_none()
            if was is None:
                raise LookupError(company)
            large = small = None
            if pictures is not None:
                large = await self._keep(connection, uploads.PICTURE_TYPE, pictures[0])
                small = await self._keep(connection, uploads.PICTURE_TYPE, pictures[1])
            change = (
                sa.update(companies)
                .where(companies.c.slug == company)
                .values(
                    logo=large,
                    logo_small=small,
                    version=companies.c.version + 1,
                    changed_ms=self._now_ms(),
                )
                .returning(companies)
            )
            row = (await connection.execute(change)).one_or_none()
            if row is None:
                raise LookupError(company)
            await self._drop_blobs(connection, *was)
        return record_of(row)

    async def add_file(self, company: str, title: str, filename: str, raw: bytes) -> StoredFile:
        kind, kept = await uploads.download(raw)
        safe = uploads.safe_filename(filename, kind)
        added = secrets.token_hex(8)
        async with transaction(self._engine) as connection:
            if not await lock(connection, company):
                raise LookupError(company)
            count = sa.select(sa.func.count()).where(company_files.c.company == company)
            if (await connection.execute(count)).scalar_one() >= FILES_MAX:
                raise BadUpload("too_many")
            digest = await self._keep(connection, kind.content_type, kept)
            await connection.execute(
                sa.insert(company_files).values(
                    id=added, company=company, title=title, filename=safe, blob=digest,
                    created_ms=self._now_ms(),
                )
            )  # fmt: skip
        return StoredFile(added, title, safe, kind.content_type, len(kept), digest)

    async def remove_file(self, company: str, file: str) -> bool:
        gone = (
            sa.delete(company_files)
            .where(company_files.c.company == company, company_files.c.id == file)
            .returning(company_files.c.blob)
        )
        async with transaction(self._engine) as connection:
            digest = (await connection.execute(gone)).scalar_one_or_none()
            await self._drop_blobs(connection, digest)
        return digest is not None

    async def files(self, company: str) -> tuple[StoredFile, ...]:
        query = (
            sa.select(*_FILE_COLUMNS)
            .join(blobs, blobs.c.hash == company_files.c.blob)
            .where(company_files.c.company == company)
            .order_by(company_files.c.created_ms, company_files.c.id)
            .limit(FILES_MAX)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(StoredFile(*row) for row in rows)

    async def blob(self, hash: str) -> Blob | None:
        query = sa.select(blobs.c.content_type, blobs.c.body).where(blobs.c.hash == hash)
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else Blob(row.content_type, bytes(row.body))
