# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Python 3.6, which EL 8's installer runs our programs for nodes with. A test that needs it fails without it."""

from __future__ import annotations

import functools
import os

import pytest

from . import interpreters

VERSION = "3.6"
VARIABLE = "ROCKS_PYTHON36"
SKIP_VARIABLE = "ROCKS_WITHOUT_PYTHON36"


def oldest_python() -> str:
    """The path of a Python 3.6: the variable ROCKS_PYTHON36, else python3.6 on the path, else one of pyenv's versions.

    Fails the test when there is none; skips it when the variable ROCKS_WITHOUT_PYTHON36 is set.
    """
    path = _first_match()
    if path:
        return path
    if os.environ.get(SKIP_VARIABLE):
        pytest.skip(f"{SKIP_VARIABLE} is set, and there is no Python {VERSION}")
    pytest.fail(
        f"Python {VERSION} is missing, which EL 8 runs the programs of xml/include with: run `pyenv install {VERSION}`, or "
        f"name one in {VARIABLE}; {SKIP_VARIABLE}=1 skips the tests that need it"
    )


@functools.cache
def _first_match() -> str:
    named = os.environ.get(VARIABLE)
    if named:
        return named if interpreters.has_version(named, VERSION) else ""
    return interpreters.find(VERSION)
