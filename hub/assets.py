"""Where templates and static files are: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parent

#: Types that decide whether a browser runs a file; the system's table is not trusted with them.
_TYPES: Final = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}


def _find(name: str) -> Path:
    for place in (_PACKAGE.parent / name, _PACKAGE / f"_{name}"):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"{name}: neither in a checkout nor in an installed package")


def templates_dir() -> Path:
    """The Jinja2 templates. Raises FileNotFoundError for a broken installation."""
    return _find("templates")


def static_dir() -> Path:
    """Scripts, styles and icons. Raises FileNotFoundError for a broken installation."""
    return _find("static")


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    content_type: str


class Assets:
    """All static files, read once, and one ``version`` made from their content.

    The version stands in the address before the file's path, so that the relative imports
    of ES modules stay inside one version and every file may be cached for ever.
    """

    def __init__(self, root: Path) -> None:
        files: dict[str, Asset] = {}
        digest = hashlib.sha256()
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if not path.is_file() or path.suffix not in _TYPES or "node_modules" in path.parts:
                continue
            body = path.read_bytes()
            digest.update(f"{name}\0{len(body)}\0".encode() + body)
            kind = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0]
            files[name] = Asset(body, kind or "application/octet-stream")
        self.files = files
        self.version = digest.hexdigest()[:12]

    def url(self, name: str) -> str:
        """The address of ``name``. Raises KeyError for a file that is not there."""
        self.files[name]
        return f"/static/{self.version}/{name}"
