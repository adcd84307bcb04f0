# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Parse the options of a DHCP message (RFC 2132), and options inside an option (RFC 3046)."""

from __future__ import annotations

from typing import Iterator

PAD = 0
END = 255


def encoded_options(field: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield code and value of each option in the order of the field.

    A value that is cut short ends the field.
    """
    position = 0
    while position < len(field) and field[position] != END:
        code = field[position]
        if code == PAD:
            position += 1
            continue
        if position + 1 >= len(field):
            return
        start = position + 2
        length = field[position + 1]
        value = field[start : start + length]
        if len(value) < length:
            return
        yield code, value
        position = start + length


def parse_options(*fields: bytes) -> dict[int, bytes]:
    """Return the options of one message by code.

    fields   the fields that carry options, in the order of RFC 3396, section 7

    An option that occurs more than once is one long option (RFC 3396).
    """
    options: dict[int, bytes] = {}
    for field in fields:
        for code, value in encoded_options(field):
            options[code] = options.get(code, b"") + value
    return options
