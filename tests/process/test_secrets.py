"""Secrets are made once, private, and never logged."""

from __future__ import annotations

import json
import logging
import multiprocessing
from pathlib import Path

import pytest
import structlog

from hub import logs
from hub.config import Config, Server
from hub.secrets import NAMES, SecretsUnreadable, open_secrets


def config(directory: Path) -> Config:
    return Config(server=Server(data_dir=directory))


def read(directory: str) -> str:
    return open_secrets(config(Path(directory)), {}).api_key


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        keys = pool.map(read, [str(tmp_path)] * 8)
    assert len(set(keys)) == 1
    assert sorted(path.name for path in (tmp_path / "secrets").iterdir()) == sorted(NAMES)


def test_the_second_start_reads_what_the_first_made(tmp_path: Path) -> None:
    first, second = (open_secrets(config(tmp_path), {}) for _ in range(2))
    assert set(first.made) == set(NAMES) and second.made == ()
    assert (first.token_key, first.api_key) == (second.token_key, second.api_key)
    assert len({first.token_key, first.cookie_key, first.control_key}) == 3
    assert first.api_key not in repr(first) and first.token_key.hex() not in repr(first)
    given = open_secrets(config(tmp_path), {"PAVILION_API_KEY": "from-outside"})
    assert given.api_key == "from-outside"


@pytest.mark.parametrize(("mode", "content"), [(0o644, None), (0o600, "abc"), (0o600, "zz" * 32)])
def test_a_secret_others_may_read_or_that_is_broken_stops_the_start(
    tmp_path: Path, mode: int, content: str | None
) -> None:
    open_secrets(config(tmp_path), {})
    path = tmp_path / "secrets/token-key"
    if content is not None:
        path.write_text(content)
    path.chmod(mode)
    with pytest.raises(SecretsUnreadable, match="token-key"):
        open_secrets(config(tmp_path), {})


def test_log_lines_carry_their_context_and_no_secret(capfd: pytest.CaptureFixture[str]) -> None:
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    level = root.level
    try:
        logs.setup("hub-0", environ={"PAVILION_LOG_LEVEL": "info"})
        with structlog.contextvars.bound_contextvars(conn="c1", room="hall"):
            structlog.get_logger("x").info("greeted", token="t0psecret", Authorization="b3arer")
            logging.getLogger("library").warning("from the standard library")
        structlog.get_logger("y").debug("not shown")
        lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    assert [line["event"] for line in lines] == ["greeted", "from the standard library"]
    for line in lines:
        assert (line["process"], line["conn"], line["room"]) == ("hub-0", "c1", "hall")
    assert lines[0]["token"] == lines[0]["Authorization"] == "hidden"


def test_a_wrong_level_is_named() -> None:
    with pytest.raises(logs.BadLevel, match="PAVILION_LOG_LEVEL"):
        logs.setup("hub-0", environ={"PAVILION_LOG_LEVEL": "loud"})
