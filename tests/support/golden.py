# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Golden files: reviewed output of a renderer.  ``pytest --renew`` writes them again."""

from __future__ import annotations

import pathlib
from typing import Callable

import pytest

Golden = Callable[[str, str], None]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Return a function that compares a text with a file in the test's folder ``golden``."""
    folder = request.path.parent / "golden"

    def compare(name: str, text: str) -> None:
        path: pathlib.Path = folder / name
        if request.config.getoption("--renew"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path} is missing; create it with pytest --renew, then review it"
        assert text == path.read_text(encoding="utf-8")

    return compare
