"""Draws docs/screens: python -m tests.journeys.screenshots [--folder FOLDER] [page …]

Every page of the sample fair (``tests.pages.every``), and the scenes of ``tests.journeys.scenes``:
1440 and 390 px wide, in English and Chinese, light and dark; ``company-390-zh-dark.webp``. Cameras
are drawn on canvases, so that no face and no test pattern is shown. Colours are reduced to 128.
With names of pages, only those. What could not be drawn is named at the end, to be tried again;
the others are there nevertheless.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from playwright.async_api import Error, async_playwright

from tests.journeys.scenes import SCENES
from tests.journeys.studio import SUFFIX, VIEWS, Studio, View, file_names
from tests.pages.every import PAGES, Furnisher
from tests.pages.serving import BROWSER_ARGS, CHROMIUM, Fair

SCREENS: Final = Path(__file__).parents[2] / "docs" / "screens"
NAMES: Final = (*(name for name, *_ in PAGES), *(name for names, _ in SCENES for name in names))


async def pages(studio: Studio, width: str, language: str) -> None:
    """Each wanted page of PAGES; one window for each person."""
    for who in dict.fromkeys(who for *_, who in PAGES):
        view: View | None = None
        for name, path, whose in PAGES:
            if whose != who or name not in studio.wanted:
                continue
            try:
                view = view or await studio.open(width, language, who=who)
                await studio.go(view, path.format(**studio.found.names))
                await studio.shot(view, name, whole=True)
            except Error as error:  # the rest shall be drawn; a damaged window is left behind
                _tell(name, error)
                view = None
        if view is not None:
            await view.close()


async def scenes(studio: Studio) -> None:
    for names, draw in SCENES:
        if studio.wanted.isdisjoint(names):
            continue
        try:
            await draw(studio)
        except (Error, AssertionError, TimeoutError) as error:
            _tell(" ".join(names), error)


def _tell(what: str, error: BaseException) -> None:
    print(f"{what}: {str(error)[:600]}", file=sys.stderr, flush=True)


async def draw_with(fair: Fair, folder: Path, wanted: frozenset[str]) -> dict[str, int]:
    """Bytes of each file that was written."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_ARGS)
        studio = Studio(chromium, fair, await Furnisher(fair).furnish(), folder, wanted)
        await asyncio.gather(*(pages(studio, *view) for view in VIEWS))
        await scenes(studio)
        await chromium.close()
    return studio.drawn


def files_of(names: Iterable[str]) -> set[str]:
    return {file for name in names for file in file_names(name)}


def main(folder: Path, wanted: frozenset[str]) -> int:
    """0 if each picture was drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        fair = Fair(Path(place) / "data", workers=1, command="demo")
        try:
            fair.await_ready()
            fair.await_output("/signin/")
            drawn = asyncio.run(draw_with(fair, folder, wanted))
        finally:
            fair.stop()
    if folder == SCREENS:  # ours alone: what a page that is no more left goes
        for file in folder.glob(f"*{SUFFIX}"):
            if file.name not in files_of(NAMES):
                file.unlink()
    print(f"{len(drawn)} pictures, {sum(drawn.values()) / 1e6:.1f} MB in {folder}")
    lost = [name for name in NAMES if name in wanted and not file_names(name) <= drawn.keys()]
    if lost:
        print(f"not drawn in every look: {' '.join(lost)}", file=sys.stderr)
    return 1 if lost else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draws the pictures of every page.")
    parser.add_argument("--folder", type=Path, default=SCREENS)
    parser.add_argument("page", nargs="*", help="names of pictures; all if none is named")
    given = parser.parse_args()
    if unknown := set(given.page) - set(NAMES):
        parser.error(f"no such page: {' '.join(sorted(unknown))}; there are {' '.join(NAMES)}")
    sys.exit(main(given.folder, frozenset(given.page or NAMES)))
