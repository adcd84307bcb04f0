# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rules for the values of attributes that the frontend itself reads.

An empty value is always accepted: it means that the attribute is not set.
"""

from __future__ import annotations

import base64
import re
import struct
from typing import Mapping

from ...errors import Conflict, DescriptionError
from ...suggestions import suggest
from ..database import Database
from ..frontend_protection import ADDRESS
from ..model import FRONTEND
from ..naming import NETWORK_ATTRIBUTE, PATTERN_ATTRIBUTE, WORD, check_pattern_names
from ..networking.addressing import address_fault, ip_address, network_of
from ..networking.networks import list_networks
from .boot_attribute_rules import BOOT_RULES, Rule
from .scoped_values import Scope

# The names of sshd's key files, without .pub.
HOST_KEYS = ("ssh_host_ed25519_key", "ssh_host_ecdsa_key", "ssh_host_rsa_key")
POWER_UNIT = "power_unit"
POWER_OUTLET = "power_outlet"
POWER_DEVICE = "power_device"

_KEY = re.compile(
    r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) ([A-Za-z0-9+/]+={0,2})(?: .*)?"
)
# The length of each field of a key after its type (RFC 4253, 6.6; RFC 5656, 3.1; RFC 8709, 4).
_FIELD_LENGTHS: Mapping[str, tuple[range, ...]] = {
    "ssh-ed25519": (range(32, 33),),
    "ssh-rsa": (range(1, 9), range(128, 2050)),  # OpenSSH: 1024 to 16384 bits
    "ecdsa-sha2-nistp256": (range(8, 9), range(65, 66)),
    "ecdsa-sha2-nistp384": (range(8, 9), range(97, 98)),
    "ecdsa-sha2-nistp521": (range(8, 9), range(133, 134)),
}


def check_attribute(database: Database, name: str, value: str, scope: Scope) -> None:
    """Raise DescriptionError or Conflict if the frontend could not use this value."""
    if name in FRONTEND_ATTRIBUTES and value.strip():
        FRONTEND_ATTRIBUTES[name](database, name, value, scope)


def public_key(text: str) -> str:
    """Return an SSH public key without its comment.  Raises DescriptionError."""
    match = _KEY.fullmatch(text.strip())
    if match is None or not _has_fields(match[1], match[2]):
        raise DescriptionError(
            "not a public key of SSH",
            "",
            "use the line of the file /etc/ssh/ssh_host_…_key.pub: ssh-ed25519 AAAA…",
        )
    return f"{match[1]} {match[2]}"


def _has_fields(kind: str, encoded: str) -> bool:
    """Whether a key consists of its type and the fields of that type."""
    try:
        data = base64.b64decode(encoded, validate=True)
        fields = []
        while data:
            (length,) = struct.unpack_from(">I", data)
            fields.append(data[4 : 4 + length])
            if len(fields[-1]) < length:
                return False
            data = data[4 + length :]
    except (ValueError, struct.error):
        return False
    lengths = _FIELD_LENGTHS[kind]
    return (
        len(fields) == 1 + len(lengths)
        and fields[0] == kind.encode()
        and all(len(field) in allowed for field, allowed in zip(fields[1:], lengths))
    )


def _check_pattern(_database: Database, name: str, value: str, scope: Scope) -> None:
    _check_scope_of_new_nodes(name, scope)
    check_pattern_names(value, scope.appliance)


def _check_scope_of_new_nodes(name: str, scope: Scope) -> None:
    if scope.node:
        raise DescriptionError(
            f"it is only read when a node is added, and {scope.node} exists already",
            name,
            "set it for an appliance or globally",
        )


def _check_key(_database: Database, name: str, value: str, _scope: Scope) -> None:
    try:
        public_key(value)
    except DescriptionError as error:
        raise DescriptionError(f"the value is {error.what}", name, error.hint) from None


def _check_word(_database: Database, name: str, value: str, _scope: Scope) -> None:
    if not WORD.fullmatch(value):
        raise DescriptionError(
            f"{value!r} is not one word", name, "use letters, digits and the characters . _ + -"
        )


def _check_network(database: Database, name: str, value: str, scope: Scope) -> None:
    _check_scope_of_new_nodes(name, scope)
    names = [row[0] for row in database.rows("select name from networks")]
    if value not in names:
        hint = suggest(value, names) if names else "add it with rocks_network first"
        raise DescriptionError(f"there is no network {value!r}", name, hint)


def _check_frontend_address(database: Database, name: str, value: str, _scope: Scope) -> None:
    ip = ip_address(value)
    networks = list_networks(database)
    if network_of(ip, networks):
        fault = address_fault(ip, networks, may_be_gateway=True)
        if fault:
            raise Conflict(fault, name, "use the address of the frontend, or change the network")
    owner = database.row(
        "select nodes.name, appliances.name from nodes"
        " join memberships on memberships.id = nodes.membership"
        " join appliances on appliances.id = memberships.appliance"
        " where nodes.ip = ? or exists (select 1 from interfaces"
        " where interfaces.node = nodes.id and interfaces.ip = ?)",
        (ip, ip),
    )
    if owner and owner[1] != FRONTEND:
        raise Conflict(
            f"the address {ip} belongs to {owner[0]}, which is not a frontend",
            name,
            "use the address of the frontend, or give that node another one first",
        )


FRONTEND_ATTRIBUTES: Mapping[str, Rule] = {
    PATTERN_ATTRIBUTE: _check_pattern,
    NETWORK_ATTRIBUTE: _check_network,
    ADDRESS: _check_frontend_address,
    POWER_UNIT: _check_word,
    POWER_OUTLET: _check_word,
    POWER_DEVICE: _check_word,
    **dict.fromkeys(HOST_KEYS, _check_key),
    **BOOT_RULES,
}
"""The attributes that the frontend itself reads, with the rule of each."""
