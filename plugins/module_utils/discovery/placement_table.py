# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The locations of machines, from a list of machines or from a table of MACs or switch ports.

A table is a CSV file whose first line names its columns; LLDP and SNMP tools, label scanners and
vendors can write one.  Its key is the MAC, or the port that a relay agent reports (DHCP option 82).
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator, Mapping, Optional, Sequence

from ..cluster.networking.addressing import ip_address, mac_address
from ..csv_tables import parse_csv, whole_number
from ..errors import DescriptionError, RocksError, combine
from .dhcp_request import DhcpRequest, usable_mac
from .model import Location

COLUMNS = ("mac", "switch", "port", "rack", "rank", "name", "ip", "membership")
COLUMN_LIST = ", ".join(COLUMNS)


def locations_from_table(text: str, path: str) -> dict[str, Location]:
    """Parse a CSV table into locations by MAC or port; ``path`` is for errors.

    Raises one DescriptionError with every fault, each at its line.
    """
    table = parse_csv(text, path, COLUMNS)
    if not {"mac", "port"} & set(table.columns):
        raise DescriptionError(
            "a column is missing: mac or port", path, f"columns: {', '.join(table.columns)}"
        )
    return _parse_rows(table.lines, table.faults)


def locations_from_list(items: Sequence[Any]) -> dict[str, Location]:
    """Parse a list of MACs, or of mappings with the table's columns, into locations by MAC or port.

    Raises one error with every fault.
    """
    return _parse_rows(
        (f"item {number}", item if isinstance(item, Mapping) else {"mac": item})
        for number, item in enumerate(items, 1)
    )


def location_of(request: DhcpRequest, locations: Mapping[str, Location]) -> Optional[Location]:
    """Return the location of a machine by its MAC, or else by its switch port; None if unlisted."""
    keys = (
        request.mac,
        _port_key(request.switch, request.port),
        _port_key("", request.port),
    )
    return next((locations[key] for key in keys if key in locations), None)


def listed_requests(locations: Mapping[str, Location]) -> Iterator[DhcpRequest]:
    """Yield a request for each machine that is listed by MAC; the others must send one."""
    for key in locations:
        if usable_mac(key) == key:
            yield DhcpRequest(key)


def _port_key(switch: str, port: str) -> str:
    return f"{switch} {port}".strip() if port else ""


def _parse_rows(
    rows: Iterable[tuple[str, Mapping[str, Any]]], faults: Sequence[RocksError] = ()
) -> dict[str, Location]:
    """Parse rows of (where, values by column) into locations by key.

    faults  errors of further rows, which are reported with those found here
    """
    locations: dict[str, Location] = {}
    claimed_at: dict[str, str] = {}
    faults = list(faults)
    for where, row in rows:
        try:
            key, location = _parse_row(where, row)
            for claim in (key, *_claims(location)):
                if claim in claimed_at:
                    raise DescriptionError(
                        f"{claim} is already used at {claimed_at[claim]}",
                        where,
                        "remove one of the two",
                    )
                claimed_at[claim] = where
            locations[key] = location
        except RocksError as error:
            faults.append(error)
    if faults:
        raise combine(faults)
    return locations


def _claims(location: Location) -> Iterator[str]:
    """Yield what only one machine can have: the rank in a rack, the name, the address."""
    if location.rank is not None:
        rack = "" if location.rack is None else f"rack {location.rack}, "
        yield " ".join(filter(None, (location.membership, f"{rack}rank {location.rank}")))
    if location.name:
        yield f"name {location.name}"
    if location.ip:
        yield f"address {location.ip}"


def _parse_row(where: str, row: Mapping[str, Any]) -> tuple[str, Location]:
    """Return the key and the location of a row."""
    unknown = sorted(set(row) - set(COLUMNS))
    if unknown:
        raise DescriptionError(f"unknown column {unknown[0]!r}", where, f"columns: {COLUMN_LIST}")
    values = {name: "" if value is None else str(value).strip() for name, value in row.items()}
    mac = _normalise(mac_address, values.get("mac", ""), where)
    key = mac or _port_key(values.get("switch", ""), values.get("port", ""))
    if not key:
        raise DescriptionError(
            "mac and port are missing", where, "set one of them to identify the machine"
        )
    return key, Location(
        rack=_number("rack", values, where),
        rank=_number("rank", values, where),
        name=values.get("name", ""),
        ip=_normalise(ip_address, values.get("ip", ""), where),
        membership=values.get("membership", ""),
        where=where,
    )


def _normalise(parse: Callable[[str], str], text: str, where: str) -> str:
    try:
        return parse(text) if text else ""
    except DescriptionError as error:
        raise DescriptionError(error.what, where, error.hint) from None


def _number(column: str, values: Mapping[str, str], where: str) -> Optional[int]:
    text = values.get(column, "")
    return whole_number(column, text, where) if text else None
