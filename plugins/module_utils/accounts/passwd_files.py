# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Parse passwd, group and shadow into Accounts, and check each row.

A user can change a part of his own row (chfn, chsh), so that a row with a fault must not hold back
the others: it is left out and reported.  The rows of an operating system are checked only for their
number of fields.
"""

from __future__ import annotations

import re
from typing import Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence

from ..errors import DescriptionError
from .model import USERS_GROUP, Accounts, is_account_id

NAME = r"(?![0-9]+\Z)(?!\.)[A-Za-z0-9_.][A-Za-z0-9_.-]{0,30}\$?"
NUMBER = r"0|[1-9][0-9]{0,9}"
DAYS = r"-?[0-9]{0,9}"
TEXT = r"[^:\x00-\x1f\x7f-\x9f\ud800-\udfff]*"
PATH = r"/" + TEXT
# Not empty: anybody can log in to an account with an empty password.
PASSWORD = r"[^:\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+"
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


class ParsedAccounts(NamedTuple):
    """The accounts to publish, and the faults of the rows that are left out or locked."""

    accounts: Accounts
    faults: tuple[DescriptionError, ...]


def parse_accounts(
    texts: Mapping[str, bytes], folder: str = "/etc", *, passwords: bool = True
) -> ParsedAccounts:
    """Parse the users and groups of people.

    texts      the content of passwd, group and shadow, by these names
    folder     their folder, for errors
    passwords  False: lock every password; people log in with a key

    A user or group with a fault in its row is left out.  Of several rows with one name the first
    counts, as for getpwnam(3).  A user without a valid row in shadow is locked.  Members of a group
    that are not users of people are dropped.
    """
    faults: list[DescriptionError] = []
    rows = {
        name: list(_rows(f"{folder}/{name}", data, FILE_FORMATS[name], faults))
        for name, data in texts.items()
    }
    users = _accounts(rows["passwd"], "passwd", faults)
    groups = _accounts(rows["group"], "group", faults)
    names = {user.name for user in users}
    shadow = _shadow_rows((row for row in rows["shadow"] if row.name in names), faults)
    accounts = Accounts(
        passwd=tuple(_passwd_row(user) for user in users),
        group=tuple(_group_row(group, names) for group in groups),
        shadow=tuple(_shadow_row(user.name, shadow.get(user.name), passwords) for user in users),
    )
    return ParsedAccounts(accounts, tuple(faults))


def _rows(
    path: str, data: bytes, formats: Sequence[FieldFormat], faults: list[DescriptionError]
) -> Iterator[Row]:
    """Yield the rows with the right number of fields."""
    # A byte that is not UTF-8 becomes a character that no format has.
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        if line[:1] in SKIPPED_PREFIXES:
            continue
        row = Row(f"{path}:{number}", tuple(line.split(":")))
        if line.endswith("\r"):
            what = f"the row of {_quoted(row.name)} ends with a carriage return, as on Windows"
            faults.append(DescriptionError(what, row.where, "run dos2unix on the file"))
        elif len(row.fields) == len(formats):
            yield row
        else:
            what = f"the row of {_quoted(row.name)} has {len(row.fields)} fields"
            faults.append(DescriptionError(f"{what}, not {len(formats)}", row.where))


def _accounts(rows: Iterable[Row], file: str, faults: list[DescriptionError]) -> list[Row]:
    """Return the rows of people without a fault, by number and name."""
    by_name: dict[str, Row] = {}
    for row in rows:
        number = row.fields[2]
        if not re.fullmatch(NUMBER, number):
            what = f"{_quoted(row.name)} has the number {_quoted(number)}"
            faults.append(DescriptionError(what, row.where))
        elif is_account_id(int(number)):
            row_faults = list(_row_faults(row, file, by_name))
            faults += row_faults
            if not row_faults:
                by_name[row.name] = row
    return sorted(by_name.values(), key=lambda row: (int(row.fields[2]), row.name))


def _row_faults(row: Row, file: str, others: Mapping[str, Row]) -> Iterator[DescriptionError]:
    yield from _field_faults(row, FILE_FORMATS[file])
    if row.name in others:
        what = f'duplicate name "{row.name}"'
        yield DescriptionError(what, row.where, "remove one of the rows")
    if file == "passwd":
        yield from _primary_group_faults(row)


def _field_faults(row: Row, formats: Sequence[FieldFormat]) -> Iterator[DescriptionError]:
    for field, text in zip(formats, row.fields):
        if not re.fullmatch(field.pattern, text):
            # The value may be a password, so it is not shown.
            value = _quoted(text) if field.name != "password" else "not valid"
            what = f"the {field.name} of {_quoted(row.name)} is {value}"
            yield DescriptionError(what, row.where, field.hint)


def _primary_group_faults(user: Row) -> Iterator[DescriptionError]:
    """Refuse groups of the operating system: on a node, they have other numbers or powers."""
    gid = user.fields[3]
    if re.fullmatch(NUMBER, gid) and int(gid) != USERS_GROUP and not is_account_id(int(gid)):
        what = f"{_quoted(user.name)} has the primary group {gid}, which is a system group"
        hint = "create a group with a gid of 1000 or more, then run usermod -g"
        yield DescriptionError(what, user.where, hint)


def _shadow_rows(rows: Iterable[Row], faults: list[DescriptionError]) -> dict[str, Row]:
    """Return the valid rows by name.  Users with a fault or with several rows are locked."""
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row.name, []).append(row)
    valid: dict[str, Row] = {}
    for name, (row, *others) in by_name.items():
        row_faults = list(_field_faults(row, FILE_FORMATS["shadow"]))
        row_faults += [
            DescriptionError(f'duplicate name "{name}"', other.where, "remove one of the rows")
            for other in others
        ]
        faults += row_faults
        if not row_faults:
            valid[name] = row
    return valid


def _quoted(text: str) -> str:
    """Return the text for a message, with what cannot be seen as an escape sequence."""
    return f'"{text if text.isprintable() else ascii(text)[1:-1]}"'


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
