# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A frontend that publishes its accounts by the role's nginx, and nodes, each a machine in one network."""

from __future__ import annotations

import pathlib
from typing import Iterator

import pytest

from support.accounts import Publisher, publisher
from support.namespaces import network
from support.site import folder


@pytest.fixture
def stage(tmp_path: pathlib.Path) -> Iterator[Publisher]:
    """A frontend with nobody in it yet, and no node."""
    with (
        folder() as place,
        network("10.1.1.1/8") as net,
        publisher(place, net, tmp_path) as started,
    ):
        yield started
