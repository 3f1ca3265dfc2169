"""Where pages are opened in each look, and what a picture of one becomes on the disk."""

from __future__ import annotations

import asyncio
import io
import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.async_api import Browser, Page

from tests.pages.every import READY, Furnished
from tests.pages.serving import Fair

SIZES: Final = {"1440": (1440, 900), "390": (390, 844)}
LANGUAGES: Final = {"en": "en", "zh": "zh-CN"}
THEMES: Final = ("light", "dark")
#: Windows that are opened: width and language. The theme changes in the open window.
VIEWS: Final = tuple(itertools.product(SIZES, LANGUAGES))
TALL_MAX: Final = 1800  # px of a page that is longer
COLOURS: Final = 128
MANY: Final = 256  # where small marks among large pictures mean something
SUFFIX: Final = ".webp"
#: A speaker in front of a wall, in the colours of ``hue``, breathing so that frames differ.
CAMERA: Final = """
(hue) => {
  const draw = (canvas) => {
    const g = canvas.getContext("2d"), w = canvas.width, h = canvas.height;
    const lift = Math.sin(performance.now() / 600) * h * 0.006;
    g.fillStyle = `hsl(${hue} 28% 30%)`; g.fillRect(0, 0, w, h);
    g.fillStyle = `hsl(${hue} 26% 36%)`;
    for (let x = -1; x < 6; x += 1) g.fillRect(x * w / 5 + w / 40, h * 0.08, w / 7, h * 0.5);
    g.fillStyle = `hsl(${hue} 30% 20%)`; g.fillRect(0, h * 0.86, w, h * 0.14);
    g.fillStyle = `hsl(${(hue + 200) % 360} 34% 24%)`;
    g.beginPath(); g.ellipse(w / 2, h * 1.02 + lift, w * 0.21, h * 0.42, 0, Math.PI, 0); g.fill();
    g.fillStyle = "hsl(24 38% 62%)"; g.fillRect(w * 0.465, h * 0.5 + lift, w * 0.07, h * 0.14);
    g.beginPath(); g.ellipse(w / 2, h * 0.42 + lift, w * 0.075, h * 0.17, 0, 0, 7); g.fill();
    g.fillStyle = "hsl(24 30% 16%)";
    g.beginPath(); g.ellipse(w / 2, h * 0.345 + lift, w * 0.08, h * 0.115, 0, Math.PI, 0); g.fill();
    g.fillStyle = "#f4f6f8";
    g.beginPath(); g.moveTo(w * 0.45, h * 0.62 + lift); g.lineTo(w * 0.5, h * 0.74 + lift);
    g.lineTo(w * 0.55, h * 0.62 + lift); g.fill();
  };
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = new MediaStream();
    if (wanted.audio) stream.addTrack((await real({ audio: true })).getAudioTracks()[0]);
    if (wanted.video) {
      const canvas = Object.assign(document.createElement("canvas"), { width: 800, height: 450 });
      draw(canvas); setInterval(() => draw(canvas), 125);
      stream.addTrack(canvas.captureStream(8).getVideoTracks()[0]);
    }
    return stream;
  };
}
"""


def file_name(name: str, width: str, language: str, theme: str) -> str:
    return f"{name}-{width}-{language}-{theme}{SUFFIX}"


def file_names(name: str) -> set[str]:
    """All looks of one page."""
    return {file_name(name, *view, theme) for view in VIEWS for theme in THEMES}


@dataclass(frozen=True, slots=True)
class View:
    """A window of ``width`` in which pages speak ``language``."""

    page: Page
    width: str
    language: str

    async def close(self) -> None:
        await self.page.context.close()


@dataclass(slots=True)
class Studio:
    """``wanted``: names of the pictures that are drawn. ``drawn``: bytes of each written file."""

    browser: Browser
    fair: Fair
    found: Furnished
    folder: Path
    wanted: frozenset[str]
    drawn: dict[str, int] = field(default_factory=dict)

    async def open(
        self, width: str, language: str, path: str = "/login", *, who: str = "", hue: int = 205
    ) -> View:
        """``path`` as a guest, or as ``who`` of the furnished fair; its camera in ``hue``."""
        size = SIZES[width]
        context = await self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="light",
            reduced_motion="reduce",
            locale=LANGUAGES[language],
            timezone_id="Asia/Shanghai",
            bypass_csp=True,  # waiting for a picture needs a script of ours in the page
        )
        if who in self.found.cookies:
            await context.add_cookies(
                [{"name": "pavilion", "value": self.found.cookies[who], "url": self.fair.url}]
            )
        view = View(await context.new_page(), width, language)
        await view.page.add_init_script(f"({CAMERA})({hue})")
        await self.go(view, path)
        return view

    async def go(self, view: View, path: str) -> None:
        """To ``path``, until its script has begun."""
        await view.page.goto(self.fair.url + path)
        await view.page.wait_for_function(READY)

    async def shot(
        self, view: View, name: str, *, whole: bool = False, colours: int = COLOURS
    ) -> None:
        """What is seen, or the whole page up to TALL_MAX, in both themes; nothing if not wanted."""
        if name not in self.wanted:
            return
        page, (width, height) = view.page, SIZES[view.width]
        if whole:
            tall = int(await page.evaluate("document.documentElement.scrollHeight"))
            if tall > height:
                size: Any = {"width": width, "height": min(tall, TALL_MAX)}
                await page.set_viewport_size(size)
        for theme in THEMES:
            await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            await page.wait_for_timeout(150)  # colours and pictures settle
            file = self.folder / file_name(name, view.width, view.language, theme)
            await asyncio.to_thread(write, await page.screenshot(), file, colours)
            self.drawn[file.name] = file.stat().st_size
        await page.emulate_media(color_scheme="light")
        await page.set_viewport_size({"width": width, "height": height})


def write(png: bytes, file: Path, colours: int) -> None:
    with Image.open(io.BytesIO(png)) as picture:
        few = picture.convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    # Quality is effort here: from half of it on, a hundred times the work saves a quarter.
    few.convert("RGB").save(file, "WEBP", lossless=True, quality=50, method=3)
