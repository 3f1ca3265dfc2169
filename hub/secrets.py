"""The secrets of an installation: made at the first start, kept mode 0600 in data_dir.

No default exists. Several machines that form one fair share one copy of the directory
``data_dir/secrets``; a token made on one is then good on all.
"""

from __future__ import annotations

import os
import secrets as random_source
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.config import Config

API_KEY_VARIABLE: Final = "PAVILION_API_KEY"
_KEY_BYTES: Final = 32
#: file name -> what it is for; "api-key" is text a person copies, the others are raw bytes in hex
NAMES: Final = {
    "token-key": "signs room tokens",
    "cookie-key": "signs session and guest cookies",
    "control-key": "hubs prove themselves to media workers",
    "match-key": "finds an identity number again without keeping it",
    "display-key": "opens identity numbers for those who may see them",
    "vault-key": "opens what the hub itself must read again: TOTP and webhook secrets",
    "api-key": "the organiser's key for the HTTP API",
}


class SecretsUnreadable(RuntimeError):
    """A secret file cannot be read, is too short, or others may read it."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """``made`` names the files that did not exist before. Keys are 32 bytes."""

    token_key: bytes
    cookie_key: bytes
    control_key: bytes
    match_key: bytes
    display_key: bytes
    vault_key: bytes
    api_key: str
    directory: Path
    made: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Secrets({self.directory})"


def directory(config: Config) -> Path:
    return config.server.data_dir / "secrets"


def open_secrets(config: Config, environ: dict[str, str] | None = None) -> Secrets:
    """Read the secrets, making those that are missing.

    ``PAVILION_API_KEY`` in the environment replaces the organiser key of the directory.
    Raises SecretsUnreadable, OSError.
    """
    where = directory(config)
    where.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = tuple(name for name in NAMES if _make(where / name))
    keys = {name: _read(where / name) for name in NAMES}
    given = (os.environ if environ is None else environ).get(API_KEY_VARIABLE, "").strip()
    return Secrets(
        token_key=bytes.fromhex(keys["token-key"]),
        cookie_key=bytes.fromhex(keys["cookie-key"]),
        control_key=bytes.fromhex(keys["control-key"]),
        match_key=bytes.fromhex(keys["match-key"]),
        display_key=bytes.fromhex(keys["display-key"]),
        vault_key=bytes.fromhex(keys["vault-key"]),
        api_key=given or keys["api-key"],
        directory=where,
        made=made,
    )


def _make(path: Path) -> bool:
    """Write a new secret unless there is one; True when this call made it.

    ``link`` is the atomic step: of two processes that start at once one wins, and
    nobody ever reads a half-written file.
    """
    if path.exists():
        return False
    descriptor, draft = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(random_source.token_hex(_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(draft)
    return True


def write_private(path: Path, text: str) -> None:
    """Replace ``path`` by ``text``, readable by this user only."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    os.replace(draft, path)


def _read(path: Path) -> str:
    try:
        text = path.read_text("ascii").strip()
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as fault:
        raise SecretsUnreadable(f"{path}: {fault}") from None
    if mode & 0o077:
        raise SecretsUnreadable(f"{path}: others may read it; run chmod 600 {path}")
    try:
        long_enough = len(bytes.fromhex(text)) >= _KEY_BYTES
    except ValueError:
        long_enough = False
    if not long_enough:
        raise SecretsUnreadable(f"{path}: {_KEY_BYTES} bytes in hexadecimal are expected")
    return text
