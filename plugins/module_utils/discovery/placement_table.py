# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where each machine stands, when that is known beforehand: a list of machines, or a table of switch ports.

A table is what an LLDP or SNMP tool, a label scanner or the vendor's delivery note gives: a CSV file whose first line
names its columns.  It is keyed by MAC, or by the port that a relay agent reports (DHCP option 82).
"""

from __future__ import annotations

import csv
import io
from typing import Any, Callable, Iterable, Iterator, Mapping, Optional, Sequence

from ..cluster.addressing import ip_address, mac_address
from ..errors import DescriptionError, RocksError, combine
from .dhcp_request import Sighting, usable_mac
from .model import Place

COLUMNS = ("mac", "switch", "port", "rack", "rank", "name", "ip", "membership")


def table_places(text: str, path: str) -> dict[str, Place]:
    """The places of a CSV table; ``path`` is only named in errors.

    Raises one DescriptionError with every fault, each at its line.
    """
    try:
        rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), strict=True))
    except csv.Error as error:
        raise DescriptionError(f"not a CSV table ({error})", path) from None
    numbered = [(number, row) for number, row in enumerate(rows, 1) if any(map(str.strip, row))]
    if not numbered:
        raise DescriptionError("the table is empty", path, f"columns: {', '.join(COLUMNS)}")
    names = [name.strip().lower() for name in numbered[0][1]]
    unknown = sorted(set(names) - set(COLUMNS))
    if unknown or not {"mac", "port"} & set(names) or len(set(names)) < len(names):
        raise DescriptionError(
            f"the first line names the columns {', '.join(names)!r}",
            f"{path}:{numbered[0][0]}",
            f"each once, of {', '.join(COLUMNS)}; mac or port must be there",
        )
    return _collected(
        (f"{path}:{number}", dict(zip(names, row)), len(row) == len(names))
        for number, row in numbered[1:]
    )


def listed_places(items: Sequence[Any]) -> dict[str, Place]:
    """The places of a list of MACs, or of mappings with the table's columns.  Raises one error with every fault."""
    as_rows = (
        (f"item {number}", item if isinstance(item, Mapping) else {"mac": item}, True)
        for number, item in enumerate(items, 1)
    )
    return _collected(as_rows)


def place_of(sighting: Sighting, places: Mapping[str, Place]) -> Optional[Place]:
    """Where the machine stands, by its MAC or else by the port that its cable is in; None when that is not said."""
    for key in (
        sighting.mac,
        _port_key(sighting.switch, sighting.port),
        _port_key("", sighting.port),
    ):
        if key in places:
            return places[key]
    return None


def _port_key(switch: str, port: str) -> str:
    return f"{switch} {port}".strip() if port else ""


def _collected(rows: Iterable[tuple[str, Mapping[str, Any], bool]]) -> dict[str, Place]:
    places: dict[str, Place] = {}
    taken: dict[str, str] = {}
    faults: list[RocksError] = []
    for where, row, whole in rows:
        try:
            key, place = _place(where, row, whole)
            for claim in (key, *_claims(place)):
                if claim in taken:
                    raise DescriptionError(
                        f"{claim} stands already at {taken[claim]}", where, "remove one of the two"
                    )
                taken[claim] = where
            places[key] = place
        except RocksError as error:
            faults.append(error)
    if faults:
        raise combine(faults)
    return places


def _claims(place: Place) -> Iterator[str]:
    """What only one machine can have, in words."""
    if place.rank is not None:
        rack = "" if place.rack is None else f"rack {place.rack}, "
        yield " ".join(filter(None, (place.membership, f"{rack}rank {place.rank}")))
    if place.name:
        yield f"the name {place.name}"
    if place.ip:
        yield f"the address {place.ip}"


def _place(where: str, row: Mapping[str, Any], whole: bool) -> tuple[str, Place]:
    """One row's key and place; ``whole`` tells whether it has a value for each column."""
    unknown = sorted(set(row) - set(COLUMNS))
    if unknown or not whole:
        what = (
            f"unknown column {unknown[0]!r}"
            if unknown
            else "the line has not as many values as the first one"
        )
        raise DescriptionError(what, where, f"columns: {', '.join(COLUMNS)}")
    values = {name: "" if value is None else str(value).strip() for name, value in row.items()}
    mac = _checked(mac_address, values.get("mac", ""), where)
    key = mac or _port_key(values.get("switch", ""), values.get("port", ""))
    if not key:
        raise DescriptionError(
            "neither a MAC nor a port", where, "one of them tells which machine is meant"
        )
    return key, Place(
        rack=_number("rack", values, where),
        rank=_number("rank", values, where),
        name=values.get("name", ""),
        ip=_checked(ip_address, values.get("ip", ""), where),
        membership=values.get("membership", ""),
        where=where,
    )


def _checked(check: Callable[[str], str], text: str, where: str) -> str:
    try:
        return check(text) if text else ""
    except DescriptionError as error:
        raise DescriptionError(error.what, where, error.hint) from None


def _number(name: str, values: Mapping[str, str], where: str) -> Optional[int]:
    text = values.get(name, "")
    if text and not (text.isascii() and text.isdigit()):
        raise DescriptionError(f"{name} is {text!r}", where, "a whole number, 0 or more")
    return int(text) if text else None


def listed_sightings(places: Mapping[str, Place]) -> Iterator[Sighting]:
    """The machines whose MACs are listed, as if each had asked; those known by their port must be waited for."""
    for key in places:
        if usable_mac(key) == key:
            yield Sighting(key)
