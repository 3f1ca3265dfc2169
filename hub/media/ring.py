"""The last packets of a source: what a NACK asks for and what a joiner is shown first."""

from __future__ import annotations

from typing import Final

from hub.media.forward import Packet

VIDEO_PACKETS: Final = 1_024  # about 4 s at 2.5 Mbit/s
AUDIO_PACKETS: Final = 128


class Ring:
    """Packets by extended sequence number; ``size`` is a power of two."""

    __slots__ = ("_mask", "_packets")

    def __init__(self, size: int) -> None:
        self._mask = size - 1
        self._packets: list[Packet | None] = [None] * size

    def put(self, packet: Packet) -> None:
        self._packets[packet.number & self._mask] = packet

    def get(self, index: int) -> Packet | None:
        packet = self._packets[index & self._mask]
        return packet if packet is not None and packet.number == index else None

    def span(self, first: int, last: int) -> list[Packet]:
        """Those from ``first`` to ``last`` that are there; empty when ``first`` is not."""
        if last - first > self._mask or self.get(first) is None:
            return []
        found = (self.get(index) for index in range(first, last + 1))
        return [packet for packet in found if packet is not None]
