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
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from support.accounts import ALICE, BOB, FRONTEND, HASH, Person


def texts(*people: Person, **more: str) -> Mapping[str, str]:
    names = ("passwd", "group", "shadow")
    return {
        name: FRONTEND[name]
        + "".join(f"{getattr(person, name)}\n" for person in people)
        + more.get(name, "")
        for name in names
    }


def test_users_of_people_are_published_and_system_users_are_not() -> None:
    assert parse_accounts(texts(BOB, ALICE)) == Accounts(
        (ALICE.passwd, BOB.passwd), (ALICE.group, BOB.group), (ALICE.shadow, BOB.shadow)
    )


@pytest.mark.parametrize(
    "number", [0, 999, 60000, 61184, 64030, 65534, 65535, 2**32 - 2, 2**32 - 1]
)
def test_system_ids_are_not_published(number: int) -> None:
    assert not is_account_id(number)
    assert parse_accounts(texts(Person("carol", number))) == Accounts()


@pytest.mark.parametrize("number", [1000, 59999, 65536, 2**32 - 3])
def test_account_ids_are_published(number: int) -> None:
    assert parse_accounts(texts(Person("carol", number))).passwd[0].startswith(f"carol:x:{number}:")


def test_group_members_are_published_users_in_order() -> None:
    rows = parse_accounts(
        texts(ALICE, BOB, group="project:x:2000:www-data,bob,gone,alice,bob\n")
    ).group
    assert rows[-1] == "project:x:2000:alice,bob"


def test_membership_in_a_system_group_is_not_published() -> None:
    files = dict(texts(ALICE))
    files["group"] = files["group"].replace("sudo:x:27:", "sudo:x:27:alice")
    assert "sudo" not in str(parse_accounts(files))


def test_without_passwords_every_user_is_locked_and_keeps_the_password_age() -> None:
    assert parse_accounts(texts(ALICE), passwords=False).shadow == ("alice:!:19000:0:99999:7:::",)


def test_a_user_without_a_row_in_shadow_is_locked() -> None:
    assert parse_accounts(texts(passwd=f"{ALICE.passwd}\n", group=f"{ALICE.group}\n")).shadow == (
        "alice:!:::::::",
    )


@pytest.mark.parametrize("row", ["", "# a comment", "+::::::", "-mallory::::::", "+@admins::::::"])
def test_comments_and_compat_entries_are_skipped(row: str) -> None:
    assert parse_accounts(texts(ALICE, passwd=f"{row}\n")) == parse_accounts(texts(ALICE))


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
def test_a_wrong_row_is_reported_with_its_line_and_without_its_password(
    file: str, row: str, message: str
) -> None:
    with pytest.raises(DescriptionError) as raised:
        # If shadow has several rows of a user, the last one counts.
        parse_accounts(texts(ALICE, BOB, **{file: f"{row}\n"}), "/etc")
    line = FRONTEND[file].count("\n") + 3
    assert str(raised.value).startswith(f"/etc/{file}:{line}: {message}")
    assert HASH not in str(raised.value)


def test_line_ends_of_windows_are_reported_once_for_each_file() -> None:
    files = dict(texts(ALICE, BOB))
    lines = files["passwd"].count("\n")
    files["passwd"] = f"{files['passwd']}carol:x:1005:1005::/h/c:/bin/bash\r\ndan:x:1:1:::\r\n"
    with pytest.raises(DescriptionError, match=r"carriage return.*dos2unix") as raised:
        parse_accounts(files)
    assert raised.value.where == f"/etc/passwd:{lines + 1}"


def test_invisible_characters_are_visible_in_an_error() -> None:
    with pytest.raises(DescriptionError, match=r"bin/bash\\u200b"):
        parse_accounts(texts(passwd="carol:x:1005:1005::/h/c:bin/bash\u200b \n"))


def test_all_wrong_rows_are_reported_together() -> None:
    with pytest.raises(DescriptionError, match=r"(?s)3 errors.*passwd:6.*passwd:7.*shadow:4"):
        parse_accounts(
            texts(
                passwd="eve:x:1005\nbob:x:1001:0::/:/bin/sh\n",
                shadow="bob::0:0:0:0:::\n",
            )
        )


@given(st.dictionaries(st.sampled_from(("passwd", "group", "shadow")), st.text(), max_size=3))
def test_any_text_gives_accounts_or_an_error_with_a_file_name(texts_: dict[str, str]) -> None:
    try:
        parse_accounts({"passwd": "", "group": "", "shadow": "", **texts_})
    except DescriptionError as error:
        assert "/etc/" in str(error)
