"""The accounts program: the bundles that it accepts, and its changes of the node's files."""

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
from support.accounts import ALICE, BOB, FRONTEND, HASH, NODE, Frontend, Person, write

CAROL = Person("carol", 70000)


def bundle(*persons: Person, version: int = 1) -> Bundle:
    """Return the bundle of these accounts as the frontend writes it and the node reads it."""
    published, faults = parse_accounts(
        {
            name: "".join(f"{getattr(person, name)}\n" for person in persons).encode()
            for name in ("passwd", "group", "shadow")
        }
    )
    assert faults == ()
    return read_bundle(bundle_text(Published(version, published)).encode())


def bundle_json(**changes: Any) -> bytes:
    """Return the JSON of a bundle with ALICE, with changed keys."""
    rows = {"passwd": [ALICE.passwd], "group": [ALICE.group], "shadow": [ALICE.shadow]}
    return json.dumps({"format": 1, "version": 7, **rows, **changes}).encode()


# ---- merging


def test_accounts_of_the_bundle_follow_the_nodes_own_accounts() -> None:
    final = merge(NODE, bundle(ALICE, BOB)).final
    assert final == {
        "passwd": NODE["passwd"] + f"{ALICE.passwd}\n{BOB.passwd}\n",
        "group": NODE["group"] + f"{ALICE.group}\n{BOB.group}\n",
        "shadow": NODE["shadow"] + f"{ALICE.shadow}\n{BOB.shadow}\n",
        "gshadow": NODE["gshadow"] + "alice:!::\nbob:!::\n",
    }


def test_an_account_that_leaves_the_bundle_is_removed_from_every_file() -> None:
    first = bundle(ALICE, BOB)
    assert (
        merge(merge(NODE, first).final, bundle(BOB), first).final == merge(NODE, bundle(BOB)).final
    )


def test_a_local_account_with_a_personal_id_is_removed() -> None:
    eve = Person("eve", 1000)
    node = {
        **NODE,
        "passwd": NODE["passwd"] + eve.passwd + "\n",
        "shadow": NODE["shadow"] + eve.shadow + "\n",
    }
    assert merge(node, bundle(ALICE)).final == merge(NODE, bundle(ALICE)).final


def test_an_account_with_the_name_of_a_system_account_is_left_out() -> None:
    slurm = Person("slurm", 1002)
    merged = merge(NODE, bundle(ALICE, slurm))
    assert merged.final == merge(NODE, bundle(ALICE)).final
    assert merged.left_out == ["passwd slurm", "group slurm"]


def test_members_of_the_nodes_own_groups_stay() -> None:
    node = {**NODE, "group": NODE["group"].replace("wheel:x:10:", "wheel:x:10:alice")}
    assert "wheel:x:10:alice\n" in merge(node, bundle(BOB)).final["group"]


def test_members_of_a_group_are_written_to_group_and_gshadow() -> None:
    rows = {
        "passwd": [ALICE.passwd],
        "shadow": [ALICE.shadow],
        "group": [ALICE.group, "project:x:2000:alice"],
    }
    final = merge(NODE, read_bundle(bundle_json(**rows))).final
    assert final["group"].endswith("alice:x:1000:\nproject:x:2000:alice\n")
    assert final["gshadow"].endswith("alice:!::\nproject:!::alice\n")


def test_a_node_without_gshadow_gets_no_gshadow() -> None:
    texts = {name: text for name, text in NODE.items() if name != "gshadow"}
    assert set(merge(texts, bundle(ALICE)).final) == {"passwd", "group", "shadow"}


SYSTEM = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("root", "slurm", "alice", "x", "bob")), st.integers(0, 999)).map(
            lambda row: f"{row[0]}:x:{row[1]}:"
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
    ).map(lambda values: Person(*values)),
    max_size=5,
    unique_by=lambda person: person.name,
)


def system_rows(text: str) -> list[str]:
    rows = []
    for line in text.split("\n"):
        number = (line.split(":") + ["", "", ""])[2]
        if line and not (
            number.isascii()
            and number.isdigit()
            and number[0] != "0"
            and 1000 <= int(number) < 60000
        ):
            rows.append(line)
    return rows


@given(SYSTEM, ACCOUNT_IDS, ACCOUNT_IDS)
def test_system_accounts_survive_any_bundle_byte_for_byte(
    rows: list[str], old: list[Person], new: list[Person]
) -> None:
    node = {name: "".join(f"{row}\n" for row in rows) for name in ("passwd", "group")}
    secret = "".join(f"{row.split(':')[0]}:own secret:1::::::\n" for row in rows)
    texts = {**node, "shadow": secret, "gshadow": secret}
    first = bundle(*old)
    second = bundle(*new, version=2)
    before = merge(texts, first).final
    after = merge(before, second, first)
    for name in ("passwd", "group"):
        assert (
            system_rows(after.final[name])
            == system_rows(after.between[name])
            == system_rows(texts[name])
        )
        system_names = {row.split(":")[0] for row in system_rows(texts[name])}
        for file in (after.between, after.final):
            secrets = [
                row
                for row in file[account_merge.SECRETS[name]].splitlines()
                if row.split(":")[0] in system_names
            ]
            assert secrets == [
                row for row in secret.splitlines() if row.split(":")[0] in system_names
            ]


@given(ACCOUNT_IDS, ACCOUNT_IDS)
def test_the_result_depends_only_on_the_last_bundle(old: list[Person], new: list[Person]) -> None:
    first = bundle(*old)
    second = bundle(*new, version=2)
    by_way_of_the_first = merge(merge(NODE, first).final, second, first).final
    assert by_way_of_the_first == merge(NODE, second).final
    assert merge(by_way_of_the_first, second, second).final == by_way_of_the_first


@given(ACCOUNT_IDS, ACCOUNT_IDS)
def test_every_visible_user_has_a_group_and_a_password(
    old: list[Person], new: list[Person]
) -> None:
    first = bundle(*old)
    second = bundle(*new, version=2)
    before = merge(NODE, first).final
    merged = merge(before, second, first)
    # A group cannot have its old id and its new id at the same time.
    renumbered = {
        str(before_change.uid)
        for before_change in old
        for after_change in new
        if before_change.name == after_change.name and before_change.uid != after_change.uid
    }
    for seen in (before["passwd"], merged.final["passwd"]):
        for row in seen.splitlines():
            name, _x, _uid, gid = row.split(":")[:4]
            assert f"\n{name}:" in "\n" + merged.between["shadow"]
            assert f":x:{gid}:" in merged.between["group"] or gid in renumbered


# ---- checking bundles


def test_the_node_reads_every_account_that_the_frontend_publishes() -> None:
    published = bundle(
        ALICE, BOB, CAROL, Person("d.e-f_G$", 59999, "Ünï & <x> 'y' \"z\", room 5", "!")
    )
    assert list(published.rows["passwd"]) == ["alice", "bob", "d.e-f_G$", "carol"]


FIELDS = (
    "alice",
    "bob",
    "x",
    "!",
    "",
    "1000",
    "1001",
    "27",
    "/home/bob",
    "a,b",
    "\u202e",
    "\ud8e9",
    "\r",
)
ROWS = st.text(min_size=1) | st.lists(st.sampled_from(FIELDS), min_size=4, max_size=9).map(":".join)


@given(st.lists(ROWS, max_size=4), st.sampled_from(("passwd", "group", "shadow")))
def test_rows_that_the_frontend_accepts_are_accepted_by_the_node(
    rows: list[str], table: str
) -> None:
    texts = {"passwd": f"{ALICE.passwd}\n", "group": "", "shadow": ""}
    texts[table] += "".join(f"{row}\n" for row in rows)
    contents = {name: text.encode("utf-8", "surrogatepass") for name, text in texts.items()}
    published, _faults = parse_accounts(contents)
    read_bundle(bundle_text(Published(1, published)).encode())


@pytest.mark.parametrize(
    ("changes", "fault"),
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
def test_a_bundle_with_a_wrong_row_is_refused_without_printing_its_password(
    changes: dict[str, Any], fault: str
) -> None:
    with pytest.raises(BundleRefused) as raised:
        read_bundle(bundle_json(**changes))
    assert fault in str(raised.value)
    assert HASH not in str(raised.value)


@given(st.binary())
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
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
def test_a_modified_bundle_is_refused(frontend: Frontend, node: Node) -> None:
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
def test_a_bundle_signed_with_another_key_is_refused(
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
def test_an_older_bundle_is_refused_even_after_a_restart(frontend: Frontend, node: Node) -> None:
    frontend.publish(ALICE, BOB)
    older = frontend.bundle
    frontend.publish(BOB)
    assert node.accept(frontend.bundle)
    after = etc_of(node)
    for instance in (node, Node(os.path.dirname(node.etc), node.key)):
        with pytest.raises(
            BundleRefused, match=r"the bundle's version is \d+, but the node has .*\d+"
        ):
            instance.accept(older)
    assert etc_of(node) == after


@pytest.mark.programs
def test_a_reinstalled_node_refuses_a_bundle_older_than_its_order(
    frontend: Frontend, node: Node
) -> None:
    frontend.publish(ALICE, BOB)
    older = frontend.bundle
    least = frontend.publish(BOB).version
    order = pathlib.Path(node.etc, "rocks/accounts.version")
    order.parent.mkdir()
    before = etc_of(node)

    order.write_text(f"{least}\n")
    with pytest.raises(BundleRefused, match=str(least)):
        node.accept(older)
    order.write_text("unknown\n")
    with pytest.raises(BundleRefused, match=str(order)):
        node.accept(older)

    assert etc_of(node) == before
    order.write_text(f"{least}\n")
    assert node.accept(frontend.bundle)


@pytest.mark.programs
def test_the_time_of_the_bundle_is_its_version(frontend: Frontend, tmp_path: pathlib.Path) -> None:
    """The service, which cannot read the bundle, takes the least version of orders from it."""
    for _attempt in range(3):
        version = frontend.publish(ALICE).version
        assert int(os.stat(frontend.paths.bundle).st_mtime) == version


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
def test_manual_changes_on_the_node_are_undone(frontend: Frontend, node: Node) -> None:
    frontend.publish(ALICE)
    node.accept(frontend.bundle)
    right = etc_of(node)
    write(pathlib.Path(node.etc), NODE, [ALICE._replace(password="!"), Person("mallory", 1000)])
    assert node.restore()
    # A name that the frontend never published keeps its secrets, which no account uses.
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


# ---- following


@pytest.mark.programs
def test_a_repeated_error_is_printed_once(
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
        response = answers.pop(0)
        if isinstance(response, Exception):
            raise response
        return response

    monkeypatch.setattr(accounts, "fetch", answer)
    follower = Follower(node, "http://10.1.1.1")
    assert [follower.pull() for _turn in range(4)] == [5, 5, 0, 0]
    output = capsys.readouterr()
    assert (output.err, output.out.count("\n")) == ("away\n", 1)
    assert output.out.endswith("1 users, 1 groups\n")


def test_an_empty_bundle_changes_nothing() -> None:
    assert merge(NODE, EMPTY_BUNDLE).final == NODE
    assert merge(FRONTEND, EMPTY_BUNDLE).final == FRONTEND


@pytest.mark.programs
def test_openssl_verifies_the_frontends_signature(frontend: Frontend) -> None:
    version = frontend.publish(ALICE, BOB).version
    assert open_bundle(frontend.bundle, str(frontend.public)) == bundle(ALICE, BOB, version=version)


@pytest.mark.programs
def test_a_bundle_from_a_backup_is_applied_regardless_of_its_version(
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
    # The machine does not follow this frontend.
    assert not os.path.exists(node.state)


@pytest.mark.programs
def test_bytes_that_are_not_utf_8_stay_in_the_nodes_own_rows(
    frontend: Frontend, node: Node
) -> None:
    path = pathlib.Path(node.etc, "passwd")
    rows = path.read_bytes() + b"guest:x:500:500:Gast f\xfcr alle:/:/sbin/nologin\n"
    path.write_bytes(rows)
    frontend.publish(ALICE)
    node.accept(frontend.bundle)
    assert path.read_bytes() == rows + f"{ALICE.passwd}\n".encode()
