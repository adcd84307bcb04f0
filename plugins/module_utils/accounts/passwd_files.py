# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Parse passwd, group and shadow into Accounts, and check each row.

The rows of an operating system are checked only for their number of fields.
"""

from __future__ import annotations

import re
from typing import Callable, Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence

from ..errors import DescriptionError, combine
from .model import USERS_GROUP, Accounts, is_account_id

NAME = r"(?![0-9]+\Z)(?!\.)[A-Za-z0-9_.][A-Za-z0-9_.-]{0,30}\$?"
NUMBER = r"0|[1-9][0-9]{0,9}"
DAYS = r"-?[0-9]{0,9}"
TEXT = r"[^:\x00-\x1f\x7f-\x9f]*"
PATH = r"/" + TEXT
# Not empty: anybody can log in to an account with an empty password.
PASSWORD = r"[^:\s\x00-\x1f\x7f-\x9f]+"
LOCKED = "!"
# An empty row, a comment, and the entries of nsswitch's "compat".
SKIPPED_PREFIXES = ("", "#", "+", "-")


class FieldFormat(NamedTuple):
    """The format of one field of a row: a regular expression, and the remedy."""

    name: str
    pattern: str
    hint: str = ""


FILE_FORMATS: Mapping[str, Sequence[FieldFormat]] = {
    "passwd": (
        FieldFormat("name", NAME, "letters, digits, and _ . -, at most 32"),
        FieldFormat("password", r"[x*!]", "run pwconv"),
        FieldFormat("uid", NUMBER),
        FieldFormat("gid", NUMBER),
        FieldFormat("comment", TEXT),
        FieldFormat("home", PATH, "use an absolute path"),
        FieldFormat("shell", rf"({PATH})?", "use an absolute path"),
    ),
    "group": (
        FieldFormat("name", NAME, "letters, digits, and _ . -, at most 32"),
        FieldFormat("password", r"[x*!]?", "run grpconv"),
        FieldFormat("gid", NUMBER),
        FieldFormat("members", TEXT),
    ),
    "shadow": (
        FieldFormat("name", NAME),
        FieldFormat("password", PASSWORD, "lock an empty password with passwd -l"),
        FieldFormat("last change", DAYS),
        FieldFormat("minimum", DAYS),
        FieldFormat("maximum", DAYS),
        FieldFormat("warning", DAYS),
        FieldFormat("inactive", DAYS),
        FieldFormat("expires", DAYS),
        FieldFormat("reserved", r""),
    ),
}


class Row(NamedTuple):
    """A row, and its file and line."""

    where: str
    fields: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.fields[0]


def parse_accounts(
    texts: Mapping[str, str], folder: str = "/etc", *, passwords: bool = True
) -> Accounts:
    """Parse the users and groups of people.

    texts      the content of passwd, group and shadow, by these names
    folder     their folder, for errors
    passwords  False: lock every password; people log in with a key

    A user without a row in shadow is locked.  Members of a group that are not users of people are
    dropped.  Raises one DescriptionError that names every wrong row.
    """
    faults: list[DescriptionError] = []
    rows = {
        name: list(_rows(f"{folder}/{name}", text, FILE_FORMATS[name], faults))
        for name, text in texts.items()
    }
    users = _accounts(rows["passwd"], "passwd", lambda row: int(row.fields[2]), faults)
    groups = _accounts(rows["group"], "group", lambda row: int(row.fields[2]), faults)
    _check_primary_groups(users, faults)
    names = {user.name for user in users}
    shadow = {row.name: row for row in rows["shadow"] if row.name in names}
    for row in shadow.values():
        _check(row, FILE_FORMATS["shadow"], faults)
    if faults:
        raise combine(faults)
    return Accounts(
        passwd=tuple(_passwd_row(user) for user in users),
        group=tuple(_group_row(group, names) for group in groups),
        shadow=tuple(_shadow_row(user.name, shadow.get(user.name), passwords) for user in users),
    )


def _rows(
    path: str, text: str, formats: Sequence[FieldFormat], faults: list[DescriptionError]
) -> Iterator[Row]:
    """Yield the rows with the right number of fields."""
    if "\r\n" in text:
        number = text[: text.index("\r\n")].count("\n") + 1
        what = "the line ends with a carriage return, as in files from Windows"
        faults.append(DescriptionError(what, f"{path}:{number}", "run dos2unix on the file"))
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if line[:1] in SKIPPED_PREFIXES:
            continue
        row = Row(f"{path}:{number}", tuple(line.split(":")))
        if len(row.fields) == len(formats):
            yield row
        else:
            what = f'the row of "{row.name}" has {len(row.fields)} fields, not {len(formats)}'
            faults.append(DescriptionError(what, row.where))


def _accounts(
    rows: Iterable[Row], file: str, number: Callable[[Row], int], faults: list[DescriptionError]
) -> list[Row]:
    """Return the checked rows of people, by number and name."""
    by_name: dict[str, Row] = {}
    for row in rows:
        if not re.fullmatch(NUMBER, row.fields[2]):
            what = f'"{row.name}" has the number "{row.fields[2]}"'
            faults.append(DescriptionError(what, row.where))
        elif is_account_id(number(row)):
            _check(row, FILE_FORMATS[file], faults)
            if row.name in by_name:
                what = f'duplicate name "{row.name}"'
                faults.append(DescriptionError(what, row.where, "remove one of the rows"))
            by_name[row.name] = row
    return sorted(by_name.values(), key=lambda row: (number(row), row.name))


def _check(row: Row, formats: Sequence[FieldFormat], faults: list[DescriptionError]) -> None:
    for field, text in zip(formats, row.fields):
        if not re.fullmatch(field.pattern, text):
            # The value may be a password, so it is not shown.
            printable = text if text.isprintable() else ascii(text)[1:-1]
            value = f'"{printable}"' if field.name != "password" else "not valid"
            what = f'the {field.name} of "{row.name}" is {value}'
            faults.append(DescriptionError(what, row.where, field.hint))


def _check_primary_groups(users: Iterable[Row], faults: list[DescriptionError]) -> None:
    """Refuse groups of the operating system: on a node, they have other numbers or powers."""
    for user in users:
        gid = user.fields[3]
        if re.fullmatch(NUMBER, gid) and int(gid) != USERS_GROUP and not is_account_id(int(gid)):
            what = f'"{user.name}" has the primary group {gid}, which is a system group'
            hint = "create a group with a gid of 1000 or more, then run usermod -g"
            faults.append(DescriptionError(what, user.where, hint))


def _passwd_row(user: Row) -> str:
    return _join((user.name, "x", *user.fields[2:]))


def _group_row(group: Row, users: set[str]) -> str:
    members = sorted(set(group.fields[3].split(",")) & users)
    return _join((group.name, "x", group.fields[2], ",".join(members)))


def _shadow_row(name: str, row: Optional[Row], passwords: bool) -> str:
    if row is None:
        return _join((name, LOCKED, *[""] * (len(FILE_FORMATS["shadow"]) - 2)))
    return _join((name, row.fields[1] if passwords else LOCKED, *row.fields[2:]))


def _join(fields: Iterable[str]) -> str:
    return ":".join(fields)
