"""What holds for every test: a unit test starts no program unless it says so."""

from __future__ import annotations

import subprocess

import hypothesis
import pytest

# Fixtures for every room: the cluster database with the paper's Tables II and III, on either engine; golden files.
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

# A property is about its inputs; how long one takes on a busy machine is not its subject.
hypothesis.settings.register_profile("rocks", deadline=None)
hypothesis.settings.load_profile("rocks")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--engine=mariadb`` runs every test that asks for the database on a real server; ``--renew``: support.golden."""
    parser.addoption(
        "--engine", choices=("sqlite", "mariadb"), default="sqlite", help="of the cluster database"
    )
    parser.addoption(
        "--renew", action="store_true", help="write the golden files anew, to be read with git diff"
    )


class ProgramForbidden(BaseException):
    """Not an Exception, so that no handler of ours can swallow it."""


@pytest.fixture(autouse=True)
def no_programs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In tests/unit, ``command.run`` raises unless the test is marked ``programs``."""
    if UNIT not in str(request.path) or request.node.get_closest_marker("programs"):
        return

    def forbidden(argv: list[str], *_args: object, **_kwargs: object) -> None:
        raise ProgramForbidden(
            f"a unit test started {argv!r}; mark it `programs` or hand in a recording"
        )

    monkeypatch.setattr(subprocess, "Popen", forbidden)
