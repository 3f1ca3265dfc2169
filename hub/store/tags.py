"""Hash tags of the 128 partitions, spread evenly over the 16,384 slots of a cluster.

A bare number as tag is skewed over the nodes of a cluster (notes: centrifugal/centrifuge#554).
Here partition ``i`` has the first decimal tag whose slot lies in the band
``[i * 128, (i + 1) * 128)``, so that any contiguous share of the slots holds its share of
the partitions. The table is the same everywhere and must never change: it is in the keys.
"""

from __future__ import annotations

import binascii
import zlib
from itertools import count
from typing import Final

SLOTS: Final = 16_384
PARTITIONS: Final = 128


def slot(tag: str) -> int:
    """The cluster slot of a hash tag: CRC16 (XMODEM) modulo 16,384 (Redis Cluster spec)."""
    return binascii.crc_hqx(tag.encode(), 0) % SLOTS


def balanced() -> tuple[str, ...]:
    """One tag for each partition; a few hundred trials, under a millisecond."""
    band = SLOTS // PARTITIONS
    found: dict[int, str] = {}
    for number in count():
        found.setdefault(slot(str(number)) // band, str(number))
        if len(found) == PARTITIONS:
            return tuple(found[index] for index in range(PARTITIONS))
    raise AssertionError("count() has no end")


TAGS: Final = balanced()


def partition(room: str) -> int:
    """Where a room lives, 0..127."""
    return zlib.crc32(room.encode()) % PARTITIONS
