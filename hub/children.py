"""Child processes of the supervisor: start, wait for readiness, restart with back-off.

A child reports readiness by writing one line to an inherited pipe, and goes on writing while
its event loop turns. One that is silent is killed: its socket would go on taking connections
that nobody answers. Its end is seen through a pidfd. Nothing here polls or sleeps for a
condition.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import structlog

import hub

log = structlog.get_logger(__name__)

BACKOFF_FIRST_S: Final = 0.2
BACKOFF_MAX_S: Final = 10.0
STEADY_S: Final = 30.0  # a child that lived this long starts the back-off afresh
SILENT_S: Final = 15.0  # half a lease: its people are back elsewhere before their seats lapse


class ChildFailed(RuntimeError):
    """A child ended, or said nothing, before it was ready. ``status`` is its exit status."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def mark() -> None:
        if not done.done():
            done.set_result(None)

    loop.add_reader(descriptor, mark)
    try:
        await done
    finally:
        loop.remove_reader(descriptor)


async def ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end of ``process``; its exit status, negative for a signal."""
    if process.poll() is None:
        descriptor = os.pidfd_open(process.pid)
        try:
            await _readable(descriptor)
        finally:
            os.close(descriptor)
    return process.wait()


class Child:
    """One worker, kept running until ``stop``.

    ``prepare`` gives, for each start, the arguments after ``-m hub worker`` and the
    descriptors the child inherits; descriptors are closed here once it has them.
    """

    def __init__(
        self,
        name: str,
        prepare: Callable[[], tuple[Sequence[str], Sequence[int]]],
        environ: dict[str, str],
    ) -> None:
        self.name = name
        self._prepare = prepare
        self._environ = environ
        self._pulse = -1  # where the running process says that it lives
        self.process: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self, timeout_s: float) -> None:
        """Start and wait until ready; from then on restart it when it dies.

        Raises ChildFailed.
        """
        await self._start_once(timeout_s)
        self._keeper = asyncio.create_task(self._keep(timeout_s), name=f"keep {self.name}")

    def _spawn(self) -> tuple[subprocess.Popen[bytes], int]:
        """The process, and the end of the pipe it reports readiness on. Does not wait."""
        arguments, inherited = self._prepare()
        ready_read, ready_write = os.pipe()
        package_root = str(Path(hub.__file__).parent.parent)
        # The same code as ours, whatever the working directory holds (-P below).
        path = [package_root, *filter(None, [self._environ.get("PYTHONPATH")])]
        try:
            process = subprocess.Popen(
                [
                    sys.executable, "-P", "-m", "hub", "worker", *arguments,
                    "--ready-fd", str(ready_write), "--parent", str(os.getpid()),
                ],
                env={**self._environ, "PYTHONPATH": os.pathsep.join(path)},
                stdin=subprocess.DEVNULL, pass_fds=(*inherited, ready_write),
                # Ctrl-C in a terminal reaches the whole group; only the supervisor may act on it.
                start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(ready_write)
            for descriptor in inherited:
                os.close(descriptor)
        return process, ready_read

    async def _start_once(self, timeout_s: float) -> None:
        self.process, ready_read = self._spawn()
        try:
            async with asyncio.timeout(timeout_s):
                await _readable(ready_read)
        except TimeoutError:
            self.process.kill()
            self.process.wait()
            os.close(ready_read)
            raise ChildFailed(f"{self.name} was not ready within {timeout_s:g} s", 1) from None
        except BaseException:
            os.close(ready_read)
            raise
        if not os.read(ready_read, 16):
            os.close(ready_read)
            status = await ended(self.process)
            raise ChildFailed(f"{self.name} ended with status {status} while starting", status)
        self._pulse = ready_read
        log.info("child ready", child=self.name, pid=self.process.pid)

    async def _keep(self, timeout_s: float) -> None:
        failures = 0
        while self.process is not None:
            started = time.monotonic()
            await self._listen()
            status = await ended(self.process)
            if self._stopping:
                return
            failures = 0 if time.monotonic() - started > STEADY_S else failures + 1
            while True:
                pause = min(BACKOFF_FIRST_S * 2**failures, BACKOFF_MAX_S)
                log.error("child died", child=self.name, status=status, restart_in_s=pause)
                await asyncio.sleep(pause)
                try:
                    await self._start_once(timeout_s)
                    break
                except (ChildFailed, OSError) as fault:
                    failures, status = failures + 1, getattr(fault, "status", 1)
                    log.error("child did not start", child=self.name, reason=str(fault))

    async def _listen(self) -> None:
        """Until the process closes its pipe, or has to be killed for its silence."""
        assert self.process is not None
        try:
            while True:
                async with asyncio.timeout(SILENT_S):
                    await _readable(self._pulse)
                if not os.read(self._pulse, 1024):
                    return
        except TimeoutError:
            if not self._stopping:
                log.error("child silent, killed", child=self.name, silent_s=SILENT_S)
                self.process.kill()
        finally:
            os.close(self._pulse)

    async def stop(self, timeout_s: float) -> None:
        """SIGTERM, then SIGKILL after ``timeout_s``. Returns once the process is gone."""
        self._stopping = True
        if self._keeper is not None and (self.process is None or self.process.poll() is not None):
            self._keeper.cancel()  # it was waiting for its next start
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(timeout_s):
                    await ended(self.process)
            except TimeoutError:
                log.warning("child killed", child=self.name, after_s=timeout_s)
                self.process.kill()
                await ended(self.process)
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    def hurry(self) -> None:
        """End it now, without a goodbye."""
        self._stopping = True
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
