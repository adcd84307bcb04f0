"""Which rows of passwd, group and shadow are published, and which row is told to be wrong."""

from __future__ import annotations

from typing import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.accounts.model import (
    Accounts,
    is_of_people,
)
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.passwd_files import accounts_of
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from support.accounts import ALICE, BOB, FRONTEND, HASH, Person


def texts(*people: Person, **more: str) -> Mapping[str, str]:
    names = ("passwd", "group", "shadow")
    return {
        name: FRONTEND[name]
        + "".join(f"{getattr(one, name)}\n" for one in people)
        + more.get(name, "")
        for name in names
    }


def test_people_are_published_with_their_groups_and_passwords_and_nobody_of_the_operating_system_is() -> (
    None
):
    assert accounts_of(texts(BOB, ALICE)) == Accounts(
        (ALICE.passwd, BOB.passwd), (ALICE.group, BOB.group), (ALICE.shadow, BOB.shadow)
    )


@pytest.mark.parametrize(
    "number", [0, 999, 60000, 61184, 64030, 65534, 65535, 2**32 - 2, 2**32 - 1]
)
def test_a_number_of_the_operating_system_is_nobodys(number: int) -> None:
    assert not is_of_people(number)
    assert accounts_of(texts(Person("somebody", number))) == Accounts()


@pytest.mark.parametrize("number", [1000, 59999, 65536, 2**32 - 3])
def test_a_number_of_people_is_published(number: int) -> None:
    assert (
        accounts_of(texts(Person("somebody", number))).passwd[0].startswith(f"somebody:x:{number}:")
    )


def test_a_groups_members_are_people_and_sorted() -> None:
    rows = accounts_of(
        texts(ALICE, BOB, group="project:x:2000:www-data,bob,gone,alice,bob\n")
    ).group
    assert rows[-1] == "project:x:2000:alice,bob"


def test_who_is_only_a_member_of_a_group_of_the_operating_system_is_so_on_the_frontend_alone() -> (
    None
):
    given_ = dict(texts(ALICE))
    given_["group"] = given_["group"].replace("sudo:x:27:", "sudo:x:27:alice")
    assert "sudo" not in str(accounts_of(given_))


def test_without_passwords_everybody_is_locked_and_ages_as_before() -> None:
    assert accounts_of(texts(ALICE), passwords=False).shadow == ("alice:!:19000:0:99999:7:::",)


def test_a_user_without_a_row_in_shadow_is_locked() -> None:
    assert accounts_of(texts(passwd=f"{ALICE.passwd}\n", group=f"{ALICE.group}\n")).shadow == (
        "alice:!:::::::",
    )


@pytest.mark.parametrize("row", ["", "# a comment", "+::::::", "-mallory::::::", "+@admins::::::"])
def test_what_is_no_row_of_a_user_is_passed_over(row: str) -> None:
    assert accounts_of(texts(ALICE, passwd=f"{row}\n")) == accounts_of(texts(ALICE))


@pytest.mark.parametrize(
    ("table", "row", "said"),
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
            'the password of "eve" is not what it should be',
        ),
        ("passwd", "eve:x:1005:27::/home/eve:/bin/sh", '"eve" has the primary group 27'),
        ("passwd", "eve:x:1005:1000::home/eve:/bin/sh", 'the home of "eve" is "home/eve"'),
        ("passwd", "eve:x:1005:1000::/home/eve:sh", 'the shell of "eve" is "sh"'),
        ("passwd", "eve:x:1005:1000:\x1b[2J:/home/eve:/bin/sh", 'the comment of "eve" is'),
        ("passwd", "alice:x:1005:1000::/home/eve:/bin/sh", '"alice" stands there a second time'),
        ("group", "team:x:2000", 'the row of "team" has 3 fields, not 4'),
        ("group", "team:secret:2000:", 'the password of "team" is not what it should be'),
        ("shadow", "bob::19000:0:99999:7:::", 'the password of "bob" is not what it should be'),
        ("shadow", "bob:!:yesterday:0:99999:7:::", 'the last change of "bob" is "yesterday"'),
    ],
)
def test_a_row_that_is_wrong_is_told_with_its_line_and_without_its_password(
    table: str, row: str, said: str
) -> None:
    with pytest.raises(DescriptionError) as raised:
        # Of users of one name in shadow the last counts.
        accounts_of(texts(ALICE, BOB, **{table: f"{row}\n"}), "/etc")
    line = FRONTEND[table].count("\n") + 3
    assert str(raised.value).startswith(f"/etc/{table}:{line}: {said}")
    assert HASH not in str(raised.value)


def test_all_rows_that_are_wrong_are_told_at_once() -> None:
    with pytest.raises(DescriptionError, match=r"(?s)3 errors.*passwd:6.*passwd:7.*shadow:4"):
        accounts_of(
            texts(
                passwd="eve:x:1005\nbob:x:1001:0::/:/bin/sh\n",
                shadow="bob::0:0:0:0:::\n",
            )
        )


@given(st.dictionaries(st.sampled_from(("passwd", "group", "shadow")), st.text(), max_size=3))
def test_any_text_gives_accounts_or_an_error_with_a_place(found: dict[str, str]) -> None:
    try:
        accounts_of({"passwd": "", "group": "", "shadow": "", **found})
    except DescriptionError as error:
        assert "/etc/" in str(error)
