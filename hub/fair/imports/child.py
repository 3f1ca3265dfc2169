"""The process that carries imports out for a hub: ``python -m hub.fair.imports.child``.

Reads the database's address and the fair's section as JSON from standard input; ends when
nothing is left to do. Status 0 unless the database went away or a sheet could not be handled.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from typing import Any, Final

from hub import logs
from hub.config import Config
from hub.fair.base import FairKeys, wall_clock_ms
from hub.fair.engine import make_engine
from hub.fair.imports.runner import Run, TakenOver
from hub.fair.settings import SqlSettings
from hub.ports import DirectoryLost

#: Address space: a second line behind the bounds of ``hub.sheets``.
MEMORY_MAX: Final = 2 * 1024**3
NICE: Final = 5  # live rooms go first


async def run(values: dict[str, Any]) -> int:
    config = Config(**values)
    engine = make_engine(config.database_url)
    settings = SqlSettings(engine, config, FairKeys(b"", b"", b""), wall_clock_ms)
    try:
        while True:
            work = Run(engine, await settings.current(), wall_clock_ms)
            job = await work.claim()
            if job is None:
                return 0
            try:
                await work.carry_out(job)
            except TakenOver:
                continue
    except DirectoryLost:
        return 1
    finally:
        await engine.dispose()


def main() -> None:
    logs.setup("import")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    os.nice(NICE)
    sys.exit(asyncio.run(run(json.loads(sys.stdin.read()))))


if __name__ == "__main__":
    main()
