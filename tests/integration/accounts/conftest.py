# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A frontend that publishes its accounts with the role's nginx, and nodes in one network."""

from __future__ import annotations

import pathlib
from typing import Iterator

import pytest

from support.accounts import Publisher, publisher
from support.namespaces import network
from support.site import public_folder


@pytest.fixture
def stage(tmp_path: pathlib.Path) -> Iterator[Publisher]:
    """A frontend without users, and no node."""
    with (
        public_folder() as server_folder,
        network("10.1.1.1/8") as net,
        publisher(server_folder, net, tmp_path) as frontend,
    ):
        yield frontend
