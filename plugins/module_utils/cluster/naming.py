# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names and ranks of nodes, and names of inventory groups.

``compute-0-3`` is the fourth compute node of rack 0 (paper, Table II).  The attribute
``name_pattern`` sets another form, such as ``c{rank:04}``.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Collection, Iterator, Mapping, NamedTuple, Optional

from ..errors import DescriptionError

PATTERN_ATTRIBUTE = "name_pattern"
NETWORK_ATTRIBUTE = "network"  # the network that nodes get addresses from
DEFAULT_PATTERN = "{appliance}-{rack}-{rank}"
MAX_POSITION = 99999
"""The highest rack, and the highest rank."""

MAX_HOST_NAME = 63  # octets; RFC 1035, 2.3.4

WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
"""A word that every service's file can contain without quotes."""

_FIELD = re.compile(r"\{(appliance|rack|rank)(?::0?(\d))?\}")
_HOST_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_RACK = re.compile(r"rack-?\d+")
_INVENTORY_GROUP = re.compile(r"(appliance|arch|with|state)_.+|rack_[0-9]+")

# Names that mean something to a resolver or to Ansible; architectures are inventory groups.
RESERVED: Mapping[str, str] = {
    "localhost": "the name of every machine for itself",
    "broadcasthost": "a resolver's name",
    "all": "an Ansible group",
    "ungrouped": "an Ansible group",
    "query": "the inventory group of an SQL query",
    "default": "a keyword of Slurm",
    "aarch64": "an architecture",
    "i386": "an architecture",
    "ppc64le": "an architecture",
    "s390x": "an architecture",
}


class NamedPosition(NamedTuple):
    """The position that a node's name contains."""

    rack: Optional[int]
    """None if the pattern does not contain it."""
    rank: int


def interface_host(node: str, interface: str) -> str:
    """Return the host name of a further interface: ``compute-0-0-bmc``.

    The kernel allows dots, colons and capital letters in the name of an interface.
    """
    return f"{node}-{re.sub('[^a-z0-9]+', '-', interface.lower()).strip('-')}"


def group_name(name: str) -> str:
    """Return a valid group name for a membership: ``nfs_server`` for ``NFS Server``.

    A group name does not begin with a digit.
    """
    group = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return f"_{group}" if group[:1].isdigit() else group


def group_fault(group: str) -> Optional[str]:
    """Return the reason why no membership can have this inventory group, or None."""
    if group in RESERVED:
        return f"{group!r} is reserved: it is {RESERVED[group]}"
    if _INVENTORY_GROUP.fullmatch(group):
        return f"{group!r} is reserved: the inventory makes groups of this form itself"
    return None


def free_ranks(
    in_use: Collection[int], *, fill_gaps: bool = False, first_rank: Optional[int] = None
) -> Iterator[int]:
    """Yield the free ranks in the order in which they are assigned.

    The rank after the highest one in use is the first; the gaps follow after ``MAX_POSITION``.

    fill_gaps   begin with the lowest free rank
    first_rank  begin with this rank, and yield no lower one
    """
    start = 0 if fill_gaps else max(in_use, default=-1) + 1
    ranks = chain(range(start, MAX_POSITION + 1), range(start))
    if first_rank is not None:
        ranks = chain(range(first_rank, MAX_POSITION + 1))
    return (rank for rank in ranks if rank not in in_use and rank <= MAX_POSITION)


def node_name(pattern: str, appliance: str, rack: int, rank: int) -> str:
    """Return the name that ``pattern`` gives.  Raises DescriptionError as ``check_pattern``."""
    check_pattern(pattern)
    values = {"appliance": appliance, "rack": rack, "rank": rank}
    return _FIELD.sub(lambda field: _pad(values[field[1]], field), pattern)


def contains_rack(pattern: str) -> bool:
    """Whether the names of a pattern differ between racks."""
    return any(field[1] == "rack" for field in _FIELD.finditer(pattern))


def position_in_name(
    pattern: str, appliance: str, name: str, rack: Optional[int] = None
) -> Optional[NamedPosition]:
    """Return the position for which ``pattern`` gives ``name``.

    rack  the rack of the node, if it is known

    Returns None if the name does not fit the pattern, or if several positions give it, as
    ``c{rack}{rank}`` does with ``c111``.  Raises DescriptionError as ``check_pattern``.
    """
    check_pattern(pattern)
    positions = set()
    for longest in (False, True):
        match = re.fullmatch(_name_expression(pattern, appliance, rack, longest=longest), name)
        if match is None:
            return None
        numbers = {field: int(digits) for field, digits in match.groupdict().items()}
        positions.add(NamedPosition(numbers.get("rack", rack), numbers["rank"]))
    position = positions.pop()
    fits = node_name(pattern, appliance, position.rack or 0, position.rank) == name
    if positions or not fits or max(position.rack or 0, position.rank) > MAX_POSITION:
        return None
    return position


def _name_expression(pattern: str, appliance: str, rack: Optional[int], *, longest: bool) -> str:
    """Return the regular expression of the names that a pattern gives.

    longest  the first field takes as many digits as possible, not as few as possible
    """
    known = {"appliance": appliance} if rack is None else {"appliance": appliance, "rack": rack}
    expression = []
    end = 0
    seen = set()
    for field in _FIELD.finditer(pattern):
        expression.append(re.escape(pattern[end : field.start()]))
        end = field.end()
        if field[1] in known:
            expression.append(re.escape(_pad(known[field[1]], field)))
        elif field[1] in seen:
            expression.append("[0-9]+")
        else:
            seen.add(field[1])
            expression.append(f"(?P<{field[1]}>{_digits(int(field[2] or 1), longest=longest)})")
    return "".join([*expression, re.escape(pattern[end:])])


def _digits(width: int, *, longest: bool) -> str:
    """Return the expression of a number that is padded with zeros to a width."""
    padded = f"[0-9]{{{max(width, 1)}}}"
    longer = f"[1-9][0-9]{{{max(width, 1)},9}}"
    return f"{longer}|{padded}" if longest else f"{padded}|{longer}?"


def _pad(value: object, field: re.Match[str]) -> str:
    return str(value).rjust(int(field[2] or 0), "0")


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


def check_pattern_names(pattern: str, appliance: str = "") -> None:
    """Raise DescriptionError if the pattern gives no valid names, or as ``check_pattern``.

    appliance  the appliance that it is for; empty: all of them
    """
    for position in (0, MAX_POSITION):
        name = node_name(pattern, appliance or "appliance", position, position)
        fault = name_fault(name, {})
        if fault:
            raise DescriptionError(
                f"{PATTERN_ATTRIBUTE} is {pattern!r}, and {fault}",
                "",
                "use another pattern",
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
