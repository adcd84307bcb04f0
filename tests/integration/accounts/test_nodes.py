"""From useradd on the frontend to a login on a node: nginx, hints, the lock of shadow-utils, and kill -9."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import accounts
import pytest
from people import is_of_people

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.accounts import watcher
from support.accounts import ALICE, BOB, HASH, NODE, Frontend, Person, Publisher, write
from support.killing import killed_at_every_step
from support.waiting import until

HALFWAY = re.compile(
    "no matching (password|group) file entry in /etc/(passwd|group)$|delete line '(alice|bob|carol):"
)
CAROL = Person("carol", 1002)


def complaints(root: pathlib.Path) -> list[str]:
    """What shadow-utils' own checkers find wrong, but for homes and shells, which a scratch root has not."""
    said = ""
    for checker in ("pwck", "grpck"):
        said += process.run(
            [checker, "--quiet", "--read-only", "--root", str(root)], timeout=30, ok=range(8)
        ).stdout
    return [
        line for line in said.splitlines() if not re.search("does not exist|: no changes", line)
    ]


def known(root: pathlib.Path, database: str, name: str) -> str:
    """What glibc says on this root, with its own parser of passwd and group."""
    enter = 'mount --bind "$1/passwd" /etc/passwd; mount --bind "$1/group" /etc/group; exec getent -s files "$2" "$3"'
    argv = ["unshare", "--mount", "bash", "-c", enter, "enter", str(root / "etc"), database, name]
    return process.run(argv, timeout=30, ok=(0, 2)).stdout.strip()


# ---- over the network


def test_a_node_takes_the_frontends_people_and_glibc_knows_them(stage: Publisher) -> None:
    node = stage.machine()
    stage.frontend.publish(ALICE, BOB)
    assert node.pull().stdout.endswith("2 users, 2 groups\n")
    assert known(node.root, "passwd", "alice") == ALICE.passwd
    assert known(node.root, "group", "1001") == BOB.group
    assert known(node.root, "passwd", "polkitd").startswith("polkitd:x:998:")
    assert complaints(node.root) == []


def test_without_a_change_nothing_is_sent_and_nothing_is_written(stage: Publisher) -> None:
    stage.frontend.publish(ALICE)
    node = stage.machine()
    with node.follow("--interval", "0.1") as service:
        until(lambda: node.has("alice"), 10, "alice")
        written = [path.stat().st_mtime_ns for path in sorted((node.root / "etc").iterdir())]
        log = stage.frontend.paths.bundle.rsplit("/frontend/", 1)[0] + "/log/access.log"
        until(
            lambda: pathlib.Path(log).read_text().count('" 304 ') >= 3,
            10,
            "three answers without a body",
        )
        assert [
            path.stat().st_mtime_ns for path in sorted((node.root / "etc").iterdir())
        ] == written
        assert service.output().count("took version") == 1


def test_a_user_of_the_node_is_not_told_what_root_is_told(stage: Publisher) -> None:
    stage.frontend.publish(ALICE)
    node = stage.machine()
    ask = ["curl", "-s", "-w", "%{http_code}", "http://10.1.1.1/rocks/accounts"]
    assert node.namespace.run(ask, timeout=20).stdout.endswith("privileged port\n403")
    assert HASH not in node.namespace.run(ask, timeout=20).stdout
    for ports, status in (("600-1023", "200"), ("1024-1100", "403"), ("10000-10240", "403")):
        assert node.namespace.run([*ask, "--local-port", ports], timeout=20).stdout[-3:] == status


def test_a_machine_outside_the_private_network_is_told_nothing(stage: Publisher) -> None:
    stage.frontend.publish(ALICE)
    stranger = stage.network.client("stranger")
    stranger.ip("address", "add", "192.0.2.7/24", "dev", "eth0")
    stage.network.server.ip("address", "add", "192.0.2.1/24", "dev", "br0")
    ask = [
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "--local-port",
        "700",
        "http://192.0.2.1/rocks/accounts",
    ]
    assert stranger.run(ask, timeout=20).stdout == "403"


def test_a_hint_brings_a_new_user_at_once_though_nginx_has_served_the_old_bundle(
    stage: Publisher,
) -> None:
    stage.frontend.publish(ALICE)
    nodes = [stage.machine(number) for number in (1, 2, 3)]
    with nodes[0].follow(), nodes[1].follow(), nodes[2].follow():
        until(lambda: all(node.has("alice") for node in nodes), 10, "alice on all nodes")
        stage.hint(stage.frontend.publish(ALICE, BOB).version)
        until(lambda: all(node.has("bob") for node in nodes), 5, "bob on all nodes")
        stage.hint(stage.frontend.publish(BOB).version)
        until(lambda: not any(node.has("alice") for node in nodes), 5, "alice gone from all nodes")


def test_nobodys_datagram_does_harm(stage: Publisher) -> None:
    stage.frontend.publish(ALICE)
    node = stage.machine()
    with node.follow("--spread", "0.1") as service:
        until(lambda: node.has("alice"), 10, "alice")
        for text in (
            b"",
            b"rocks-accounts",
            b"rocks-accounts x\n",
            b"\xff" * 2000,
            b"rocks-accounts " + b"9" * 40,
        ):
            stage.network.server.call(datagram, text)
        stage.hint(stage.frontend.publish(BOB).version)
        until(lambda: node.has("bob"), 10, "bob")
        assert service.alive()


def datagram(text: bytes) -> None:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(text, ("10.255.0.1", accounts.PORT))


def test_a_lost_hint_costs_an_interval_and_no_more(stage: Publisher) -> None:
    stage.frontend.publish(ALICE)
    node = stage.machine()
    with node.follow("--interval", "1"):
        until(lambda: node.has("alice"), 10, "alice")
        stage.frontend.publish(BOB)
        until(lambda: node.has("bob"), 5, "bob")


def test_the_frontends_death_is_told_once_and_its_return_is_noticed(stage: Publisher) -> None:
    node = stage.machine()
    with node.follow("--interval", "0.2") as service:
        service.wait_for("status 404", 10)
        stage.frontend.publish(ALICE)
        until(lambda: node.has("alice"), 10, "alice")
        assert service.output().count("status 404") == 1


def test_a_bundle_with_a_foreign_signature_is_refused_with_status_4(stage: Publisher) -> None:
    node = stage.machine()
    stage.frontend.publish(ALICE)
    bundle = pathlib.Path(stage.frontend.paths.bundle)
    bundle.write_bytes(stage.frontend.bundle.replace(b"alice", b"eve"))
    ended = node.pull()
    assert (ended.status, "not signed with the frontend's key" in ended.stderr) == (4, True)
    assert node.etc() == NODE


# ---- with shadow-utils


def test_what_useradd_usermod_and_userdel_do_on_the_frontend_happens_on_the_node(
    stage: Publisher,
) -> None:
    """The frontend's tools work in a root of their own; what follows from each is published and taken."""
    place = stage.frontend.paths
    root = pathlib.Path(place.etc).parent / "root"
    (root / "home").mkdir(parents=True)
    (root / "etc").symlink_to(place.etc)
    node = stage.machine()
    stage.frontend.publish()
    steps = (
        (["useradd", "--uid", "1000", "--user-group", "--no-create-home", "--comment", "Dave", "dave"], "dave:x:1000:1000:Dave:/home/dave:"),
        (["usermod", "--password", HASH, "dave"], "dave:x:1000:1000:Dave:/home/dave:"),
        (["groupadd", "--gid", "2000", "project"], "dave:x:1000:1000:Dave:/home/dave:"),
        (["usermod", "--append", "--groups", "project", "dave"], "dave:x:1000:1000:Dave:/home/dave:"),
        (["userdel", "dave"], ""),
    )  # fmt: skip
    published = watcher.watch_accounts(place, sleep=lambda _seconds: None)
    for argv, row in steps:
        process.run([argv[0], "--prefix", str(root), *argv[1:]], timeout=30)
        assert next(published)
        assert node.pull().status == 0
        assert known(node.root, "passwd", "dave").startswith(row)
        assert complaints(node.root) == []
    assert known(node.root, "group", "project") == "project:x:2000:"


def test_nobody_writes_while_useradd_on_the_node_holds_the_lock(stage: Publisher) -> None:
    stage.frontend.publish(ALICE)
    node = stage.machine()
    hold = "import fcntl,sys; f=open(sys.argv[1],'w'); fcntl.lockf(f, fcntl.LOCK_EX); print(flush=True); input()"
    argv = [sys.executable, "-c", hold, str(node.root / "etc" / ".pwd.lock")]
    with (
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder,
        node.follow() as service,
    ):
        assert holder.stdout is not None
        holder.stdout.readline()
        # The bundle is there, and waits for the lock.
        until((node.root / "var/lib/rocks/accounts/next").exists, 10, "the bundle to be kept")
        assert node.etc() == NODE
        holder.communicate(b"\n")
        until(lambda: node.has("alice"), 10, "alice")
        assert service.alive()


def test_two_takers_at_the_same_time_leave_one_state(stage: Publisher) -> None:
    stage.frontend.publish(*(Person(f"user{number}", 1000 + number) for number in range(50)))
    node = stage.machine()
    starts = [node.namespace.argv([*node.argv, "pull"]) for _turn in range(6)]
    running = [
        subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for argv in starts
    ]
    for one in running:
        one.communicate(timeout=60)
    assert complaints(node.root) == []
    assert node.pull().status == 0
    assert node.etc()["passwd"].count("\n") == NODE["passwd"].count("\n") + 50


# ---- kill -9


@pytest.mark.parametrize("before", [(), (ALICE, BOB)], ids=["first", "with some who go"])
def test_killed_anywhere_a_node_is_whole_and_the_next_start_completes(
    tmp_path: pathlib.Path, before: tuple[Person, ...]
) -> None:
    frontend = Frontend(tmp_path / "frontend")
    root = tmp_path / "node"
    write(root / "etc", NODE)

    def node() -> accounts.Node:
        return accounts.Node(str(root), str(frontend.public))

    if before:
        frontend.publish(*before)
        node().take(frontend.bundle)
    start = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    frontend.publish(BOB._replace(comment="Bobby"), CAROL)
    wanted, kills = frontend.bundle, 0
    for _step in killed_at_every_step(lambda: node().take(wanted)):
        kills += 1
        seen = {line.split(":")[0] for line in (root / "etc/passwd").read_text().splitlines()}
        secrets = {line.split(":")[0] for line in (root / "etc/shadow").read_text().splitlines()}
        assert seen <= secrets
        # Who comes or goes may have a row in shadow and gshadow alone; nothing else is odd.
        assert [line for line in complaints(root) if not HALFWAY.search(line)] == []
        for path, data in NODE.items():
            assert (root / "etc" / path).read_text(encoding="utf-8").startswith(data)
        node().take(wanted)
        assert (complaints(root), people(root)) == ([], ["bob", "carol"])
        for path in [path for path in root.rglob("*") if path.is_file()]:
            path.unlink()
        for path, data_ in start.items():
            path.write_bytes(data_)
    assert kills > 15


def people(root: pathlib.Path) -> list[str]:
    rows = (line.split(":") for line in (root / "etc/passwd").read_text().splitlines())
    return [fields[0] for fields in rows if is_of_people(fields[2])]


def test_a_change_that_was_cut_off_is_completed_without_the_frontend(
    tmp_path: pathlib.Path,
) -> None:
    frontend = Frontend(tmp_path / "frontend")
    root = tmp_path / "node"
    write(root / "etc", NODE)
    frontend.publish(ALICE)
    for _step in killed_at_every_step(
        lambda: accounts.Node(str(root), str(frontend.public)).take(frontend.bundle)
    ):
        known_before = (root / "var/lib/rocks/accounts/next").exists() or (
            root / "var/lib/rocks/accounts/current"
        ).exists()
        accounts.Node(str(root), str(frontend.public)).resume()
        assert people(root) == (["alice"] if known_before else [])
        write(root / "etc", NODE)
        for path in (root / "var/lib/rocks/accounts").iterdir():
            path.unlink()


def test_killed_anywhere_the_frontend_serves_the_old_bundle_or_the_new_one(
    tmp_path: pathlib.Path,
) -> None:
    frontend = Frontend(tmp_path)
    frontend.publish(ALICE)
    old, seen = frontend.bundle, set()
    frontend.have(ALICE, BOB)
    for _step in killed_at_every_step(lambda: watcher.publish(frontend.paths)):
        seen.add(frontend.bundle == old)
        version = accounts.opened(frontend.bundle, str(frontend.public)).version
        watcher.publish(frontend.paths)
        # Whatever was left undone is done: a web server tells this bundle from every other by its time.
        assert int(os.stat(frontend.paths.bundle).st_mtime) >= version
        pathlib.Path(frontend.paths.bundle).write_bytes(old)
    assert seen == {True, False}
