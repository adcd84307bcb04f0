# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a bundle of accounts holds, and what the files of a node become by it: values in, values out.

The numbers decide who is who: from 1000 on the bundle says which users and groups there are, all others are the
node's own and are never touched, nor is anybody of their names.

Standard library of Python 3.6, which is the one that every EL 8 has; accounts.py uses it.
"""

import json
import re
from typing import Any, Dict, Iterable, List, NamedTuple, Sequence, Set, Tuple

FORMAT = 1
PEOPLE = (range(1000, 60000), range(65536, 2**32 - 2))
USERS_GROUP = 100
NAME = r"(?![0-9]+\Z)(?!\.)[A-Za-z0-9_.][A-Za-z0-9_.-]{0,30}\$?"
NUMBER = r"0|[1-9][0-9]{0,9}"
DAYS = r"-?[0-9]{0,9}"
TEXT = r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*"
SECRET = r"[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+"  # an empty password lets everybody in
# Of each field of a row.
FORMS = {
    "passwd": (NAME, "x", NUMBER, NUMBER, TEXT, "/" + TEXT, "(/" + TEXT + ")?"),
    "group": (NAME, "x", NUMBER, TEXT),
    "shadow": (NAME, SECRET) + 6 * (DAYS,) + ("",),
}
NUMBER_AT = 2  # the uid in passwd, the gid in group
SECRETS = {"passwd": "shadow", "group": "gshadow"}
FILES = ("passwd", "group", "shadow", "gshadow")

Text = Dict[str, str]


class Refused(Exception):
    """The bundle is not believed, and nothing was changed."""


class Bundle(NamedTuple):
    """A version, and rows by file and name, each in its order."""

    version: int
    rows: Dict[str, Dict[str, str]]


NOTHING = Bundle(0, {"passwd": {}, "group": {}, "shadow": {}})


class Merged(NamedTuple):
    """What the files become: first with those who go still in it, then without them; and who could not be taken."""

    between: Text
    final: Text
    left_out: List[str]


def is_of_people(text: str) -> bool:
    """Whether a uid or gid is the bundle's business; what is no number belongs to the node."""
    return bool(re.fullmatch(NUMBER, text)) and any(int(text) in numbers for numbers in PEOPLE)


def read(text: bytes) -> Bundle:
    """The content of a bundle, every row of it checked. Raises Refused that names each row which is wrong."""
    try:
        content = json.loads(text.decode("utf-8"))
        version, known = content["version"], content["format"] == FORMAT
        tables = {name: content[name] for name in FORMS}
        counted = isinstance(version, int) and not isinstance(version, bool)
        if not known or not counted or not all(is_rows(rows) for rows in tables.values()):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise Refused("the bundle has a form that this node does not know; reinstall it") from None
    faults = [fault for name in FORMS for row in tables[name] for fault in faults_of(name, row)]
    if faults:
        raise Refused("the bundle has %d wrong rows: %s" % (len(faults), "; ".join(faults)))
    rows = {name: {row.partition(":")[0]: row for row in tables[name]} for name in FORMS}
    if any(len(rows[name]) != len(tables[name]) for name in FORMS) or set(rows["shadow"]) != set(
        rows["passwd"]
    ):
        raise Refused("the bundle has a name twice, or a user without a row in shadow")
    return Bundle(version, rows)


def is_rows(rows: Any) -> bool:
    return isinstance(rows, list) and all(isinstance(row, str) for row in rows)


def faults_of(table: str, row: str) -> List[str]:
    """What is wrong with a row, without its password."""
    fields, forms = row.split(":"), FORMS[table]
    where = '%s row of "%s"' % (table, fields[0][:40])
    if len(fields) != len(forms):
        return ["%s has %d fields" % (where, len(fields))]
    wrong = [number for number, form in enumerate(forms) if not re.fullmatch(form, fields[number])]
    faults = ["%s: field %d" % (where, number + 1) for number in wrong]
    if table != "shadow" and not is_of_people(fields[NUMBER_AT]):
        faults.append('%s: the number "%s" is of the operating system' % (where, fields[NUMBER_AT]))
    if table == "passwd" and fields[3] != str(USERS_GROUP) and not is_of_people(fields[3]):
        faults.append('%s: the primary group "%s" is of the operating system' % (where, fields[3]))
    return faults


def merge(texts: Text, bundle: Bundle, before: Bundle = NOTHING) -> Merged:
    """The node's files with the bundle's users and groups in place of those that they have.

    texts   what the files hold; gshadow may be missing
    before  the bundle that they were made from
    """
    between, final, left_out = {}, {}, []  # type: Text, Text, List[str]
    for table, secret in SECRETS.items():
        own, old = parted(texts[table])
        system = set(map(name_of, own))
        taken = {name: row for name, row in bundle.rows[table].items() if name not in system}
        left_out += ["%s %s" % (table, name) for name in bundle.rows[table] if name in system]
        going = (set(map(name_of, old)) | set(before.rows[table])) - system - set(taken)
        final[table] = joined(own, taken.values())
        between[table] = joined(
            own, list(taken.values()) + [row for row in old if name_of(row) in going]
        )
        if secret in texts:
            between[secret], final[secret] = secrets(texts[secret], secret, taken, going, bundle)
    # A user is seen from the moment that he stands in passwd; what he needs is there before, and goes after.
    between["passwd"] = final["passwd"]
    return Merged(between, final, left_out)


def secrets(
    text: str, table: str, taken: Dict[str, str], going: Set[str], bundle: Bundle
) -> Tuple[str, str]:
    """A secret file with the rows of those who were taken: with those who go, and without them."""
    lines = text.split("\n")
    kept = [
        line for line in lines if line and name_of(line) not in going and name_of(line) not in taken
    ]
    leaving = [line for line in lines if line and name_of(line) in going]
    if table == "shadow":
        new = [bundle.rows["shadow"][name] for name in taken]
    else:
        new = ["%s:!::%s" % (name, row.rpartition(":")[2]) for name, row in taken.items()]
    return joined(kept, new + leaving), joined(kept, new)


def parted(text: str) -> Tuple[List[str], List[str]]:
    """The node's own lines of passwd or group, as they are, and those of people."""
    own, people = [], []  # type: List[str], List[str]
    for line in text.split("\n"):
        fields = line.split(":")
        is_people = len(fields) > NUMBER_AT and is_of_people(fields[NUMBER_AT])
        (people if is_people else own).append(line)
    return [line for line in own if line], people


def name_of(line: str) -> str:
    return line.partition(":")[0]


def joined(kept: Sequence[str], rows: Iterable[str]) -> str:
    return "".join(line + "\n" for line in list(kept) + list(rows))
