"""One archive of the whole database, read in one snapshot while the fair runs; and back again.

The archive is a zip: ``tables/<name>.jsonl``, one row a line as a list, and ``manifest.json``
with the schema's revision, the columns, and of each part the number of rows and the SHA-256.
It fits either database: a fair may move from SQLite to PostgreSQL by it. SQLite gives the
snapshot by a read transaction in WAL mode, PostgreSQL by REPEATABLE READ; writers go on.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import time
import zipfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any, Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.fair.engine import make_engine

FORMAT: Final = 1
_BATCH: Final = 500
_LINE_MAX: Final = 200 * 1024 * 1024
_NOT_DATA: Final = ("alembic_version", "sqlite_", "fts_")  # FTS tables are kept by triggers
_MANIFEST: Final = "manifest.json"


class BadArchive(ValueError):
    """It is no archive of ours, or was changed or cut off since it was written."""


class NotEmpty(RuntimeError):
    """The database to restore into has rows already, or another schema."""


# --- what both directions need -------------------------------------------------------------


def _reflect(connection: sa.Connection) -> sa.MetaData:
    found = sa.MetaData()

    def wanted(name: str, _found: object) -> bool:
        return not name.startswith(_NOT_DATA)

    found.reflect(connection, only=wanted)
    return found


def _terms(column: sa.Column[Any]) -> bool:
    """Words of the search: a tsvector on PostgreSQL, words with blanks on SQLite."""
    return str(column.table.name).startswith("search_") and column.name not in {"no", "id"}


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


@asynccontextmanager
async def _snapshot(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection whose every read sees the same moment."""
    async with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # The driver begins a transaction only when something is written.
            await connection.exec_driver_sql("BEGIN")
            await connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
        else:
            await connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        yield connection
        await connection.rollback()


# --- out ------------------------------------------------------------------------------------


def _selected(table: sa.Table, dialect: str) -> sa.Select[Any]:
    columns: list[Any] = []
    for column in table.columns:
        if dialect == "postgresql" and _terms(column):
            words = sa.func.array_to_string(sa.func.tsvector_to_array(column), " ")
            columns.append(words.label(column.name))
        else:
            columns.append(column)
    return sa.select(*columns).order_by(*table.primary_key.columns)


def _encoded(value: Any) -> Any:
    return {"$b": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


async def _write_table(
    connection: AsyncConnection, table: sa.Table, part: IO[bytes]
) -> tuple[int, str]:
    """(rows, SHA-256 of the part)."""
    digest, rows = hashlib.sha256(), 0
    wanted = _selected(table, connection.dialect.name)
    result = await connection.stream(wanted.execution_options(yield_per=_BATCH))
    async for batch in result.partitions(_BATCH):
        lines = "".join(
            json.dumps([_encoded(value) for value in row], ensure_ascii=False) + "\n"
            for row in batch
        ).encode("utf-8", "surrogatepass")
        digest.update(lines)
        rows += len(batch)
        await asyncio.to_thread(part.write, lines)
    return rows, digest.hexdigest()


async def back_up(url: str, target: Path, secrets: Path | None = None) -> dict[str, int]:
    """Write the archive; rows by table. ``secrets``: a directory whose files go in too.

    The file appears, mode 0600, only when it is whole. Raises OSError, SQLAlchemyError.
    """
    engine = make_engine(url)
    part_file = target.with_name(f".{target.name}.{os.getpid()}.part")
    descriptor = os.open(part_file, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as raw:
            with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
                parts = await _write_all(engine, archive, secrets)
            raw.flush()
            os.fsync(raw.fileno())
        part_file.replace(target)
    finally:
        part_file.unlink(missing_ok=True)
        await engine.dispose()
    return {name: part["rows"] for name, part in parts.items()}


def _secrets(directory: Path | None) -> Iterator[tuple[str, bytes]]:
    for file in sorted(directory.iterdir()) if directory is not None else ():
        if file.is_file():
            yield file.name, file.read_bytes()


async def _write_all(
    engine: AsyncEngine, archive: zipfile.ZipFile, secrets: Path | None
) -> dict[str, dict[str, Any]]:
    parts: dict[str, dict[str, Any]] = {}
    async with _snapshot(engine) as connection:
        revision = await connection.run_sync(_revision)
        tables = await connection.run_sync(_reflect)
        for table in tables.sorted_tables:
            with archive.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as part:
                rows, digest = await _write_table(connection, table, part)
            columns = [column.name for column in table.columns]
            parts[table.name] = {"rows": rows, "sha256": digest, "columns": columns}
    kept = {}
    for name, body in _secrets(secrets):
        archive.writestr(f"secrets/{name}", body)
        kept[name] = hashlib.sha256(body).hexdigest()
    manifest = {
        "format": FORMAT, "revision": revision, "made_ms": time.time_ns() // 1_000_000,
        "tables": parts, "secrets": kept,
    }  # fmt: skip
    archive.writestr(_MANIFEST, json.dumps(manifest, indent=1))
    return parts


# --- in -------------------------------------------------------------------------------------


def read_manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    """The manifest, after every part was held against it. Raises BadArchive."""
    try:
        manifest: dict[str, Any] = json.loads(archive.read(_MANIFEST))
        if manifest["format"] != FORMAT:
            raise BadArchive(f"format {manifest['format']} is not known to this release")
        wanted = {f"tables/{name}.jsonl": part["sha256"]
                  for name, part in manifest["tables"].items()}  # fmt: skip
        wanted |= {f"secrets/{name}": digest for name, digest in manifest["secrets"].items()}
        if set(archive.namelist()) != {*wanted, _MANIFEST}:
            raise BadArchive("parts are missing, or there are others")
        for name, digest in wanted.items():
            found = hashlib.sha256()
            with archive.open(name) as part:
                while piece := part.read(1024 * 1024):
                    found.update(piece)
            if found.hexdigest() != digest:
                raise BadArchive(f"{name} is not as it was written")
    except (KeyError, TypeError, AttributeError, ValueError, zipfile.BadZipFile, EOFError) as bad:
        raise BadArchive(str(bad) or type(bad).__name__) from None
    return manifest


def _rows(archive: zipfile.ZipFile, name: str) -> Iterator[list[Any]]:
    with archive.open(f"tables/{name}.jsonl") as part:
        while line := part.readline(_LINE_MAX):
            yield [
                base64.b64decode(value["$b"]) if _is_bytes(value) else value
                for value in json.loads(line.decode("utf-8", "surrogatepass"))
            ]


def _is_bytes(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"$b"}


def _upgrade(connection: sa.Connection, revision: str) -> None:
    config = AlembicConfig()
    here = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(here).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


async def _prepare(connection: AsyncConnection, revision: str) -> sa.MetaData:
    """The schema of the archive, without a row. Raises NotEmpty."""
    there = await connection.run_sync(_revision)
    if there is None:
        if (await connection.run_sync(_reflect)).tables:
            raise NotEmpty("the database has tables of something else")
        await connection.run_sync(_upgrade, revision)
    elif there != revision:
        raise NotEmpty(f"the database has schema {there}, the archive {revision}")
    tables = await connection.run_sync(_reflect)
    for table in tables.sorted_tables:
        if (await connection.execute(sa.select(table).limit(1))).first() is not None:
            raise NotEmpty(f"the table {table.name} has rows")
    return tables


def _insert(table: sa.Table, names: Sequence[str], dialect: str) -> sa.Insert:
    values: dict[str, Any] = {}
    for name in names:
        column = table.c[name]
        if dialect == "postgresql" and _terms(column):
            words = sa.func.string_to_array(sa.bindparam(name, type_=sa.Text), " ")
            values[name] = sa.func.array_to_tsvector(words)
        else:
            values[name] = sa.bindparam(name, type_=column.type)
    return sa.insert(table).values(values)


async def _fill(
    connection: AsyncConnection, table: sa.Table, names: Sequence[str], archive: zipfile.ZipFile
) -> int:
    statement = _insert(table, names, connection.dialect.name)
    batch: list[dict[str, Any]] = []
    done = 0
    for row in _rows(archive, str(table.name)):
        batch.append(dict(zip(names, row, strict=True)))
        if len(batch) == _BATCH:
            await connection.execute(statement, batch)
            done += len(batch)
            batch = []
    if batch:
        await connection.execute(statement, batch)
    return done + len(batch)


async def _count_on(connection: AsyncConnection, table: sa.Table) -> None:
    """Numbers the database gives out go on behind those that are there."""
    if connection.dialect.name != "postgresql":
        return
    for column in table.primary_key.columns:
        if isinstance(column.type, sa.Integer):
            await connection.execute(
                sa.text(
                    "SELECT setval(pg_get_serial_sequence(:t, :c), m) FROM "
                    f'(SELECT max("{column.name}") AS m FROM "{table.name}") q '
                    "WHERE m IS NOT NULL AND pg_get_serial_sequence(:t, :c) IS NOT NULL"
                ),
                {"t": table.name, "c": column.name},
            )


async def restore(url: str, source: Path, secrets: Path | None = None) -> dict[str, int]:
    """Fill an empty database from an archive, all or nothing; rows by table.

    ``secrets``: where the archive's go, when it has some and the directory none. The schema is
    brought to the newest afterwards. Raises BadArchive, NotEmpty, OSError, SQLAlchemyError.
    """
    engine = make_engine(url)
    try:
        with zipfile.ZipFile(source) as archive:
            manifest = await asyncio.to_thread(read_manifest, archive)
            if secrets is not None and manifest["secrets"] and _has_files(secrets):
                raise NotEmpty(f"{secrets} has files")
            done = {}
            async with engine.begin() as connection:
                tables = await _prepare(connection, manifest["revision"])
                for table in tables.sorted_tables:
                    part = manifest["tables"].get(str(table.name))
                    if part is not None:
                        done[str(table.name)] = await _fill(
                            connection, table, part["columns"], archive
                        )
                        await _count_on(connection, table)
                await connection.run_sync(_upgrade, "head")
            if secrets is not None:
                await asyncio.to_thread(_put_secrets, archive, manifest["secrets"], secrets)
            return done
    except zipfile.BadZipFile as bad:
        raise BadArchive(str(bad)) from None
    finally:
        await engine.dispose()


def _has_files(directory: Path) -> bool:
    return directory.is_dir() and any(directory.iterdir())


def _put_secrets(archive: zipfile.ZipFile, names: Sequence[str], directory: Path) -> None:
    if not names:
        return
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in names:
        if Path(name).name != name:
            raise BadArchive(f"{name} is no file name")
        descriptor = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(archive.read(f"secrets/{name}"))
