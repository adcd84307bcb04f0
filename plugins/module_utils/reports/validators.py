# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Words that may stand in a service's file: none of them can end a line, a string or a block.

The database's rules are the same or narrower; these are the last wall, for a row that came another way.
"""

from __future__ import annotations

import functools
import re
from typing import Iterable

from ..errors import DescriptionError

HOST = re.compile(
    r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)  # RFC 1123, 2.1; names are small letters here
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
IP = re.compile(rf"({OCTET}\.){{3}}{OCTET}")
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
DOMAIN_OCTETS = 253  # RFC 1035, 2.3.4
_DIGITS = re.compile(r"(\d+)")
_LAST_NUMBER = re.compile(r"(.*?)(\d*)")


def is_host(text: str) -> bool:
    """One label of a host name."""
    return HOST.fullmatch(text) is not None


def is_domain(text: str) -> bool:
    """Labels with dots between them, none at the end."""
    return len(text) <= DOMAIN_OCTETS and all(is_host(label) for label in text.split("."))


def is_mac(text: str) -> bool:
    """An Ethernet address as the database holds it."""
    return MAC.fullmatch(text) is not None


def is_ip(text: str) -> bool:
    """A dotted quad without leading zeros, which some daemons read as octal."""
    return IP.fullmatch(text) is not None


def check_word(text: str, what: str, where: str) -> str:
    """``text``, which must be one plain word.  Raises DescriptionError that names ``what`` it was to be."""
    if not WORD.fullmatch(text):
        raise DescriptionError(f"{text!r} is no {what}", where, "letters, digits and any of ._+-")
    return text


def one_line(text: str) -> str:
    """Free text as the rest of one line: whatever is not a printable character becomes a space."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


@functools.lru_cache(maxsize=100_000)
def natural_key(name: str) -> tuple[tuple[str, int], ...]:
    """A sort key by which people count: compute-0-9 before compute-0-10."""
    parts = _DIGITS.split(name)
    return tuple((text, int(number)) for text, number in zip(parts[::2], [*parts[1::2], "-1"]))


def fold_names(names: Iterable[str]) -> str:
    """Names as a host list that Slurm, powerman and ClusterShell read: ``compute-0-[0-3,5],login-0-0``.

    Only the last number of a name is folded; numbers that are written with leading zeros keep them.
    """
    split = [_LAST_NUMBER.fullmatch(name).groups() for name in sorted(set(names), key=natural_key)]  # type: ignore[union-attr]
    padded = {
        (prefix, len(number))
        for prefix, number in split
        if number.startswith("0") and number != "0"
    }
    groups: dict[tuple[str, int], list[str]] = {}
    for prefix, number in split:
        width = len(number) if (prefix, len(number)) in padded else 0
        groups.setdefault((prefix, width), []).append(number)
    return ",".join(
        _fold_group(prefix, width, numbers) for (prefix, width), numbers in groups.items()
    )


def _fold_group(prefix: str, width: int, numbers: list[str]) -> str:
    if numbers == [""]:
        return prefix
    if "" in numbers:  # "web" beside "web1"
        return ",".join(
            _fold_group(prefix, width, part)
            for part in ([""], [number for number in numbers if number])
        )
    spans: list[list[int]] = []
    for number in sorted(map(int, numbers)):
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    texts = [
        f"{low:0{width}}" if low == high else f"{low:0{width}}-{high:0{width}}"
        for low, high in spans
    ]
    return prefix + (numbers[0] if len(numbers) == 1 else f"[{','.join(texts)}]")
