# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A network of its own for each test, and the paper's cluster."""

from __future__ import annotations

from typing import Iterator

import pytest

from support.cluster import database, empty_url, mariadb, sqlite_template, table_ii, urls
from support.namespaces import Network, network

__all__ = ["database", "empty_url", "mariadb", "net", "sqlite_template", "table_ii", "urls"]


@pytest.fixture
def net() -> Iterator[Network]:
    """A frontend at 10.1.1.1/16 on a bridge, and no machine yet."""
    with network() as made:
        yield made
