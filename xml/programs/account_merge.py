# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Parse a bundle of accounts, and merge it into the contents of a node's account files.

The numeric id decides: the bundle defines all users and groups from 1000 on. All others belong to
the node and are never changed, and an account of the bundle with the name of such an account is
left out. These are pure functions for accounts.py.

Standard library of Python 3.6, because every EL 8 has it.
"""

import json
import re
from typing import Any, Dict, Iterable, List, NamedTuple, Sequence, Set, Tuple

FORMAT = 1
PERSONAL_IDS = (range(1000, 60000), range(65536, 2**32 - 2))
USERS_GROUP = 100
NAME = r"(?![0-9]+\Z)(?!\.)[A-Za-z0-9_.][A-Za-z0-9_.-]{0,30}\$?"
NUMBER = r"0|[1-9][0-9]{0,9}"
DAYS = r"-?[0-9]{0,9}"
TEXT = r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*"
SECRET = r"[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+"  # an empty password permits any login
# The pattern of each field of a row.
FIELD_PATTERNS = {
    "passwd": (NAME, "x", NUMBER, NUMBER, TEXT, "/" + TEXT, "(/" + TEXT + ")?"),
    "group": (NAME, "x", NUMBER, TEXT),
    "shadow": (NAME, SECRET) + 6 * (DAYS,) + ("",),
}
ID_FIELD = 2  # the uid in passwd, the gid in group
SECRETS = {"passwd": "shadow", "group": "gshadow"}
FILES = ("passwd", "group", "shadow", "gshadow")

Files = Dict[str, str]
"""The contents of account files by their names in /etc."""


class BundleRefused(Exception):
    """The bundle is not trusted or not valid, and nothing was changed."""


class Bundle(NamedTuple):
    """A version, and rows by file and account name, in order."""

    version: int
    rows: Dict[str, Dict[str, str]]


EMPTY_BUNDLE = Bundle(0, {"passwd": {}, "group": {}, "shadow": {}})


class MergedFiles(NamedTuple):
    """The new contents of the files, in two steps.

    ``between`` contains new and removed accounts, ``final`` only the new ones. ``left_out`` names
    accounts of the bundle that the node has itself.
    """

    between: Files
    final: Files
    left_out: List[str]


def is_personal_id(text: str) -> bool:
    """Whether the bundle defines accounts with this uid or gid; False if it is not a number."""
    return bool(re.fullmatch(NUMBER, text)) and any(int(text) in ids for ids in PERSONAL_IDS)


def read_bundle(text: bytes) -> Bundle:
    """Parse a bundle and check every row. Raises BundleRefused, which names each faulty row."""
    try:
        content = json.loads(text.decode("utf-8"))
        version = content["version"]
        tables = {name: content[name] for name in FIELD_PATTERNS}
        is_number = isinstance(version, int) and not isinstance(version, bool)
        is_valid = is_number and content["format"] == FORMAT
        if not is_valid or not all(is_rows(rows) for rows in tables.values()):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise BundleRefused("unknown format of the bundle; reinstall this node") from None
    faults = [
        fault for name in FIELD_PATTERNS for row in tables[name] for fault in row_faults(name, row)
    ]
    if faults:
        raise BundleRefused("the bundle has %d wrong rows: %s" % (len(faults), "; ".join(faults)))
    rows = {name: {row.partition(":")[0]: row for row in tables[name]} for name in FIELD_PATTERNS}
    if any(len(rows[name]) != len(tables[name]) for name in FIELD_PATTERNS) or set(
        rows["shadow"]
    ) != set(rows["passwd"]):
        raise BundleRefused("the bundle has duplicate names, or a user without a row in shadow")
    return Bundle(version, rows)


def is_rows(rows: Any) -> bool:
    return isinstance(rows, list) and all(isinstance(row, str) for row in rows)


def row_faults(table: str, row: str) -> List[str]:
    """Return the faults of a row; no fault contains its password."""
    fields = row.split(":")
    patterns = FIELD_PATTERNS[table]
    where = '%s row of "%s"' % (table, fields[0][:40])
    if len(fields) != len(patterns):
        return ["%s has %d fields" % (where, len(fields))]
    faults = [
        "%s: field %d" % (where, number + 1)
        for number, pattern in enumerate(patterns)
        if not re.fullmatch(pattern, fields[number])
    ]
    if table != "shadow" and not is_personal_id(fields[ID_FIELD]):
        faults.append('%s: the id "%s" belongs to the operating system' % (where, fields[ID_FIELD]))
    if table == "passwd" and fields[3] != str(USERS_GROUP) and not is_personal_id(fields[3]):
        faults.append(
            '%s: the primary group "%s" belongs to the operating system' % (where, fields[3])
        )
    return faults


def merge(files: Files, bundle: Bundle, previous: Bundle = EMPTY_BUNDLE) -> MergedFiles:
    """Replace the accounts of the previous bundle in a node's files by those of the bundle.

    files     the present contents; gshadow may be missing
    previous  the bundle that the files were made from
    """
    between: Files = {}
    final: Files = {}
    left_out: List[str] = []
    for table, secret_table in SECRETS.items():
        own_lines, personal = split_accounts(files[table])
        own_names = set(map(name_of, own_lines))
        new = {name: row for name, row in bundle.rows[table].items() if name not in own_names}
        left_out += ["%s %s" % (table, name) for name in bundle.rows[table] if name in own_names]
        removed = (set(map(name_of, personal)) | set(previous.rows[table])) - own_names - set(new)
        final[table] = join_lines(own_lines, new.values())
        between[table] = join_lines(
            own_lines, list(new.values()) + [row for row in personal if name_of(row) in removed]
        )
        if secret_table in files:
            new_secrets = secret_rows(secret_table, new, bundle)
            between[secret_table], final[secret_table] = merge_secrets(
                files[secret_table], new_secrets, removed
            )
    # A user exists from the moment when passwd contains the row. Everything that the user needs
    # must be written earlier, and is removed later.
    between["passwd"] = final["passwd"]
    return MergedFiles(between, final, left_out)


def secret_rows(table: str, accounts: Dict[str, str], bundle: Bundle) -> Dict[str, str]:
    """Return the rows of shadow or gshadow for accounts of the bundle, by name."""
    if table == "shadow":
        return {name: bundle.rows["shadow"][name] for name in accounts}
    return {name: "%s:!::%s" % (name, row.rpartition(":")[2]) for name, row in accounts.items()}


def merge_secrets(text: str, new: Dict[str, str], removed: Set[str]) -> Tuple[str, str]:
    """Return a secret file with the new rows: with the removed accounts, and without them."""
    lines = [line for line in text.split("\n") if line]
    own_lines = [
        line for line in lines if name_of(line) not in removed and name_of(line) not in new
    ]
    removed_rows = [line for line in lines if name_of(line) in removed]
    rows = list(new.values())
    return join_lines(own_lines, rows + removed_rows), join_lines(own_lines, rows)


def split_accounts(text: str) -> Tuple[List[str], List[str]]:
    """Split passwd or group into the node's own lines, and those with a personal id."""
    own_lines: List[str] = []
    personal: List[str] = []
    for line in text.split("\n"):
        fields = line.split(":")
        is_personal = len(fields) > ID_FIELD and is_personal_id(fields[ID_FIELD])
        (personal if is_personal else own_lines).append(line)
    return [line for line in own_lines if line], personal


def name_of(line: str) -> str:
    return line.partition(":")[0]


def join_lines(lines: Sequence[str], rows: Iterable[str]) -> str:
    return "".join(line + "\n" for line in list(lines) + list(rows))
