"""Camera frames of a gate whose browser cannot read codes itself: a small JPEG in, the
code of the first QR in it out. Decision record 0011.

Bounded in every direction: bytes and pixels of a frame, frames at work and frames waiting.
A frame is looked at in a thread; zxing-cpp and Pillow let the event loop run meanwhile.
"""

from __future__ import annotations

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import zxingcpp
from PIL import Image, UnidentifiedImageError

FRAME_BYTES_MAX: Final = 200_000  # 640 px wide in grey at good quality is 40,000
SIDE_MAX: Final = 1_280
THREADS: Final = 1
WAITING_MAX: Final = 4  # a frame that would wait longer is worth less than the next one
TEXT_MAX: Final = 64
_QR: Final = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])


class BadFrame(ValueError):
    """Not a JPEG or PNG, or more pixels than a frame has."""


class FrameBusy(Exception):
    """Others are before this frame; send a newer one."""


def decode(body: bytes) -> str | None:
    """The text of the first QR code. Raises BadFrame."""
    try:
        image = Image.open(io.BytesIO(body), formats=("JPEG", "PNG"))
        # The size stands in the header: nothing is unpacked before it is known.
        if max(image.size) > SIDE_MAX:
            raise BadFrame("too many pixels")
        grey = image.convert("L")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as fault:
        raise BadFrame(type(fault).__name__) from None
    found = zxingcpp.read_barcodes(grey, formats=_QR, try_downscale=False)
    texts = [code.text for code in found if code.text and len(code.text) <= TEXT_MAX]
    return texts[0] if texts else None


class Frames:
    """One per hub worker."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="frames")
        self._waiting = 0

    async def read(self, body: bytes) -> str | None:
        """Raises BadFrame, FrameBusy."""
        if self._waiting >= WAITING_MAX:
            raise FrameBusy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, decode, body)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
