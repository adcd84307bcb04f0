# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names and ranks of nodes, and names of inventory groups.

``compute-0-3`` is the fourth compute node of rack 0 (paper, Table II).  The attribute
``name_pattern`` sets another form, such as ``c{rank:04}``.
"""

from __future__ import annotations

import re
from typing import Collection, Mapping, Optional

from ..errors import DescriptionError

PATTERN_ATTRIBUTE = "name_pattern"
DEFAULT_PATTERN = "{appliance}-{rack}-{rank}"
MAX_POSITION = 99999
"""The highest rack, and the highest rank."""

_FIELD = re.compile(r"\{(appliance|rack|rank)(?::0?(\d))?\}")
_HOST_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_RACK = re.compile(r"rack-?\d+")

# Names that mean something to a resolver or to Ansible; architectures are inventory groups.
RESERVED: Mapping[str, str] = {
    "localhost": "the name of every machine for itself",
    "broadcasthost": "a resolver's name",
    "all": "an Ansible group",
    "ungrouped": "an Ansible group",
    "query": "the inventory group of an SQL query",
    "aarch64": "an architecture",
    "i386": "an architecture",
    "ppc64le": "an architecture",
    "s390x": "an architecture",
}


def group_name(name: str) -> str:
    """Return a valid group name for a membership: ``nfs_server`` for ``NFS Server``.

    A group name does not begin with a digit.
    """
    group = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return f"_{group}" if group[:1].isdigit() else group


def next_rank(in_use: Collection[int], fill_gaps: bool = False) -> int:
    """Return the rank after the highest one in use; with ``fill_gaps`` the lowest free one."""
    if not fill_gaps:
        return max(in_use, default=-1) + 1
    return next(rank for rank in range(len(in_use) + 1) if rank not in in_use)


def node_name(pattern: str, appliance: str, rack: int, rank: int) -> str:
    """Return the name that ``pattern`` gives.  Raises DescriptionError as ``check_pattern``."""
    check_pattern(pattern)
    values = {"appliance": appliance, "rack": rack, "rank": rank}
    return _FIELD.sub(lambda field: str(values[field[1]]).rjust(int(field[2] or 0), "0"), pattern)


def check_pattern(pattern: str) -> None:
    """Raise DescriptionError if the pattern lacks ``{rank}`` or contains an unknown field."""
    literal_text = _FIELD.sub("", pattern)
    if "{" in literal_text or "}" in literal_text or not re.search(r"\{rank", pattern):
        raise DescriptionError(
            f"{PATTERN_ATTRIBUTE} {pattern!r} is not a valid pattern",
            "",
            "use letters, digits, hyphens and {appliance}, {rack}, {rank} or {rank:04};"
            " {rank} is required",
        )


def name_fault(name: str, reserved: Mapping[str, str]) -> Optional[str]:
    """Return the reason why no node can have this name, or None.

    reserved  further names, each with its meaning: appliances and groups of memberships
    """
    if not _HOST_NAME.fullmatch(name):
        return (
            f"{name!r} is not a valid host name: begin with a letter;"
            " use a-z, digits and hyphens, no dots, at most 63 characters"
        )
    if _RACK.fullmatch(name):
        return f"{name!r} is reserved: it looks like the name of a rack"
    meaning = RESERVED.get(name) or reserved.get(name)
    return f"{name!r} is reserved: it is {meaning}" if meaning else None


def is_utf8(text: str) -> bool:
    """Whether a text can be written as UTF-8; a lone surrogate cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
