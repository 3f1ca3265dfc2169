"""Files and notes of a talk: sealed with AES-256-GCM, so that a copy of the database reads none.

The key is derived from the vault's; what is sealed is bound to its room and name, so that a row
moved elsewhere does not open.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.engine import transaction
from hub.fair.tables import talk_files, talk_notes, talks
from hub.fair.talks import content
from hub.fair.talks.invites import Invites
from hub.fair.talks.rows import hold, insert_into, new_id
from hub.ports.talks import (
    FILE_BYTES_MAX,
    FILES_BYTES_MAX,
    FILES_MAX,
    KEPT_MS,
    NOTES_MAX,
    TalkFile,
    TalkRefused,
)

_NONCE: Final = 12
_NOTES: Final = "notes"
#: Checking and sealing 20 MB take a moment: not the loop's, and of two threads at most.
_POOL: Final = ThreadPoolExecutor(2, thread_name_prefix="talk-file")
_COLUMNS: Final = (
    talk_files.c.id, talk_files.c.room, talk_files.c.filename, talk_files.c.content_type,
    talk_files.c.size, talk_files.c.by, talk_files.c.created_ms,
)  # fmt: skip


class Keeping(Invites):
    """Files and notes, as ``hub.ports.talks.Talks`` has them."""

    def _cipher(self) -> AESGCM:
        return AESGCM(hmac.digest(self._keys.vault, b"pavilion talk content", hashlib.sha256))

    def _seal(self, body: bytes, room: str, name: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher().encrypt(nonce, body, f"{room}/{name}".encode())

    def _open(self, sealed: bytes, room: str, name: str) -> bytes:
        aad = f"{room}/{name}".encode()
        return self._cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], aad)

    # --- files ---

    async def keep_file(self, room: str, filename: str, body: bytes, by: str) -> TalkFile:
        if len(body) > FILE_BYTES_MAX:
            raise TalkRefused("too_large")
        file, loop = new_id(), asyncio.get_running_loop()

        def prepare() -> tuple[str, str, bytes]:
            return (*content.judge(filename, body), self._seal(body, room, file))

        name, content_type, sealed = await loop.run_in_executor(_POOL, prepare)
        kept = TalkFile(file, room, name, content_type, len(body), by, self._now_ms())
        async with transaction(self._engine) as connection:
            await hold(connection, room)
            await _need_space(connection, room, len(body))
            values = {column.name: getattr(kept, column.name) for column in _COLUMNS}
            await connection.execute(sa.insert(talk_files).values(body=sealed, **values))
        return kept

    async def files(self, room: str) -> tuple[TalkFile, ...]:
        f = talk_files.c
        query = (
            sa.select(*_COLUMNS)
            .where(f.room == room, f.removed_ms.is_(None))
            .order_by(f.created_ms, f.id)
            .limit(FILES_MAX)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(TalkFile(*row) for row in rows)

    async def file(self, room: str, file: str) -> tuple[TalkFile, bytes] | None:
        f = talk_files.c
        query = sa.select(*_COLUMNS, f.body).where(
            f.room == room, f.id == file, f.removed_ms.is_(None)
        )
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        loop = asyncio.get_running_loop()
        body = await loop.run_in_executor(_POOL, self._open, row.body, room, file)
        return TalkFile(*row[:-1]), body

    async def remove_file(self, room: str, file: str, by: str) -> bool:
        f = talk_files.c
        gone = (
            sa.update(talk_files)
            .where(f.room == room, f.id == file, f.removed_ms.is_(None))
            .values(removed_ms=self._now_ms(), body=b"")
            .returning(f.id)
        )
        async with transaction(self._engine) as connection:
            return (await connection.execute(gone)).one_or_none() is not None

    # --- notes ---

    async def notes(self, room: str) -> tuple[int, str]:
        n = talk_notes.c
        query = sa.select(n.rev, n.body).where(n.room == room)
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return (0, "") if row is None else (row.rev, self._open(row.body, room, _NOTES).decode())

    async def keep_notes(self, room: str, rev: int, text: str) -> None:
        if len(text) > NOTES_MAX:
            raise TalkRefused("too_large")
        sealed, n = self._seal(text.encode(), room, _NOTES), talk_notes.c
        values = {"rev": rev, "body": sealed, "changed_ms": self._now_ms()}
        async with transaction(self._engine) as connection:
            # A room opened by hand is no talk: its notes live as long as the room.
            known = sa.select(talks.c.room).where(talks.c.room == room)
            if (await connection.execute(known)).one_or_none() is None:
                return
            await connection.execute(
                insert_into(connection, talk_notes)
                .values(room=room, **values)
                .on_conflict_do_update(
                    index_elements=["room"], set_=values, where=n.rev < values["rev"]
                )
            )

    async def forget_old(self, limit: int) -> int:
        """Files and notes of talks that ended longer than KEPT_MS ago; how many talks."""
        old = talks.c.ended_ms <= self._now_ms() - KEPT_MS
        f, n = talk_files.c, talk_notes.c
        has = sa.exists().where(f.room == talks.c.room) | sa.exists().where(n.room == talks.c.room)
        query = sa.select(talks.c.room).where(old, has).order_by(talks.c.ended_ms).limit(limit)
        async with transaction(self._engine) as connection:
            gone = tuple((await connection.execute(query)).scalars())
            await connection.execute(sa.delete(talk_files).where(f.room.in_(gone)))
            await connection.execute(sa.delete(talk_notes).where(n.room.in_(gone)))
        return len(gone)


async def _need_space(connection: AsyncConnection, room: str, size: int) -> None:
    """Called while the talk is held. Raises TalkRefused: too_many, too_large."""
    f = talk_files.c
    summed = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(f.size), 0)).where(
        f.room == room, f.removed_ms.is_(None)
    )
    count, total = (await connection.execute(summed)).one()
    if count >= FILES_MAX:
        raise TalkRefused("too_many")
    if int(total) + size > FILES_BYTES_MAX:
        raise TalkRefused("too_large")
