# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every test in this folder uses a real MariaDB server, whatever ``--engine`` is."""

from __future__ import annotations

from typing import Iterator

import pytest

from support.cluster import mariadb_urls  # noqa: F401  # with the server below
from support.mariadb import Server, fast_folder, server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """Run a server for this folder, instead of the engine that ``--engine`` selects."""
    with fast_folder() as folder, server(folder) as started:
        yield started
