# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""passwd, group and shadow as texts give Accounts: what people's rows may hold, and which row is wrong.

The rows of an operating system are only counted; what they hold is its own business.
"""

from __future__ import annotations

import re
from typing import Callable, Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence

from ..errors import DescriptionError, combine
from .model import USERS_GROUP, Accounts, is_of_people

NAME = r"(?![0-9]+\Z)(?!\.)[A-Za-z0-9_.][A-Za-z0-9_.-]{0,30}\$?"
NUMBER = r"0|[1-9][0-9]{0,9}"
DAYS = r"-?[0-9]{0,9}"
TEXT = r"[^:\x00-\x1f\x7f-\x9f]*"
PATH = r"/" + TEXT
# Not empty: who has an empty password needs none to come in.
PASSWORD = r"[^:\s\x00-\x1f\x7f-\x9f]+"
LOCKED = "!"
SKIPPED = ("", "#", "+", "-")  # an empty row, a comment, and what nsswitch's "compat" reads


class Field(NamedTuple):
    """One field of a row: its name, what it must be like, and what helps."""

    name: str
    form: str
    hint: str = ""


FORMS: Mapping[str, Sequence[Field]] = {
    "passwd": (
        Field("name", NAME, "letters, digits, and _ . -, at most 32"),
        Field("password", r"[x*!]", "run pwconv"),
        Field("uid", NUMBER),
        Field("gid", NUMBER),
        Field("comment", TEXT),
        Field("home", PATH, "an absolute path"),
        Field("shell", rf"({PATH})?", "an absolute path"),
    ),
    "group": (
        Field("name", NAME, "letters, digits, and _ . -, at most 32"),
        Field("password", r"[x*!]?", "run grpconv"),
        Field("gid", NUMBER),
        Field("members", TEXT),
    ),
    "shadow": (
        Field("name", NAME),
        Field("password", PASSWORD, "an empty password lets everybody in; lock it with passwd -l"),
        Field("last change", DAYS),
        Field("minimum", DAYS),
        Field("maximum", DAYS),
        Field("warning", DAYS),
        Field("inactive", DAYS),
        Field("expires", DAYS),
        Field("reserved", r""),
    ),
}


class Row(NamedTuple):
    """A row and where it stands."""

    where: str
    fields: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.fields[0]


def accounts_of(
    texts: Mapping[str, str], folder: str = "/etc", *, passwords: bool = True
) -> Accounts:
    """The people's users and groups in the texts of passwd, group and shadow.

    folder     stands before the files' names in errors
    passwords  False: every password is locked, and people come in by key

    A user without a row in shadow is locked. A group's members that are no people's users stay out. Raises
    DescriptionError that names each row that is wrong.
    """
    faults: list[DescriptionError] = []
    rows = {
        name: list(_rows(f"{folder}/{name}", text, FORMS[name], faults))
        for name, text in texts.items()
    }
    users = _only_people(rows["passwd"], "passwd", lambda row: int(row.fields[2]), faults)
    groups = _only_people(rows["group"], "group", lambda row: int(row.fields[2]), faults)
    _check_primary(users, faults)
    names = {user.name for user in users}
    shadow = {row.name: row for row in rows["shadow"] if row.name in names}
    for row in shadow.values():
        _check(row, FORMS["shadow"], faults)
    if faults:
        raise combine(faults)
    return Accounts(
        tuple(
            _joined("x" if index == 1 else text for index, text in enumerate(user.fields))
            for user in users
        ),
        tuple(_joined((row.name, "x", row.fields[2], _members(row, names))) for row in groups),
        tuple(_shadow(user.name, shadow.get(user.name), passwords) for user in users),
    )


def _rows(
    path: str, text: str, form: Sequence[Field], faults: list[DescriptionError]
) -> Iterator[Row]:
    """Every row that has as many fields as its file wants."""
    for number, line in enumerate(text.split("\n"), 1):
        if line[:1] in SKIPPED:
            continue
        row = Row(f"{path}:{number}", tuple(line.split(":")))
        if len(row.fields) == len(form):
            yield row
        else:
            faults.append(
                DescriptionError(
                    f'the row of "{row.name}" has {len(row.fields)} fields, not {len(form)}',
                    row.where,
                )
            )


def _only_people(
    rows: Iterable[Row], form: str, number: Callable[[Row], int], faults: list[DescriptionError]
) -> list[Row]:
    """People's rows by number and name, checked; a row whose number cannot be read is nobody's and a fault."""
    found: dict[str, Row] = {}
    for row in rows:
        if not re.fullmatch(NUMBER, row.fields[2]):
            faults.append(
                DescriptionError(f'"{row.name}" has the number "{row.fields[2]}"', row.where)
            )
        elif is_of_people(number(row)):
            _check(row, FORMS[form], faults)
            if row.name in found:
                faults.append(
                    DescriptionError(
                        f'"{row.name}" stands there a second time', row.where, "remove one"
                    )
                )
            found[row.name] = row
    return sorted(found.values(), key=lambda row: (number(row), row.name))


def _check(row: Row, form: Sequence[Field], faults: list[DescriptionError]) -> None:
    for field, text in zip(form, row.fields):
        if not re.fullmatch(field.form, text):
            # What stands in the place of a password may be one.
            shown = f'"{text}"' if field.name != "password" else "not what it should be"
            faults.append(
                DescriptionError(
                    f'the {field.name} of "{row.name}" is {shown}', row.where, field.hint
                )
            )


def _check_primary(users: Iterable[Row], faults: list[DescriptionError]) -> None:
    """A group of the operating system has another number, or another power, on a node."""
    for user in users:
        gid = user.fields[3]
        if re.fullmatch(NUMBER, gid) and int(gid) != USERS_GROUP and not is_of_people(int(gid)):
            what = f'"{user.name}" has the primary group {gid}, which is the operating system\'s'
            faults.append(
                DescriptionError(
                    what, user.where, "make a group with a gid of 1000 or more: usermod -g"
                )
            )


def _members(row: Row, users: set[str]) -> str:
    return ",".join(sorted(set(row.fields[3].split(",")) & users))


def _shadow(name: str, row: Optional[Row], passwords: bool) -> str:
    if row is None:
        return _joined((name, LOCKED, *[""] * (len(FORMS["shadow"]) - 2)))
    return _joined((name, row.fields[1] if passwords else LOCKED, *row.fields[2:]))


def _joined(fields: Iterable[str]) -> str:
    return ":".join(fields)
