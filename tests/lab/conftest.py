# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fixtures of all lab tests, and the results that are kept."""

from __future__ import annotations

import pathlib
import shutil
import time
from typing import Any, Iterator

import pytest

from lab import evidence
from lab.capture import capture
from lab.distribution.sources import sources
from lab.image.tree import tree
from support.namespaces import Network, network

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture
def net(folder: pathlib.Path) -> Iterator[Network]:
    """A closed network with the frontend's address on its bridge; its traffic is captured."""
    with network() as closed_network, capture(closed_network, folder):
        yield closed_network


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Iterator[pathlib.Path]:
    """A scratch folder with a short name; its logs and screens are kept under tests/output/lab."""
    path = evidence.scratch()
    yield path
    (path / "times.log").write_text("\n".join(evidence.table(request.node.name)) + "\n")
    evidence.keep(path, request.node.name, failed=request.node.stash.get(FAILED, False))
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def web_content() -> dict[str, pathlib.Path]:
    """The folders that the plain frontend serves: the stock tree and the updates."""
    return {"tree": tree(), "updates": sources() / "updates"}


@pytest.fixture
def laps(request: pytest.FixtureRequest) -> evidence.Laps:
    """The durations of one test's phases, printed at the end of the run."""
    return evidence.Laps(request.node.name, time.monotonic())


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for line in evidence.summary():
        terminalreporter.write_line(line)
