"""A line between a browser and the server that can be cut: bytes stop, nothing is closed.

What a lost Wi-Fi looks like to TCP. While cut, new connections are taken and stay silent.
"""

from __future__ import annotations

import asyncio
from types import TracebackType


class Cable:
    def __init__(self, port: int, server_port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._server_port = server_port
        self._whole = asyncio.Event()
        self._whole.set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Cable:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self._port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        await self._drop()

    def cut(self) -> None:
        self._whole.clear()

    async def mend(self) -> None:
        """Whole again; connections of before stay dead, as after a change of network."""
        await self._drop()
        self._whole.set()

    async def _drop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._whole.wait()
            up, down = await asyncio.open_connection("127.0.0.1", self._server_port)
            try:
                await asyncio.gather(self._copy(reader, down), self._copy(up, writer))
            finally:
                down.transport.abort()
        except OSError:
            pass  # either end went away, which a line does not mind
        finally:
            writer.transport.abort()

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            await self._whole.wait()
            sink.write(data)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()
