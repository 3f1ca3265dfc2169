"""Work that a hub repeats in the background: bounded, logged, never the end of the hub."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from hub.ports import DirectoryLost, StoreLost

log = structlog.get_logger(__name__)

Job = Callable[[], Awaitable[None]]
_JITTER: Final = 0.2  # hubs started together do not stay in step


@dataclass(slots=True)
class Jobs:
    """Jobs by name. Several hubs run the same job: each must take its work atomically."""

    _jobs: dict[str, tuple[float, Job]] = field(default_factory=dict)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def every(self, seconds: float, name: str, job: Job) -> None:
        """Run ``job`` about every ``seconds`` once started; a run that takes longer delays
        the next, two never overlap."""
        self._jobs[name] = (seconds, job)

    def start(self) -> None:
        for name, (seconds, job) in self._jobs.items():
            self._tasks.append(asyncio.create_task(self._repeat(seconds, name, job), name=name))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _repeat(self, seconds: float, name: str, job: Job) -> None:
        while True:
            await asyncio.sleep(seconds * random.uniform(1 - _JITTER, 1 + _JITTER))
            try:
                await job()
            except (DirectoryLost, StoreLost) as fault:
                log.warning("job put off", job=name, lost=type(fault).__name__)
            except Exception:  # one bad run must not end the job
                log.exception("job failed", job=name)
