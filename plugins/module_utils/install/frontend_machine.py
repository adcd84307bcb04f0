# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find nodes whose machine is the frontend, although their row in ``nodes`` differs (contract C6).

An installation erases a machine, and the frontend manages the whole cluster.  A row can be wrong,
so a node's addresses are compared with the frontend's addresses in the database, and with those of
the machine that this code runs on.
"""

from __future__ import annotations

import functools
import pathlib
import re
import time
from typing import Iterable, Mapping, Sequence

from ..cluster.database import Database
from ..cluster.frontend_protection import ADDRESS, EXTERNAL
from ..cluster.model import FRONTEND

# The kernel's routes contain every address of this machine.
ROUTES = pathlib.Path("/proc/net/fib_trie")
LINKS = pathlib.Path("/sys/class/net")
NO_MAC = "00:00:00:00:00:00"
THIS_MACHINE = "this machine's own"
REMEDY = "and the frontend is never installed; correct the node's row: rocks_node"
CHUNK = 500  # names in one query

FRONTEND_MEMBERSHIPS = (
    "select memberships.id from memberships"
    " join appliances on appliances.id = memberships.appliance"
    " where appliances.name = ? and memberships.name <> ?"
)
# One query, because it runs twice for every machine that is installed.  Attributes of single nodes
# are left out: with 10,000 nodes they would have to be read for each.
FRONTEND_ADDRESSES = (
    "select value, '' from attributes where scope in ('global', 'appliance') and name = ?"
    f" union all select ip, name from nodes where membership in ({FRONTEND_MEMBERSHIPS})"
    " union all select interfaces.ip, nodes.name from nodes"
    " join interfaces on interfaces.node = nodes.id"
    f" where nodes.membership in ({FRONTEND_MEMBERSHIPS})"
)
# A node's name and its addresses, including those of its other interfaces.
NODE_ADDRESSES = (
    "select name, ip, mac from nodes where name in ({marks})"
    " union all select nodes.name, interfaces.ip, interfaces.mac from interfaces"
    " join nodes on nodes.id = interfaces.node where nodes.name in ({marks})"
)
_LOCAL = re.compile(r"\|-- (\S+)\n\s+/32 host LOCAL")


def local_addresses() -> frozenset[str]:
    """Return the IPv4 addresses and the MACs of this machine, as the database writes them."""
    return _read_local_addresses(int(time.monotonic()))


@functools.lru_cache(maxsize=1)
def _read_local_addresses(_second: int) -> frozenset[str]:
    """Read the addresses at most once a second, however many machines are checked."""
    macs = {_read_text(path).strip() for path in LINKS.glob("*/address")}
    return frozenset(macs.union(_LOCAL.findall(_read_text(ROUTES))) - {"", NO_MAC})


def frontend_addresses(db: Database) -> dict[str, str]:
    """Map each address and MAC of the frontend to its origin, as an error message names it."""
    addresses = dict.fromkeys(local_addresses(), THIS_MACHINE)
    for ip, name in db.rows(FRONTEND_ADDRESSES, (ADDRESS, *(FRONTEND, EXTERNAL) * 2)):
        if ip:
            addresses[ip] = f"the frontend's ({name or f'attribute {ADDRESS}'})"
    return addresses


def frontend_conflicts(db: Database, names: Sequence[str]) -> Mapping[str, str]:
    """Return those of the nodes whose machine is the frontend, each with reason and remedy."""
    frontends = frontend_addresses(db)
    conflicts: dict[str, str] = {}
    for chunk in _chunks(names):
        marks = ", ".join("?" * len(chunk))
        for name, *addresses in db.rows(NODE_ADDRESSES.format(marks=marks), (*chunk, *chunk)):
            for address in addresses:
                if address in frontends:
                    kind = "MAC" if ":" in address else "address"
                    reason = f"its {kind} {address} is {frontends[address]}, {REMEDY}"
                    conflicts.setdefault(name, reason)
    return conflicts


def _chunks(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[start : start + CHUNK] for start in range(0, len(names), CHUNK))


def _read_text(path: pathlib.Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
