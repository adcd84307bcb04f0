"""Which rows of passwd, group and shadow are published, and which are reported as wrong."""

from __future__ import annotations

from typing import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.accounts.model import (
    Accounts,
    is_account_id,
)
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.passwd_files import (
    parse_accounts,
)
from support.accounts import ALICE, BOB, FRONTEND, HASH, Person


def texts(*people: Person, **more: str) -> Mapping[str, bytes]:
    names = ("passwd", "group", "shadow")
    return {
        name: (
            FRONTEND[name]
            + "".join(f"{getattr(person, name)}\n" for person in people)
            + more.get(name, "")
        ).encode()
        for name in names
    }


def accounts_of(texts: Mapping[str, bytes], *, passwords: bool = True) -> Accounts:
    """Return the accounts of files without a fault."""
    accounts, faults = parse_accounts(texts, passwords=passwords)
    assert faults == ()
    return accounts


def test_users_of_people_are_published_and_system_users_are_not() -> None:
    assert accounts_of(texts(BOB, ALICE)) == Accounts(
        (ALICE.passwd, BOB.passwd), (ALICE.group, BOB.group), (ALICE.shadow, BOB.shadow)
    )


@pytest.mark.parametrize(
    "number", [0, 999, 60000, 61184, 64030, 65534, 65535, 2**32 - 2, 2**32 - 1]
)
def test_system_ids_are_not_published(number: int) -> None:
    assert not is_account_id(number)
    assert accounts_of(texts(Person("carol", number))) == Accounts()


@pytest.mark.parametrize("number", [1000, 59999, 65536, 2**32 - 3])
def test_account_ids_are_published(number: int) -> None:
    assert accounts_of(texts(Person("carol", number))).passwd[0].startswith(f"carol:x:{number}:")


def test_group_members_are_published_users_in_order() -> None:
    rows = accounts_of(
        texts(ALICE, BOB, group="project:x:2000:www-data,bob,gone,alice,bob\n")
    ).group
    assert rows[-1] == "project:x:2000:alice,bob"


def test_membership_in_a_system_group_is_not_published() -> None:
    files = dict(texts(ALICE))
    files["group"] = files["group"].replace(b"sudo:x:27:", b"sudo:x:27:alice")
    assert "sudo" not in str(accounts_of(files))


def test_without_passwords_every_user_is_locked_and_keeps_the_password_age() -> None:
    assert accounts_of(texts(ALICE), passwords=False).shadow == ("alice:!:19000:0:99999:7:::",)


def test_a_user_without_a_row_in_shadow_is_locked() -> None:
    assert accounts_of(texts(passwd=f"{ALICE.passwd}\n", group=f"{ALICE.group}\n")).shadow == (
        "alice:!:::::::",
    )


@pytest.mark.parametrize("row", ["", "# a comment", "+::::::", "-mallory::::::", "+@admins::::::"])
def test_comments_and_compat_entries_are_skipped(row: str) -> None:
    assert accounts_of(texts(ALICE, passwd=f"{row}\n")) == accounts_of(texts(ALICE))


@pytest.mark.parametrize(
    ("file", "row", "message"),
    [
        ("passwd", "eve:x:1005:1000:Eve:/home/eve", 'the row of "eve" has 6 fields, not 7'),
        ("passwd", "eve:x:10o5:1000::/home/eve:/bin/sh", '"eve" has the number "10o5"'),
        (
            "passwd",
            "eve adams:x:1005:1000::/home/eve:/bin/sh",
            'the name of "eve adams" is "eve adams"',
        ),
        ("passwd", "1005:x:1005:1000::/home/eve:/bin/sh", 'the name of "1005" is "1005"'),
        (
            "passwd",
            f"eve:{HASH}:1005:1000::/home/eve:/bin/sh",
            'the password of "eve" is not valid',
        ),
        ("passwd", "eve:x:1005:27::/home/eve:/bin/sh", '"eve" has the primary group 27'),
        ("passwd", "eve:x:1005:1000::home/eve:/bin/sh", 'the home of "eve" is "home/eve"'),
        ("passwd", "eve:x:1005:1000::/home/eve:sh", 'the shell of "eve" is "sh"'),
        ("passwd", "eve:x:1005:1000:\x1b[2J:/home/eve:/bin/sh", 'the comment of "eve" is'),
        ("passwd", "alice:x:1005:1000::/home/eve:/bin/sh", 'duplicate name "alice"'),
        ("group", "team:x:2000", 'the row of "team" has 3 fields, not 4'),
        ("group", "team:secret:2000:", 'the password of "team" is not valid'),
        ("shadow", "bob::19000:0:99999:7:::", 'the password of "bob" is not valid'),
        ("shadow", "bob:!:yesterday:0:99999:7:::", 'the last change of "bob" is "yesterday"'),
    ],
)
def test_a_row_with_a_fault_is_reported_with_its_line_and_without_its_password(
    file: str, row: str, message: str
) -> None:
    people = (ALICE, BOB) if file != "shadow" else (ALICE,)
    more = {file: f"{row}\n"}
    if file == "shadow":
        more |= {"passwd": f"{BOB.passwd}\n", "group": f"{BOB.group}\n"}
    accounts, (fault, *others) = parse_accounts(texts(*people, **more), "/etc")
    line = FRONTEND[file].count("\n") + len(people) + 1
    assert str(fault).startswith(f"/etc/{file}:{line}: {message}")
    assert HASH not in str(fault) and others == []
    # The users without a fault are published, and one with a fault in shadow is locked.
    assert accounts.passwd == (ALICE.passwd, BOB.passwd)
    assert accounts.shadow[0] == ALICE.shadow
    assert accounts.shadow[1] == (BOB.shadow if file != "shadow" else "bob:!:::::::")


def test_a_byte_that_is_not_utf_8_leaves_out_one_user() -> None:
    """As chfn writes it for an ordinary user."""
    files = dict(texts(ALICE, BOB))
    files["passwd"] = files["passwd"].replace(b"bob:x:1001:1001::", b"bob:x:1001:1001:B\xe9b:")
    accounts, (fault,) = parse_accounts(files)
    assert accounts.passwd == (ALICE.passwd,)
    assert accounts.shadow == (ALICE.shadow,)
    assert 'the comment of "bob"' in str(fault) and "\\udce9" in str(fault)


def test_a_lock_is_published_beside_a_row_with_a_fault() -> None:
    files = dict(texts(ALICE, BOB, passwd="eve:x:1005:1000:\x1b:/home/eve:/bin/sh\n"))
    files["shadow"] = files["shadow"].replace(b"alice:", b"alice:!")
    accounts, faults = parse_accounts(files)
    assert len(faults) == 1 and accounts.shadow[0].startswith("alice:!")


def test_a_user_with_two_rows_in_shadow_is_locked() -> None:
    accounts, (fault,) = parse_accounts(texts(ALICE, shadow="alice:$y$other:1::::::\n"))
    assert accounts.shadow == ("alice:!:::::::",) and "duplicate" in str(fault)


def test_a_row_with_the_line_end_of_windows_is_left_out() -> None:
    row = "carol:x:1005:1005::/h/c:/bin/bash\r\n"
    accounts, (fault,) = parse_accounts(texts(ALICE, passwd=row))
    assert accounts.passwd == (ALICE.passwd,)
    assert fault.where == f"/etc/passwd:{FRONTEND['passwd'].count(chr(10)) + 2}"
    assert "dos2unix" in str(fault)


def test_invisible_characters_are_visible_in_a_fault() -> None:
    _accounts, (fault,) = parse_accounts(texts(passwd="carol:x:1005:1005::/h/c:bin/bash\u200b \n"))
    assert r"bin/bash\u200b" in str(fault)


@given(st.dictionaries(st.sampled_from(("passwd", "group", "shadow")), st.binary(), max_size=3))
def test_any_content_gives_accounts_and_faults_with_a_file_name(contents: dict[str, bytes]) -> None:
    accounts, faults = parse_accounts({"passwd": b"", "group": b"", "shadow": b"", **contents})
    assert all("/etc/" in str(fault) for fault in faults)
    assert len(accounts.shadow) == len(accounts.passwd)
