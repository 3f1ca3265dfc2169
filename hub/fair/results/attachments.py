"""Attachments of results: judged by their content, pictures without metadata, sealed with
AES-256-GCM.

The key is derived from the vault's; what is sealed is bound to its result, so that a row moved
elsewhere does not open.
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

from hub.fair.base import FairKeys
from hub.fair.companies import uploads
from hub.fair.tables import result_files
from hub.fair.talks import content
from hub.ports.companies import BadUpload
from hub.ports.results import ATTACHMENT_MAX, Attachment, ResultRefused, Upload
from hub.ports.talks import TalkRefused

_NONCE: Final = 12
#: Checking and sealing 10 MB take a moment: not the loop's, and of two threads at most.
_POOL: Final = ThreadPoolExecutor(2, thread_name_prefix="result-file")


def is_taken(content_type: str) -> bool:
    return content_type == "application/pdf" or content_type.startswith("image/")


def _cipher(keys: FairKeys) -> AESGCM:
    return AESGCM(hmac.digest(keys.vault, b"pavilion result attachment", hashlib.sha256))


def _prepared(keys: FairKeys, id: str, upload: Upload) -> tuple[Attachment, bytes]:
    filename, content_type = content.judge(upload.filename, upload.body)
    if not is_taken(content_type):
        raise ResultRefused("bad_file")
    try:
        body = uploads.bare(content_type, upload.body)  # what is published tells no places
    except BadUpload:
        raise ResultRefused("bad_file") from None
    nonce = secrets.token_bytes(_NONCE)
    sealed = nonce + _cipher(keys).encrypt(nonce, body, id.encode())
    sha256 = hashlib.sha256(body).hexdigest()
    return Attachment(filename, content_type, len(body), sha256), sealed


async def prepare(keys: FairKeys, id: str, upload: Upload) -> tuple[Attachment, bytes]:
    """What it is, and its sealed bytes. Raises ResultRefused: too_large, bad_file."""
    if len(upload.body) > ATTACHMENT_MAX:
        raise ResultRefused("too_large")
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(_POOL, _prepared, keys, id, upload)
    except TalkRefused:
        raise ResultRefused("bad_file") from None


async def keep(connection: AsyncConnection, id: str, sealed: bytes | None) -> None:
    """In place of what there was; None: nothing."""
    await connection.execute(sa.delete(result_files).where(result_files.c.result == id))
    if sealed is not None:
        await connection.execute(sa.insert(result_files).values(result=id, body=sealed))


async def opened(keys: FairKeys, connection: AsyncConnection, id: str) -> bytes | None:
    query = sa.select(result_files.c.body).where(result_files.c.result == id)
    sealed = (await connection.execute(query)).scalar_one_or_none()
    if sealed is None:
        return None
    loop = asyncio.get_running_loop()
    cipher = _cipher(keys)
    return await loop.run_in_executor(
        _POOL, cipher.decrypt, sealed[:_NONCE], sealed[_NONCE:], id.encode()
    )
