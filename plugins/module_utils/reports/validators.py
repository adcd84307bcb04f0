# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Validate words for the files of services: none of them can end a line, a string or a block.

The rules of the database are the same or narrower.  These validators are the last defence against
a row that was written past those rules.
"""

from __future__ import annotations

import functools
import re
from typing import Iterable

from ..cluster.naming import WORD
from ..errors import DescriptionError

# RFC 1123, 2.1, in lower case.
HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
IP = re.compile(rf"({OCTET}\.){{3}}{OCTET}")
# Slurm: a range has at most 65,536 hosts, and a number above 2^25 is a part of the name.
MAX_SPAN = 65_536
MAX_DIGITS = 7
_DIGITS = re.compile(r"(\d+)")


def is_host(text: str) -> bool:
    """Return whether the text is one label of a host name."""
    return HOST.fullmatch(text) is not None


def is_mac(text: str) -> bool:
    """Return whether the text is an Ethernet address in the form of the database."""
    return MAC.fullmatch(text) is not None


def is_ip(text: str) -> bool:
    """Return whether the text is a dotted quad without leading zeros.

    Some daemons read a number with a leading zero as octal.
    """
    return IP.fullmatch(text) is not None


def is_word(text: str) -> bool:
    """Return whether the text is one plain word."""
    return WORD.fullmatch(text) is not None


def check_word(text: str, kind: str, where: str) -> str:
    """Return ``text`` if it is one plain word; ``kind`` and ``where`` are for the error.

    Raises DescriptionError.
    """
    if not is_word(text):
        hint = "use letters, digits and the characters . _ + -"
        raise DescriptionError(f"{text!r} is not a valid {kind}", where, hint)
    return text


def one_line(text: str) -> str:
    """Return free text as one line: every unprintable character becomes a space."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


@functools.lru_cache(maxsize=100_000)
def natural_key(name: str) -> tuple[tuple[str, int], ...]:
    """Return a sort key for natural order: compute-0-9 before compute-0-10."""
    parts = _DIGITS.split(name)
    return tuple((text, int(number)) for text, number in zip(parts[::2], [*parts[1::2], "-1"]))


def fold_names(names: Iterable[str]) -> str:
    """Return a host list for Slurm, powerman and ClusterShell: ``compute-0-[0-3,5],login-0-0``.

    Only the last number of a name is folded, if it has at most ``MAX_DIGITS`` digits; leading zeros
    are kept.
    """
    split = [_split_last_number(name) for name in sorted(set(names), key=natural_key)]
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


def _split_last_number(name: str) -> tuple[str, str]:
    prefix = name.rstrip("0123456789")
    number = name[len(prefix) :]
    return (prefix, number) if len(number) <= MAX_DIGITS else (name, "")


def _fold_group(prefix: str, width: int, numbers: list[str]) -> str:
    if numbers == [""]:
        return prefix
    if "" in numbers:  # for example "web" and "web1"
        numbered = [number for number in numbers if number]
        return f"{prefix},{_fold_group(prefix, width, numbered)}"
    spans: list[list[int]] = []
    for number in sorted(map(int, numbers)):
        if spans and spans[-1][1] == number - 1 and number - spans[-1][0] < MAX_SPAN:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    texts = [
        f"{low:0{width}}" if low == high else f"{low:0{width}}-{high:0{width}}"
        for low, high in spans
    ]
    return prefix + (numbers[0] if len(numbers) == 1 else f"[{','.join(texts)}]")
