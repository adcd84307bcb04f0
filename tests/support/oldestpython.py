# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Python 3.6, with which EL 8's installer runs the programs for nodes."""

from __future__ import annotations

import functools
import os

import pytest

from . import interpreters

VERSION = "3.6"
VARIABLE = "ROCKS_PYTHON36"
SKIP_VARIABLE = "ROCKS_WITHOUT_PYTHON36"


def oldest_python() -> str:
    """Return the path of a Python 3.6.

    It is the one of the variable ROCKS_PYTHON36, else python3.6 on the path, else one of pyenv's
    versions. Without one, the test fails, or is skipped if the variable ROCKS_WITHOUT_PYTHON36 is
    set.
    """
    path = _first_match()
    if path:
        return path
    if os.environ.get(SKIP_VARIABLE):
        pytest.skip(f"{SKIP_VARIABLE} is set, and Python {VERSION} is missing")
    pytest.fail(
        f"Python {VERSION}, with which EL 8 runs the programs of xml/programs, is missing: run "
        f"`pyenv install {VERSION}`, or set {VARIABLE}; {SKIP_VARIABLE}=1 skips the tests"
    )


@functools.cache
def _first_match() -> str:
    named = os.environ.get(VARIABLE)
    if named:
        return named if interpreters.has_version(named, VERSION) else ""
    return interpreters.find(VERSION)
