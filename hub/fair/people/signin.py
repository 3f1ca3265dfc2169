"""Signing in: password, then the second factor of those who have one.

TOTP after RFC 6238 (30 s, six digits); a code of the step before or after counts too, and
each step once (section 5.2), held by one conditional UPDATE. Secrets are AES-256-GCM, bound
to their person.
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from typing import Final

import pyotp
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.fair.engine import transaction
from hub.fair.people.accounts import VERIFY_MS, Accounts, sign_out_all
from hub.fair.people.records import COLUMNS, email_key, hashed, record
from hub.fair.tables import people, recovery_codes
from hub.ports.people import SignIn, Totp

STEP_S: Final = 30
DRIFT: Final = (0, -1, 1)  # steps a phone's clock may be off
RECOVERY_CODES: Final = 10
_NONCE: Final = 12


class SignsIn(Accounts):
    """The signing-in half of ``hub.ports.people.People``."""

    async def sign_in(self, email: str, password: str) -> SignIn:
        async with transaction(self._engine) as connection:
            row = (
                await connection.execute(
                    sa.select(*COLUMNS, people.c.password_hash).where(
                        people.c.email_key == email_key(email)
                    )
                )
            ).one_or_none()
        stored = None if row is None or row.blocked else row.password_hash
        right, fresh = await self._passwords.check(stored, password)
        if row is None or not right:
            return SignIn("wrong")
        person = record(row)
        if fresh is not None:
            async with transaction(self._engine) as connection:
                await connection.execute(
                    sa.update(people)
                    .where(people.c.id == person.id, people.c.password_hash == stored)
                    .values(password_hash=fresh)
                )
        if person.verified_ms is None:
            async with transaction(self._engine) as connection:
                await self._mail_link(
                    connection, person, "verify", person.email or email, VERIFY_MS
                )
            return SignIn("unverified")
        return SignIn("second" if person.totp_on else "ok", person)

    async def check_password(self, person: str, password: str) -> bool:
        async with transaction(self._engine) as connection:
            stored = (
                await connection.execute(
                    sa.select(people.c.password_hash).where(people.c.id == person)
                )
            ).scalar_one_or_none()
        return (await self._passwords.check(stored, password))[0]

    async def change_password(self, person: str, password: str, keep: str) -> None:
        fresh = await self._passwords.hash(password)
        now = self._now_ms()
        async with transaction(self._engine) as connection:
            await connection.execute(
                sa.update(people)
                .where(people.c.id == person, people.c.erased_ms.is_(None))
                .values(password_hash=fresh, changed_ms=now, version=people.c.version + 1)
            )
            await sign_out_all(connection, person, now, keep)

    # --- the second factor ---

    async def begin_totp(self, person: str, issuer: str) -> Totp | None:
        secret = pyotp.random_base32()
        async with transaction(self._engine) as connection:
            label = (
                await connection.execute(
                    sa.update(people)
                    .where(people.c.id == person, people.c.totp_on.is_(False))
                    .values(totp_cipher=self._seal(person, secret), totp_step=0)
                    .returning(people.c.email)
                )
            ).scalar_one_or_none()
        return None if label is None else _totp(secret, label, issuer)

    async def pending_totp(self, person: str, issuer: str) -> Totp | None:
        async with transaction(self._engine) as connection:
            row = (
                await connection.execute(
                    sa.select(people.c.totp_cipher, people.c.email).where(
                        people.c.id == person, people.c.totp_on.is_(False)
                    )
                )
            ).one_or_none()
        secret = None if row is None else self._open(person, row.totp_cipher)
        return None if secret is None or row is None else _totp(secret, row.email, issuer)

    async def confirm_totp(self, person: str, code: str) -> tuple[str, ...] | None:
        step = await self._step_of(person, code, on=False)
        if step is None:
            return None
        codes = tuple(_recovery_code() for _ in range(RECOVERY_CODES))
        async with transaction(self._engine) as connection:
            done = await connection.execute(
                sa.update(people)
                .where(people.c.id == person, people.c.totp_on.is_(False))
                .values(totp_on=True, totp_step=step, version=people.c.version + 1)
                .returning(people.c.id)
            )
            if done.one_or_none() is None:
                return None
            await connection.execute(
                sa.delete(recovery_codes).where(recovery_codes.c.person == person)
            )
            await connection.execute(
                sa.insert(recovery_codes),
                [{"code_hash": _recovery_hash(person, code), "person": person} for code in codes],
            )
        return codes

    async def second(self, person: str, code: str) -> bool:
        step = await self._step_of(person, code, on=True)
        async with transaction(self._engine) as connection:
            if step is not None:
                used = await connection.execute(
                    sa.update(people)
                    .where(
                        people.c.id == person, people.c.totp_on.is_(True),
                        people.c.totp_step < step,
                    )
                    .values(totp_step=step)
                    .returning(people.c.id)
                )  # fmt: skip
            else:
                used = await connection.execute(
                    sa.update(recovery_codes)
                    .where(
                        recovery_codes.c.code_hash == _recovery_hash(person, code),
                        recovery_codes.c.person == person,
                        recovery_codes.c.used_ms.is_(None),
                    )
                    .values(used_ms=self._now_ms())
                    .returning(recovery_codes.c.person)
                )
            return used.one_or_none() is not None

    async def end_totp(self, person: str) -> None:
        async with transaction(self._engine) as connection:
            await connection.execute(
                sa.update(people)
                .where(people.c.id == person)
                .values(totp_on=False, totp_cipher=None, totp_step=0, version=people.c.version + 1)
            )
            await connection.execute(
                sa.delete(recovery_codes).where(recovery_codes.c.person == person)
            )

    async def _step_of(self, person: str, code: str, on: bool) -> int | None:
        """The step whose code this is; None for no code of this time."""
        async with transaction(self._engine) as connection:
            cipher = (
                await connection.execute(
                    sa.select(people.c.totp_cipher).where(
                        people.c.id == person, people.c.totp_on.is_(on)
                    )
                )
            ).scalar_one_or_none()
        secret = self._open(person, cipher)
        if secret is None:
            return None
        given = "".join(code.split())
        now = self._now_ms() // 1000
        for drift in DRIFT:
            at = now + drift * STEP_S
            right = pyotp.TOTP(secret).at(at)
            if hmac.compare_digest(right.encode(), given.encode(errors="replace")):
                return at // STEP_S
        return None

    def _seal(self, person: str, secret: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(self._keys.vault).encrypt(nonce, secret.encode(), person.encode())

    def _open(self, person: str, cipher: bytes | None) -> str | None:
        if not cipher:
            return None
        try:
            plain = AESGCM(self._keys.vault).decrypt(
                cipher[:_NONCE], cipher[_NONCE:], person.encode()
            )
        except InvalidTag:  # another installation's key: as if there were none
            return None
        return plain.decode()


def _totp(secret: str, email: str | None, issuer: str) -> Totp:
    uri = pyotp.TOTP(secret).provisioning_uri(name=email or "", issuer_name=issuer)
    return Totp(secret, uri)


def _recovery_code() -> str:
    """80 random bits in base 32, in four groups that a person can copy."""
    text = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, 16, 4))


def _recovery_hash(person: str, code: str) -> str:
    plain = "".join(char for char in code.lower() if char.isalnum())
    return hashed(f"{person}:{plain}")
