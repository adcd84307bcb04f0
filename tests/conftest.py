"""Rules of all tests: a unit test starts no program unless it is marked."""

from __future__ import annotations

import subprocess
from typing import Any

import hypothesis
import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.engines.sqlite import RUN_SOURCE

# Fixtures for all packages: the cluster database with the paper's Tables II and III; golden files.
from support.cluster import (  # noqa: F401
    database,
    empty_url,
    mariadb,
    mariadb_urls,
    reader,
    sqlite_template,
    table_ii,
    urls,
)
from support.golden import golden  # noqa: F401

UNIT = "tests/unit"

# Properties must not fail because the machine is busy.
hypothesis.settings.register_profile("rocks", deadline=None)
hypothesis.settings.load_profile("rocks")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--engine`` and ``--renew``.

    ``--engine=mariadb`` runs the tests of the database on a real server; for ``--renew`` see
    support.golden.
    """
    parser.addoption(
        "--engine", choices=("sqlite", "mariadb"), default="sqlite", help="of the cluster database"
    )
    parser.addoption(
        "--renew", action="store_true", help="rewrite the golden files; review them with git diff"
    )


class ProgramForbidden(BaseException):
    """Not an Exception, so that no handler of the code under test can catch it."""


@pytest.fixture(autouse=True)
def no_programs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In tests/unit, starting a program raises unless the test is marked ``programs``.

    SQLite's process for a user's query belongs to the database.
    """
    if UNIT not in str(request.path) or request.node.get_closest_marker("programs"):
        return

    start = subprocess.Popen

    def start_if_allowed(argv: list[str], *args: Any, **options: Any) -> Any:
        if argv == RUN_SOURCE:
            return start(argv, *args, **options)
        raise ProgramForbidden(
            f"a unit test started {argv!r}; mark it `programs` or pass a recording"
        )

    monkeypatch.setattr(subprocess, "Popen", start_if_allowed)
