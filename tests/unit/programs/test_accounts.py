"""The accounts program: whose bundle it believes, what it makes of the node's files, and what it
never touches.
"""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import account_merge
import accounts
import pytest
from account_merge import EMPTY_BUNDLE, Bundle, BundleRefused, merge, read_bundle
from accounts import Follower, Node, open_bundle
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.accounts import signing_keys
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.bundle import Bundle as Published
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.bundle import (
    bundle_text,
    encode_bundle,
)
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.model import Accounts
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.passwd_files import (
    parse_accounts,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from support.accounts import ALICE, BOB, FRONTEND, HASH, NODE, Frontend, Person, write

CAROL = Person("carol", 70000)


def bundle(*persons: Person, version: int = 1) -> Bundle:
    """A bundle as the frontend makes it of these people, read by the node."""
    found = parse_accounts(
        {
            name: "".join(f"{getattr(one, name)}\n" for one in persons)
            for name in ("passwd", "group", "shadow")
        }
    )
    return read_bundle(bundle_text(Published(version, found)).encode())


def edited(**changes: Any) -> bytes:
    """The JSON of a bundle with ALICE in it, with other values of some of its keys."""
    rows = {"passwd": [ALICE.passwd], "group": [ALICE.group], "shadow": [ALICE.shadow]}
    return json.dumps({"format": 1, "version": 7, **rows, **changes}).encode()


# ---- what a node becomes


def test_people_come_after_the_nodes_own_accounts_which_stay_as_they_are() -> None:
    final = merge(NODE, bundle(ALICE, BOB)).final
    assert final == {
        "passwd": NODE["passwd"] + f"{ALICE.passwd}\n{BOB.passwd}\n",
        "group": NODE["group"] + f"{ALICE.group}\n{BOB.group}\n",
        "shadow": NODE["shadow"] + f"{ALICE.shadow}\n{BOB.shadow}\n",
        "gshadow": NODE["gshadow"] + "alice:!::\nbob:!::\n",
    }


def test_who_is_not_in_the_bundle_any_more_goes_from_every_file() -> None:
    first = bundle(ALICE, BOB)
    assert (
        merge(merge(NODE, first).final, bundle(BOB), first).final == merge(NODE, bundle(BOB)).final
    )


def test_a_local_account_with_a_number_of_people_goes_too() -> None:
    eve = Person("eve", 1000)
    node = {
        **NODE,
        "passwd": NODE["passwd"] + eve.passwd + "\n",
        "shadow": NODE["shadow"] + eve.shadow + "\n",
    }
    assert merge(node, bundle(ALICE)).final == merge(NODE, bundle(ALICE)).final


def test_nobody_takes_the_name_of_a_system_account_of_the_node() -> None:
    slurm = Person("slurm", 1002)
    merged = merge(NODE, bundle(ALICE, slurm))
    assert merged.final == merge(NODE, bundle(ALICE)).final
    assert merged.left_out == ["passwd slurm", "group slurm"]


def test_membership_of_people_in_the_nodes_own_groups_is_the_nodes_business() -> None:
    node = {**NODE, "group": NODE["group"].replace("wheel:x:10:", "wheel:x:10:alice")}
    assert "wheel:x:10:alice\n" in merge(node, bundle(BOB)).final["group"]


def test_members_of_a_group_stand_in_group_and_gshadow() -> None:
    rows = {
        "passwd": [ALICE.passwd],
        "shadow": [ALICE.shadow],
        "group": [ALICE.group, "project:x:2000:alice"],
    }
    final = merge(NODE, read_bundle(edited(**rows))).final
    assert final["group"].endswith("alice:x:1000:\nproject:x:2000:alice\n")
    assert final["gshadow"].endswith("alice:!::\nproject:!::alice\n")


def test_a_node_without_gshadow_gets_none() -> None:
    texts = {name: text for name, text in NODE.items() if name != "gshadow"}
    assert set(merge(texts, bundle(ALICE)).final) == {"passwd", "group", "shadow"}


SYSTEM = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("root", "slurm", "alice", "x", "bob")), st.integers(0, 999)).map(
            lambda one: f"{one[0]}:x:{one[1]}:"
        ),
        st.sampled_from(
            (
                "+::::::",
                "# text",
                "odd",
                "a:b",
                "x:x:\xb2:",
                "::::",
                ":x:1005:5",
                "mallory:x:01000:5",
            )
        ),
    ),
    max_size=8,
)
ACCOUNT_IDS = st.lists(
    st.tuples(
        st.sampled_from(("alice", "bob", "slurm", "eve", "dave")), st.integers(1000, 1005)
    ).map(lambda one: Person(*one)),
    max_size=5,
    unique_by=lambda one: one.name,
)


def system_rows(text: str) -> list[str]:
    found = []
    for line in text.split("\n"):
        number = (line.split(":") + ["", "", ""])[2]
        if line and not (
            number.isascii()
            and number.isdigit()
            and number[0] != "0"
            and 1000 <= int(number) < 60000
        ):
            found.append(line)
    return found


@given(SYSTEM, ACCOUNT_IDS, ACCOUNT_IDS)
def test_system_accounts_survive_any_bundle_byte_for_byte(
    rows: list[str], old: list[Person], new: list[Person]
) -> None:
    node = {name: "".join(f"{row}\n" for row in rows) for name in ("passwd", "group")}
    secret = "".join(f"{row.split(':')[0]}:own secret:1::::::\n" for row in rows)
    texts = {**node, "shadow": secret, "gshadow": secret}
    first, second = bundle(*old), bundle(*new, version=2)
    before = merge(texts, first).final
    after = merge(before, second, first)
    for name in ("passwd", "group"):
        assert (
            system_rows(after.final[name])
            == system_rows(after.between[name])
            == system_rows(texts[name])
        )
        own = {row.split(":")[0] for row in system_rows(texts[name])}
        for file in (after.between, after.final):
            kept = [
                row
                for row in file[account_merge.SECRETS[name]].splitlines()
                if row.split(":")[0] in own
            ]
            assert kept == [row for row in secret.splitlines() if row.split(":")[0] in own]


@given(ACCOUNT_IDS, ACCOUNT_IDS)
def test_what_a_node_becomes_depends_on_the_bundle_alone(
    old: list[Person], new: list[Person]
) -> None:
    first, second = bundle(*old), bundle(*new, version=2)
    by_way_of_the_first = merge(merge(NODE, first).final, second, first).final
    assert by_way_of_the_first == merge(NODE, second).final
    assert merge(by_way_of_the_first, second, second).final == by_way_of_the_first


@given(ACCOUNT_IDS, ACCOUNT_IDS)
def test_whoever_is_seen_in_between_has_a_group_and_a_password(
    old: list[Person], new: list[Person]
) -> None:
    first, second = bundle(*old), bundle(*new, version=2)
    before = merge(NODE, first).final
    merged = merge(before, second, first)
    # A group cannot stand there with its old number and its new one.
    renumbered = {
        str(one.uid)
        for one in old
        for other in new
        if one.name == other.name and one.uid != other.uid
    }
    for seen in (before["passwd"], merged.final["passwd"]):
        for row in seen.splitlines():
            name, _x, _uid, gid = row.split(":")[:4]
            assert f"\n{name}:" in "\n" + merged.between["shadow"]
            assert f":x:{gid}:" in merged.between["group"] or gid in renumbered


# ---- what a node believes


def test_everything_that_the_frontend_publishes_is_read_by_the_node() -> None:
    found = bundle(ALICE, BOB, CAROL, Person("d.e-f_G$", 59999, "Ünï & <x> 'y' \"z\", room 5", "!"))
    assert list(found.rows["passwd"]) == ["alice", "bob", "d.e-f_G$", "carol"]


@given(st.lists(st.text(min_size=1), max_size=1), st.sampled_from(("passwd", "group", "shadow")))
def test_what_the_frontends_rules_let_through_the_nodes_rules_do_as_well(
    rows: list[str], table: str
) -> None:
    texts = {"passwd": f"{ALICE.passwd}\n", "group": "", "shadow": ""}
    texts[table] += "".join(f"{row}\n" for row in rows)
    try:
        found = parse_accounts(texts)
    except DescriptionError:
        return
    read_bundle(bundle_text(Published(1, found)).encode())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"passwd": ["root:x:0:0::/root:/bin/bash"]},
            'passwd row of "root": the id "0" belongs to the operating system',
        ),
        (
            {"passwd": ["eve:x:1000:10::/home/eve:/bin/sh"]},
            'the primary group "10" belongs to the operating system',
        ),
        ({"passwd": ["eve:x:1000:1000::/home/eve"]}, 'passwd row of "eve" has 6 fields'),
        ({"passwd": ["eve::1000:1000::/home/eve:/bin/sh"]}, 'passwd row of "eve": field 2'),
        ({"passwd": ["eve:x:1000:1000:a\nroot:/home/eve:/bin/sh"]}, 'passwd row of "eve": field 5'),
        ({"passwd": ["-eve:x:1000:1000::/home/eve:/bin/sh"]}, 'passwd row of "-eve": field 1'),
        ({"passwd": ["eve:x:01000:1000::/home/eve:/bin/sh"]}, 'passwd row of "eve": field 3'),
        (
            {"group": ["wheel:x:10:alice"]},
            'group row of "wheel": the id "10" belongs to the operating system',
        ),
        ({"shadow": ["alice::1::::::"]}, 'shadow row of "alice": field 2'),
        ({"shadow": []}, "a user without a row in shadow"),
        ({"shadow": [ALICE.shadow, f"root:{HASH}:::::::"]}, "without a row in shadow"),
        ({"passwd": [ALICE.passwd, ALICE.passwd]}, "duplicate names"),
        ({"passwd": "alice"}, "unknown format"),
        ({"passwd": [7]}, "unknown format"),
        ({"version": "8"}, "unknown format"),
        ({"version": True}, "unknown format"),
        ({"format": 2}, "unknown format"),
    ],
)
def test_a_row_that_is_wrong_refuses_the_bundle_and_is_told_without_its_password(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(BundleRefused) as raised:
        read_bundle(edited(**changes))
    assert said in str(raised.value)
    assert HASH not in str(raised.value)


@given(st.binary())
def test_any_bytes_are_a_bundle_or_refused(data: bytes) -> None:
    with pytest.raises(BundleRefused):
        read_bundle(data)


@pytest.fixture
def frontend(tmp_path: pathlib.Path) -> Frontend:
    return Frontend(tmp_path / "frontend")


@pytest.fixture
def node(tmp_path: pathlib.Path, frontend: Frontend) -> Node:
    write(tmp_path / "node" / "etc", NODE)
    return Node(str(tmp_path / "node"), str(frontend.public))


def etc_of(node: Node) -> dict[str, str]:
    return {name: pathlib.Path(node.etc, name).read_text(encoding="utf-8") for name in NODE}


@pytest.mark.programs
def test_a_bundle_that_was_changed_on_its_way_is_refused(frontend: Frontend, node: Node) -> None:
    frontend.publish(ALICE)
    for data in (
        frontend.bundle.replace(b"/home/alice", b"/home/al1ce"),
        frontend.bundle + b" ",
        b"",
        b"<html>",
    ):
        with pytest.raises(BundleRefused):
            node.accept(data)
    assert etc_of(node) == NODE


@pytest.mark.programs
def test_a_bundle_of_another_key_is_refused(
    frontend: Frontend, node: Node, tmp_path: pathlib.Path
) -> None:
    frontend.publish(ALICE)
    signing_keys.ensure_key(str(tmp_path / "other"), process.run)
    text = bundle_text(Published(2**40, Accounts()))
    with pytest.raises(BundleRefused, match="not signed with the frontend's key"):
        node.accept(
            encode_bundle(text, signing_keys.sign(str(tmp_path / "other"), text, process.run))
        )
    with pytest.raises(BundleRefused, match="not signed with the frontend's key"):
        node.accept(encode_bundle(text, b""))


@pytest.mark.programs
def test_an_older_bundle_is_refused_also_by_a_program_that_was_started_anew(
    frontend: Frontend, node: Node
) -> None:
    frontend.publish(ALICE, BOB)
    older = frontend.bundle
    frontend.publish(BOB)
    assert node.accept(frontend.bundle)
    after = etc_of(node)
    for known in (node, Node(os.path.dirname(node.etc), node.key)):
        with pytest.raises(
            BundleRefused, match=r"the bundle's version is \d+, but the node has .*\d+"
        ):
            known.accept(older)
    assert etc_of(node) == after


@pytest.mark.programs
def test_another_bundle_of_the_same_version_is_refused(frontend: Frontend, node: Node) -> None:
    version = frontend.publish(ALICE).version
    node.accept(frontend.bundle)
    text = bundle_text(Published(version, Accounts()))
    with pytest.raises(BundleRefused, match="the node has"):
        node.accept(encode_bundle(text, signing_keys.sign(frontend.paths.key, text, process.run)))


@pytest.mark.programs
def test_the_same_bundle_again_changes_nothing(frontend: Frontend, node: Node) -> None:
    frontend.publish(ALICE)
    assert node.accept(frontend.bundle)
    before = node.stamps()
    assert not node.accept(frontend.bundle)
    assert not node.restore()
    assert node.stamps() == before


@pytest.mark.programs
def test_what_is_changed_by_hand_on_the_node_is_put_right(frontend: Frontend, node: Node) -> None:
    frontend.publish(ALICE)
    node.accept(frontend.bundle)
    right = etc_of(node)
    write(pathlib.Path(node.etc), NODE, [ALICE._replace(password="!"), Person("mallory", 1000)])
    assert node.restore()
    # Only a name that was never the frontend's keeps its secrets: they are of nobody.
    assert {name: text for name, text in etc_of(node).items() if name != "shadow"} == {
        name: text for name, text in right.items() if name != "shadow"
    }
    assert ALICE.shadow in etc_of(node)["shadow"]


@pytest.mark.programs
def test_owner_permissions_and_labels_are_kept(
    frontend: Frontend, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "LABELS", ("trusted.label",))
    frontend.publish(ALICE)
    shadow = pathlib.Path(node.etc, "shadow")
    os.chown(shadow, 0, 42)
    os.setxattr(shadow, "trusted.label", b"shadow_t")
    node.accept(frontend.bundle)
    state = shadow.stat()
    assert (state.st_gid, state.st_mode & 0o7777, os.getxattr(shadow, "trusted.label")) == (
        42,
        0o640,
        b"shadow_t",
    )


# ---- when it asks


@pytest.mark.programs
def test_each_trouble_is_told_once(
    frontend: Frontend,
    node: Node,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    frontend.publish(ALICE)
    answers: list[Any] = [
        accounts.NoAnswer("away"),
        accounts.NoAnswer("away"),
        (frontend.bundle, "a"),
        (None, "a"),
    ]

    def answer(_url: str, _tag: str) -> Any:
        one = answers.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    monkeypatch.setattr(accounts, "fetch", answer)
    follower = Follower(node, "http://10.1.1.1")
    assert [follower.pull() for _turn in range(4)] == [5, 5, 0, 0]
    said = capsys.readouterr()
    assert (said.err, said.out.count("\n")) == ("away\n", 1)
    assert said.out.endswith("1 users, 1 groups\n")


def test_nothing_is_known_of_a_node_at_first() -> None:
    assert merge(NODE, EMPTY_BUNDLE).final == NODE
    assert merge(FRONTEND, EMPTY_BUNDLE).final == FRONTEND


@pytest.mark.programs
def test_a_bundle_is_opened_by_the_nodes_openssl(frontend: Frontend) -> None:
    version = frontend.publish(ALICE, BOB).version
    assert open_bundle(frontend.bundle, str(frontend.public)) == bundle(ALICE, BOB, version=version)


@pytest.mark.programs
def test_what_a_backup_holds_comes_back_whatever_its_version(
    frontend: Frontend,
    node: Node,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    frontend.publish(ALICE, BOB)
    argv = [
        "accounts.py",
        "--key",
        node.key,
        "--root",
        os.path.dirname(node.etc),
        "apply",
        frontend.paths.bundle,
    ]
    monkeypatch.setattr("sys.argv", argv)
    assert (accounts.main(), accounts.main()) == (0, 0)
    assert etc_of(node)["passwd"] == NODE["passwd"] + f"{ALICE.passwd}\n{BOB.passwd}\n"
    assert capsys.readouterr().out == f"applied {frontend.paths.bundle}\nnothing to do\n"
    # The machine is no follower of it.
    assert not os.path.exists(node.state)


@pytest.mark.programs
def test_bytes_that_are_no_utf_8_stay_as_they_are_in_the_nodes_own_rows(
    frontend: Frontend, node: Node
) -> None:
    path = pathlib.Path(node.etc, "passwd")
    own = path.read_bytes() + b"guest:x:500:500:Gast f\xfcr alle:/:/sbin/nologin\n"
    path.write_bytes(own)
    frontend.publish(ALICE)
    node.accept(frontend.bundle)
    assert path.read_bytes() == own + f"{ALICE.passwd}\n".encode()
