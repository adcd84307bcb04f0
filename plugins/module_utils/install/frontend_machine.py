# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which machine is the frontend itself, whatever its row in ``nodes`` calls it (contract C6).

An installation erases a machine, and the whole cluster is run from this one.  A row can be wrong;
so a node's addresses are compared with those that the database knows the frontend by, and with
those of the machine that this runs on.
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

ROUTES = pathlib.Path(
    "/proc/net/fib_trie"
)  # the kernel's routes: every address of this machine is one of them
LINKS = pathlib.Path("/sys/class/net")
NO_MAC = "00:00:00:00:00:00"
THIS_MACHINE = "this machine's own"
REMEDY = "and the frontend is never installed; correct the node's row: rocks_node"
CHUNK = 500  # names in one query

FRONTEND_MEMBERSHIPS = (
    "select memberships.id from memberships join appliances on appliances.id = memberships.appliance"
    " where appliances.name = ? and memberships.name <> ?"
)
# One query, since it is run twice for every machine that is installed.  Attributes of single nodes
# are left out: with 10,000 nodes they would have to be read for each.
FRONTEND_ADDRESSES = (
    "select value, '' from attributes where scope in ('global', 'appliance') and name = ?"
    f" union all select ip, name from nodes where membership in ({FRONTEND_MEMBERSHIPS})"
    " union all select interfaces.ip, nodes.name from nodes join interfaces on interfaces.node = nodes.id"
    f" where nodes.membership in ({FRONTEND_MEMBERSHIPS})"
)
# A node's name and what it is reached by, its further interfaces included.
NODE_ADDRESSES = (
    "select name, ip, mac from nodes where name in ({marks}) union all select nodes.name, interfaces.ip, interfaces.mac"
    " from interfaces join nodes on nodes.id = interfaces.node where nodes.name in ({marks})"
)
_LOCAL = re.compile(r"\|-- (\S+)\n\s+/32 host LOCAL")


def local_addresses() -> frozenset[str]:
    """The IPv4 addresses and the MACs of this machine, as the database writes them."""
    return _read_local_addresses(int(time.monotonic()))


@functools.lru_cache(maxsize=1)
def _read_local_addresses(_second: int) -> frozenset[str]:
    """Read once a second at most, however many machines ask."""
    macs = {_read_text(path).strip() for path in LINKS.glob("*/address")}
    return frozenset(macs.union(_LOCAL.findall(_read_text(ROUTES))) - {"", NO_MAC})


def frontend_addresses(db: Database) -> dict[str, str]:
    """Address or MAC -> by what it is the frontend's, as an error says it."""
    found = dict.fromkeys(local_addresses(), THIS_MACHINE)
    for ip, name in db.rows(FRONTEND_ADDRESSES, (ADDRESS, *(FRONTEND, EXTERNAL) * 2)):
        if ip:
            found[ip] = f"the frontend's ({name or f'attribute {ADDRESS}'})"
    return found


def frontend_conflicts(db: Database, names: Sequence[str]) -> Mapping[str, str]:
    """Of these nodes those whose machine is the frontend, each with the reason and the remedy."""
    frontends, found = frontend_addresses(db), dict[str, str]()
    for some in _chunks(names):
        marks = ", ".join("?" * len(some))
        for name, *reached in db.rows(NODE_ADDRESSES.format(marks=marks), (*some, *some)):
            for one in reached:
                if one in frontends:
                    kind = "MAC" if ":" in one else "address"
                    found.setdefault(name, f"its {kind} {one} is {frontends[one]}, {REMEDY}")
    return found


def _chunks(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[start : start + CHUNK] for start in range(0, len(names), CHUNK))


def _read_text(path: pathlib.Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
