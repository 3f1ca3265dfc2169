"""The page tests share one running fair and one browser (tests/conftest.py)."""

from __future__ import annotations

import pytest

from tests.pages.serving import in_one_loop


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    in_one_loop(items, __package__ or "")
