"""Outgoing mail on SQL: written in the transaction that gives the reason, sent by a job.

Without an SMTP server the mails stay where they are: the organiser's page shows them. A hub
takes mails by moving ``due_ms`` a lease ahead in one statement, so no two send the same; a
hub that dies leaves them due again. Texts are ``templates/mail/<language>/<kind>.txt``, the
subject in the first line; plain text, nothing that tracks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, formatdate, make_msgid
from functools import cache
from typing import Any, Final

import aiosmtplib
import jinja2
import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.assets import templates_dir
from hub.config import Mail
from hub.fair.base import Part
from hub.fair.engine import transaction
from hub.fair.tables import email_tokens, mails
from hub.ports.people import MailRow

log = structlog.get_logger(__name__)

LANGUAGES: Final = ("en", "zh-Hans")  # the first when a mail's language has no texts
LEASE_MS: Final = 120_000  # longer than a batch may take: BATCH x TIMEOUT at the worst
BATCH: Final = 20
AT_ONCE: Final = 4
TIMEOUT_S: Final = 20.0
#: Waits after the first, second, … failure; after the last the mail is given up (two days).
BACK_OFF_S: Final = (60, 300, 1_800, 7_200, 21_600, 43_200, 86_400)
PAGE_MAX: Final = 200
DAY_MS: Final = 24 * 3_600_000
KEPT_MS: Final = 30 * DAY_MS
_SUBJECT_MAX: Final = 200


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_dir() / "mail"),
        autoescape=False,  # plain text
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )


def compose(kind: str, language: str, values: Mapping[str, str]) -> tuple[str, str]:
    """(subject, text) of a mail. Raises jinja2.TemplateNotFound for an unknown kind."""
    folder = language if language in LANGUAGES else LANGUAGES[0]
    # A value fills one line: nothing of it can begin a header or a paragraph of its own.
    plain = {name: " ".join(value.split()) for name, value in values.items()}
    text = _templates().get_template(f"{folder}/{kind}.txt").render(plain)
    subject, _, body = text.partition("\n")
    return subject.strip()[:_SUBJECT_MAX], body.lstrip("\n")


async def write_mail(
    connection: AsyncConnection, now_ms: int, address: str, kind: str, language: str,
    values: Mapping[str, str], person: str | None = None,
) -> None:  # fmt: skip
    """Put a mail into the outbox, in the caller's transaction."""
    subject, text = compose(kind, language, values)
    await connection.execute(
        sa.insert(mails).values(
            person=person, address=address, kind=kind, subject=subject, text=text,
            created_ms=now_ms, due_ms=now_ms, attempts=0,
        )
    )  # fmt: skip


def message_of(mail: MailRow, config: Mail, public_url: str) -> EmailMessage:
    """The mail as RFC 5322 has it; ``EmailMessage`` refuses line breaks in headers."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = mail.subject
    message["From"] = config.sender
    message["To"] = formataddr(("", mail.address))
    message["Date"] = formatdate(mail.created_ms / 1000, usegmt=True)
    domain = config.sender.rpartition("@")[2].strip("> ") or "localhost"
    message["Message-ID"] = make_msgid(str(mail.id), domain=domain)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notes, please
    message.set_content(mail.text)
    return message


class SqlMails(Part):
    """Implements ``hub.ports.people.Mails``."""

    @property
    def sends(self) -> bool:
        return bool(self._config.mail.host)

    async def queue(
        self, address: str, kind: str, language: str, values: Mapping[str, str],
        person: str | None = None,
    ) -> None:  # fmt: skip
        given = {"fair": self._config.fair.name, "url": self._config.public_url, **values}
        async with transaction(self._engine) as connection:
            await write_mail(connection, self._now_ms(), address, kind, language, given, person)

    async def outbox(
        self, cursor: str | None, limit: int
    ) -> tuple[tuple[MailRow, ...], str | None]:
        limit = max(1, min(limit, PAGE_MAX))
        query = sa.select(mails).order_by(mails.c.id.desc()).limit(limit + 1)
        if cursor is not None:
            if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
                raise ValueError("cursor")
            query = query.where(mails.c.id < int(cursor))
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        found = tuple(_row(row) for row in rows[:limit])
        return found, str(found[-1].id) if len(rows) > limit else None

    async def send_again(self, mail: int) -> bool:
        again = (
            sa.update(mails)
            .where(mails.c.id == mail, mails.c.sent_ms.is_(None))
            .values(due_ms=self._now_ms(), attempts=0, failed=None)
        )
        async with transaction(self._engine) as connection:
            return bool((await connection.execute(again)).rowcount)

    async def send_due(self) -> int:
        """At most BATCH at a time, AT_ONCE side by side; how many went out."""
        if not self.sends:
            return 0
        taken = await self._take()
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(mail: MailRow) -> bool:
            async with gate:
                return await self._send(mail)

        return sum(await asyncio.gather(*(one(mail) for mail in taken)))

    async def tidy(self) -> None:
        """Forget mails sent KEPT_MS ago and links that have expired a day ago."""
        now = self._now_ms()
        async with transaction(self._engine) as connection:
            await connection.execute(sa.delete(mails).where(mails.c.sent_ms < now - KEPT_MS))
            await connection.execute(
                sa.delete(email_tokens).where(email_tokens.c.expires_ms < now - DAY_MS)
            )

    async def _take(self) -> tuple[MailRow, ...]:
        now = self._now_ms()
        waiting = (mails.c.due_ms <= now, mails.c.sent_ms.is_(None), mails.c.failed.is_(None))
        due = sa.select(mails.c.id).where(*waiting).order_by(mails.c.due_ms).limit(BATCH)
        async with transaction(self._engine) as connection:
            if (await connection.execute(due.limit(1))).one_or_none() is None:
                return ()  # most often: without a write
            rows = await connection.execute(
                sa.update(mails)
                # ``waiting`` again: of two hubs that saw the same row the second finds it moved.
                .where(mails.c.id.in_(due), *waiting)
                .values(due_ms=now + LEASE_MS, attempts=mails.c.attempts + 1)
                .returning(mails)
            )
            return tuple(_row(row) for row in rows)

    async def _send(self, mail: MailRow) -> bool:
        config = self._config.mail
        why = None
        try:
            await aiosmtplib.send(
                message_of(mail, config, self._config.public_url),
                hostname=config.host, port=config.port,
                username=config.user or None,
                password=config.password.get_secret_value() or None,
                use_tls=config.security == "tls",
                start_tls=config.security == "starttls",
                timeout=TIMEOUT_S,
            )  # fmt: skip
        except aiosmtplib.SMTPRecipientsRefused as fault:
            codes = {refused.code for refused in fault.recipients}
            why = (f"refused: {sorted(codes)}", all(code >= 500 for code in codes))
        except aiosmtplib.SMTPResponseException as fault:
            why = (f"{fault.code} {fault.message}", 500 <= fault.code < 600)
        except (aiosmtplib.SMTPException, OSError, ValueError, UnicodeError) as fault:
            why = (f"{type(fault).__name__}: {fault}", isinstance(fault, ValueError))
        await self._note(mail, why)
        return why is None

    async def _note(self, mail: MailRow, why: tuple[str, bool] | None) -> None:
        """What came of it. A permanent refusal (5xx) is not tried again."""
        now = self._now_ms()
        values: dict[str, Any]
        if why is None:
            # What was sent is in the recipient's hands; its links stay out of backups.
            values = {"sent_ms": now, "text": ""}
        else:
            reason, final = why
            final = final or mail.attempts > len(BACK_OFF_S)
            log.warning(
                "mail not sent", mail=mail.id, kind=mail.kind, why=reason[:200], final=final
            )
            values = (
                {"failed": reason[:300]}
                if final
                else {"due_ms": now + BACK_OFF_S[mail.attempts - 1] * 1000}
            )
        async with transaction(self._engine) as connection:
            await connection.execute(
                sa.update(mails)
                .where(mails.c.id == mail.id, mails.c.attempts == mail.attempts)
                .values(**values)
            )


def _row(row: Any) -> MailRow:
    return MailRow(
        **{name: getattr(row, name) for name in MailRow.__dataclass_fields__ if name != "state"}
    )
