"""From useradd on the frontend to a user on a node: nginx, notifications, locks, and kill -9."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import accounts
import pytest
from account_merge import is_personal_id

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.accounts import watcher
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.publish import publish
from support.accounts import ALICE, BOB, HASH, NODE, Frontend, Person, Publisher, write
from support.killing import killed_at_every_step
from support.waiting import until

HALFWAY = re.compile(
    "no matching (password|group) file entry in /etc/(passwd|group)$"
    "|delete line '(alice|bob|carol):"
)
CAROL = Person("carol", 1002)


def errors_of_checkers(root: pathlib.Path) -> list[str]:
    """Return the errors that pwck and grpck report, except missing homes and shells."""
    output = ""
    for checker in ("pwck", "grpck"):
        output += process.run(
            [checker, "--quiet", "--read-only", "--root", str(root)], timeout=30, ok=range(8)
        ).stdout
    return [
        line for line in output.splitlines() if not re.search("does not exist|: no changes", line)
    ]


def getent(root: pathlib.Path, database: str, name: str) -> str:
    """Look up an entry with the glibc parser of passwd and group, in this root."""
    enter = (
        'mount --bind "$1/passwd" /etc/passwd; mount --bind "$1/group" /etc/group;'
        ' exec getent -s files "$2" "$3"'
    )
    argv = ["unshare", "--mount", "bash", "-c", enter, "enter", str(root / "etc"), database, name]
    return process.run(argv, timeout=30, ok=(0, 2)).stdout.strip()


# ---- over the network


def test_a_node_fetches_the_frontends_users_and_glibc_finds_them(stage: Publisher) -> None:
    node = stage.machine()
    stage.frontend.publish(ALICE, BOB)
    assert node.pull().stdout.endswith("2 users, 2 groups\n")
    assert getent(node.root, "passwd", "alice") == ALICE.passwd
    assert getent(node.root, "group", "1001") == BOB.group
    assert getent(node.root, "passwd", "polkitd").startswith("polkitd:x:998:")
    assert errors_of_checkers(node.root) == []


def test_without_a_change_no_bundle_is_sent_and_no_file_is_written(stage: Publisher) -> None:
    stage.frontend.publish(ALICE)
    node = stage.machine()
    with node.follow("--interval", "0.1") as service:
        until(lambda: node.has("alice"), 10, "alice")
        times = [path.stat().st_mtime_ns for path in sorted((node.root / "etc").iterdir())]
        log = stage.frontend.paths.bundle.rsplit("/frontend/", 1)[0] + "/log/access.log"
        until(
            lambda: pathlib.Path(log).read_text().count('" 304 ') >= 3,
            10,
            "three responses without a body",
        )
        assert [path.stat().st_mtime_ns for path in sorted((node.root / "etc").iterdir())] == times
        assert service.output().count("applied version") == 1


def test_an_unprivileged_user_of_a_node_cannot_fetch_the_bundle(stage: Publisher) -> None:
    stage.frontend.publish(ALICE)
    node = stage.machine()
    request = ["curl", "-s", "-w", "%{http_code}", "http://10.1.1.1/rocks/accounts"]
    assert node.namespace.run(request, timeout=20).stdout.endswith("privileged port\n403")
    assert HASH not in node.namespace.run(request, timeout=20).stdout
    for ports, status in (("600-1023", "200"), ("1024-1100", "403"), ("10000-10240", "403")):
        assert (
            node.namespace.run([*request, "--local-port", ports], timeout=20).stdout[-3:] == status
        )


def test_a_machine_outside_the_private_network_cannot_fetch_the_bundle(stage: Publisher) -> None:
    stage.frontend.publish(ALICE)
    stranger = stage.network.client("stranger")
    stranger.ip("address", "add", "192.0.2.7/24", "dev", "eth0")
    stage.network.server.ip("address", "add", "192.0.2.1/24", "dev", "br0")
    request = [
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
    assert stranger.run(request, timeout=20).stdout == "403"


def test_a_notification_brings_a_new_user_at_once_although_nginx_has_served_the_old_bundle(
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


def test_invalid_notifications_are_ignored(stage: Publisher) -> None:
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


def test_after_a_lost_notification_a_node_fetches_the_bundle_within_an_interval(
    stage: Publisher,
) -> None:
    stage.frontend.publish(ALICE)
    node = stage.machine()
    with node.follow("--interval", "1"):
        until(lambda: node.has("alice"), 10, "alice")
        stage.frontend.publish(BOB)
        until(lambda: node.has("bob"), 5, "bob")


def test_a_failure_of_the_frontend_is_logged_once_and_followed_by_a_new_bundle(
    stage: Publisher,
) -> None:
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
    result = node.pull()
    assert (result.status, "not signed" in result.stderr) == (4, True)
    assert node.etc() == NODE


# ---- with shadow-utils


def test_changes_by_useradd_usermod_and_userdel_reach_the_node(
    stage: Publisher,
) -> None:
    """The frontend's tools run with a separate root; each change is published and fetched."""
    paths = stage.frontend.paths
    root = pathlib.Path(paths.etc).parent / "root"
    (root / "home").mkdir(parents=True)
    (root / "etc").symlink_to(paths.etc)
    node = stage.machine()
    stage.frontend.publish()
    useradd = ["useradd", "--uid", "1000", "--user-group", "--no-create-home", "--comment", "Dave"]
    dave = "dave:x:1000:1000:Dave:/home/dave:"
    steps = (
        ([*useradd, "dave"], dave),
        (["usermod", "--password", HASH, "dave"], dave),
        (["groupadd", "--gid", "2000", "project"], dave),
        (["usermod", "--append", "--groups", "project", "dave"], dave),
        (["userdel", "dave"], ""),
    )
    published = watcher.watch_accounts(paths, sleep=lambda _seconds: None)
    for argv, row in steps:
        process.run([argv[0], "--prefix", str(root), *argv[1:]], timeout=30)
        assert next(published)
        assert node.pull().status == 0
        assert getent(node.root, "passwd", "dave").startswith(row)
        assert errors_of_checkers(node.root) == []
    assert getent(node.root, "group", "project") == "project:x:2000:"


def test_a_node_writes_no_file_while_useradd_holds_the_lock(stage: Publisher) -> None:
    stage.frontend.publish(ALICE)
    node = stage.machine()
    hold = (
        "import fcntl,sys; f=open(sys.argv[1],'w'); fcntl.lockf(f, fcntl.LOCK_EX);"
        " print(flush=True); input()"
    )
    argv = [sys.executable, "-c", hold, str(node.root / "etc" / ".pwd.lock")]
    with (
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder,
        node.follow() as service,
    ):
        assert holder.stdout is not None
        holder.stdout.readline()
        # The service has fetched the bundle, and waits for the lock.
        until((node.root / "var/lib/rocks/accounts/next").exists, 10, "the bundle to be kept")
        assert node.etc() == NODE
        holder.communicate(b"\n")
        until(lambda: node.has("alice"), 10, "alice")
        assert service.alive()


def test_concurrent_pulls_leave_consistent_files(stage: Publisher) -> None:
    stage.frontend.publish(*(Person(f"user{number}", 1000 + number) for number in range(50)))
    node = stage.machine()
    starts = [node.namespace.argv([*node.argv, "pull"]) for _turn in range(6)]
    running = [
        subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for argv in starts
    ]
    for pull in running:
        pull.communicate(timeout=60)
    assert errors_of_checkers(node.root) == []
    assert node.pull().status == 0
    assert node.etc()["passwd"].count("\n") == NODE["passwd"].count("\n") + 50


# ---- kill -9


@pytest.mark.parametrize("before", [(), (ALICE, BOB)], ids=["first bundle", "with removed users"])
def test_a_node_killed_at_any_step_has_valid_files_and_completes_at_its_next_start(
    tmp_path: pathlib.Path, before: tuple[Person, ...]
) -> None:
    frontend = Frontend(tmp_path / "frontend")
    root = tmp_path / "node"
    write(root / "etc", NODE)

    def node() -> accounts.Node:
        return accounts.Node(str(root), str(frontend.public))

    if before:
        frontend.publish(*before)
        node().accept(frontend.bundle)
    start = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    frontend.publish(BOB._replace(comment="Bobby"), CAROL)
    bundle = frontend.bundle
    kills = 0
    for _step in killed_at_every_step(lambda: node().accept(bundle)):
        kills += 1
        users = {line.split(":")[0] for line in (root / "etc/passwd").read_text().splitlines()}
        secrets = {line.split(":")[0] for line in (root / "etc/shadow").read_text().splitlines()}
        assert users <= secrets
        # An added or removed user may have rows in shadow and gshadow only.
        assert [line for line in errors_of_checkers(root) if not HALFWAY.search(line)] == []
        for name, text in NODE.items():
            assert (root / "etc" / name).read_text(encoding="utf-8").startswith(text)
        node().accept(bundle)
        assert (errors_of_checkers(root), people(root)) == ([], ["bob", "carol"])
        for path in [path for path in root.rglob("*") if path.is_file()]:
            path.unlink()
        for path, data in start.items():
            path.write_bytes(data)
    assert kills > 15


def people(root: pathlib.Path) -> list[str]:
    rows = (line.split(":") for line in (root / "etc/passwd").read_text().splitlines())
    return [fields[0] for fields in rows if is_personal_id(fields[2])]


def test_an_interrupted_change_is_completed_without_the_frontend(
    tmp_path: pathlib.Path,
) -> None:
    frontend = Frontend(tmp_path / "frontend")
    root = tmp_path / "node"
    write(root / "etc", NODE)
    frontend.publish(ALICE)
    for _step in killed_at_every_step(
        lambda: accounts.Node(str(root), str(frontend.public)).accept(frontend.bundle)
    ):
        fetched = (root / "var/lib/rocks/accounts/next").exists() or (
            root / "var/lib/rocks/accounts/current"
        ).exists()
        accounts.Node(str(root), str(frontend.public)).load()
        assert people(root) == (["alice"] if fetched else [])
        write(root / "etc", NODE)
        for path in (root / "var/lib/rocks/accounts").iterdir():
            path.unlink()


def test_a_frontend_killed_at_any_step_serves_the_old_or_the_new_bundle(
    tmp_path: pathlib.Path,
) -> None:
    frontend = Frontend(tmp_path)
    frontend.publish(ALICE)
    old = frontend.bundle
    seen = set()
    frontend.have(ALICE, BOB)
    for _step in killed_at_every_step(lambda: publish(frontend.paths)):
        seen.add(frontend.bundle == old)
        version = accounts.open_bundle(frontend.bundle, str(frontend.public)).version
        publish(frontend.paths)
        # The next publication completes the change, including the time, which gives the ETag.
        assert int(os.stat(frontend.paths.bundle).st_mtime) >= version
        pathlib.Path(frontend.paths.bundle).write_bytes(old)
    assert seen == {True, False}
