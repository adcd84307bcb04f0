"""What holds for every test: a unit test starts no program unless it says so."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import command

UNIT = "tests/unit"


class ProgramForbidden(BaseException):
    """Not an Exception, so that no handler of ours can swallow it."""


@pytest.fixture(autouse=True)
def no_programs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In tests/unit, ``command.run`` raises unless the test is marked ``programs``."""
    if UNIT not in str(request.path) or request.node.get_closest_marker("programs"):
        return

    def forbidden(argv: list[str], *_args: object, **_kwargs: object) -> None:
        raise ProgramForbidden(f"a unit test started {argv!r}; mark it `programs` or hand in a recording")

    monkeypatch.setattr(command.subprocess, "Popen", forbidden)
