"""``pavilion audit verify``: reads the whole audit log, says which row is not as it was."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError

from hub.config import Config
from hub.fair.audit import SqlAudit, parse_head
from hub.fair.base import FairKeys
from hub.fair.engine import make_engine
from hub.ports import DirectoryLost
from hub.ports.events import AuditCheck, AuditHead

_WHY = {
    "missing": "is missing",
    "changed": "was changed",
    "unchained": "does not follow the row before it",
    "truncated": "and those after it were cut off",
}


async def verify(config: Config, head: str | None) -> int:
    """Print the outcome; 0 when the chain is whole, 1 when not, or when nobody answers, 2 for
    a ``head`` that is none. Without ``head`` the one kept in data_dir is compared with."""
    try:
        given = None if head is None else parse_head(head)
    except ValueError as fault:
        print(f"pavilion: --head: {fault}")
        return 2
    engine = make_engine(config.database_url)
    try:
        audit = SqlAudit(engine, config, FairKeys(b"", b"", b""))
        kept = given or await audit.kept_head()
        check = await audit.verify(kept)
    except (DirectoryLost, SQLAlchemyError) as fault:
        print(f"pavilion: the database does not answer: {fault}")
        return 1
    finally:
        await engine.dispose()
    return _say(check, kept)


def _say(check: AuditCheck, kept: AuditHead | None) -> int:
    print(f"rows: {check.rows} good")
    print(f"head: {check.head}")
    if check.broken is not None:
        print(f"BROKEN: row {check.broken} {_WHY[check.why or 'changed']}")
        return 1
    if kept is None:
        print("whole; no head was kept to compare with, so cut-off rows would not show")
    else:
        print(f"whole; the kept head {kept.seq} is in it")
    return 0
