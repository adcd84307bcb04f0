# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lines of one input that request the same node, MAC, address or position."""

from __future__ import annotations

import contextlib
from typing import Iterator, Mapping, Optional, Sequence

from ..errors import DescriptionError, RocksError
from .faults import Faults
from .model import NewNode, Node
from .networking.addressing import ip_address, mac_address
from .node_allocation import NO_ADDRESS


def find_duplicates(
    requests: Sequence[Mapping[str, object]], existing: Sequence[Optional[Node]], faults: Faults
) -> set[int]:
    """Return the indexes of requests that repeat an earlier one; each error names both places.

    existing  the node of each request, or None for a new one
    """
    places: dict[str, str] = {}
    duplicates = set()
    for index, (request, before) in enumerate(zip(requests, existing)):
        where = str(request.get("where") or f"request {index}")
        claims = list(_claims(request, before))
        repeated = next((claim for claim in claims if claim in places), None)
        if repeated is None:
            places.update(dict.fromkeys(claims, where))
            continue
        duplicates.add(index)
        faults.add(
            where,
            DescriptionError(
                f"{repeated} is also at {places[repeated]}", "", "remove or change one of the two"
            ),
        )
    return duplicates


def _claims(request: Mapping[str, object], before: Optional[Node]) -> Iterator[str]:
    """Yield what only one node can have.  Values that are not valid are left to the allocation."""
    mac = request.get("mac")
    if mac:
        with contextlib.suppress(RocksError):
            yield f"the MAC {mac_address(str(mac))}"
    if before:
        yield f"node {before.name!r}"
    name = request.get("new_name") or request.get("name")
    if name and not (before and name == before.name):
        yield f"the name {name!r}"
    ip = request.get("ip")
    if ip and ip != NO_ADDRESS:
        with contextlib.suppress(RocksError):
            yield f"the address {ip_address(str(ip))}"
    rack = request.get("rack")
    if rack is None and (before or not name):  # otherwise the name can contain the rack
        rack = before.rack if before else NewNode().default_rack
    if request.get("rank") is not None and rack is not None:
        membership = request.get("membership") or (before or NewNode()).membership
        yield f"rack {rack}, rank {request['rank']} of membership {membership!r}"
