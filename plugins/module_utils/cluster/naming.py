# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The name and the rank of a node from its appliance, its rack and the ranks that are taken.

``compute-0-3`` is the fourth compute node of rack 0 (paper, Table II).  A site may name otherwise: the attribute
``name_pattern``, such as ``c{rank:04}``.
"""

from __future__ import annotations

import re
from typing import Collection, Mapping, Optional

from ..errors import DescriptionError

PATTERN_ATTRIBUTE = "name_pattern"
DEFAULT_PATTERN = "{appliance}-{rack}-{rank}"
MAX_POSITION = 99999

_FIELD = re.compile(r"\{(appliance|rack|rank)(?::0?(\d))?\}")
_LABEL = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_RACK = re.compile(r"rack-?\d+")

# Names that a resolver or Ansible gives a meaning of their own; the architectures are groups of the inventory.
RESERVED: Mapping[str, str] = {
    "localhost": "every machine's own name",
    "broadcasthost": "a resolver's name",
    "all": "an Ansible group",
    "ungrouped": "an Ansible group",
    "query": "the inventory's group of an SQL query",
    "aarch64": "an architecture",
    "i386": "an architecture",
    "ppc64le": "an architecture",
    "s390x": "an architecture",
}


def group_name(membership: str) -> str:
    """The inventory's group of a membership: ``NFS Server`` gives ``nfs_server``.  It does not begin with a digit."""
    name = re.sub(r"[^a-z0-9]+", "_", membership.lower()).strip("_")
    return f"_{name}" if name[:1].isdigit() else name


def next_rank(taken: Collection[int], fill_gaps: bool = False) -> int:
    """The rank after the highest of ``taken``; with ``fill_gaps`` the lowest that is free."""
    if not fill_gaps:
        return max(taken, default=-1) + 1
    return next(rank for rank in range(len(taken) + 1) if rank not in taken)


def node_name(pattern: str, appliance: str, rack: int, rank: int) -> str:
    """The name that ``pattern`` gives.  Raises DescriptionError for a pattern that cannot tell two ranks apart."""
    check_pattern(pattern)
    values = {"appliance": appliance, "rack": rack, "rank": rank}
    return _FIELD.sub(lambda field: str(values[field[1]]).rjust(int(field[2] or 0), "0"), pattern)


def check_pattern(pattern: str) -> None:
    """Raise DescriptionError unless the pattern holds ``{rank}`` and nothing that we do not know."""
    rest = _FIELD.sub("", pattern)
    if "{" in rest or "}" in rest or not re.search(r"\{rank", pattern):
        raise DescriptionError(
            f"{PATTERN_ATTRIBUTE} is {pattern!r}",
            "",
            "it is made of letters, digits, hyphens and {appliance}, {rack}, {rank}, {rank:04}; {rank} must be there",
        )


def name_fault(name: str, reserved: Mapping[str, str]) -> Optional[str]:
    """Why no node can have this name, or None.

    reserved  further names, each with what it is: appliances and groups of memberships
    """
    if not _LABEL.fullmatch(name):
        return f"{name!r} is no host name: begin with a letter; letters a-z, digits and hyphens, no dot, at most 63 in all"
    if _RACK.fullmatch(name):
        return f"{name!r} is reserved, it reads as a rack"
    meaning = RESERVED.get(name) or reserved.get(name)
    return f"{name!r} is reserved, it is {meaning}" if meaning else None


def is_utf8(value: str) -> bool:
    """Whether the value can be written as UTF-8; Python's texts may hold halves of characters."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
