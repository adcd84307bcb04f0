# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A network of its own for each test."""

from __future__ import annotations

from typing import Iterator

import pytest

from support.namespaces import Network, network


@pytest.fixture
def net() -> Iterator[Network]:
    """A frontend at 10.1.1.1/16 on a bridge, and no machine yet."""
    with network() as cluster_network:
        yield cluster_network
