# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The frontend that molecule has made, and the machine on its private side."""

from __future__ import annotations

import os
import pathlib

import pytest

from support.converged import Converged


@pytest.fixture(scope="session")
def frontend() -> Converged:
    """The container; ``make molecule`` starts these tests when the role has run in it twice."""
    return Converged(pathlib.Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]))
