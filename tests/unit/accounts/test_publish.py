"""What is published, when it is a new version, and what it costs to be interrupted."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.accounts import publish as publishing
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.bundle import parse
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.publish import publish
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    DescriptionError,
    Refused,
)
from support.accounts import ALICE, BOB, Frontend, Person
from support.modules import run

pytestmark = pytest.mark.programs


@pytest.fixture
def frontend(tmp_path: pathlib.Path) -> Frontend:
    return Frontend(tmp_path)


def files_of(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_nothing_is_written_when_nothing_changed(frontend: Frontend) -> None:
    assert frontend.publish(ALICE).changed
    before = os.stat(frontend.place.bundle)
    again = publish(frontend.place)
    assert (again.changed, os.stat(frontend.place.bundle)) == (False, before)


def test_the_same_files_give_the_same_bytes(tmp_path: pathlib.Path) -> None:
    one, other = Frontend(tmp_path / "one"), Frontend(tmp_path / "other")
    for frontend in (one, other):
        frontend.have(ALICE, BOB)
        for name in ("passwd", "group", "shadow"):
            os.utime(os.path.join(frontend.place.etc, name), (1795372071, 1795372071))
        publish(frontend.place)
    assert one.bundle == other.bundle
    assert parse(one.bundle, "").version == 1795372071


def test_a_change_is_a_higher_version_even_within_a_second_or_with_an_older_file(
    frontend: Frontend,
) -> None:
    first = frontend.publish(ALICE)
    second = frontend.publish(ALICE, BOB)
    frontend.have(BOB)
    for name in ("passwd", "group", "shadow"):
        os.utime(os.path.join(frontend.place.etc, name), (7, 7))
    third = publish(frontend.place)
    assert first.version < second.version < third.version


def test_a_frontend_whose_bundle_was_lost_goes_forward_from_the_time_of_its_files(
    frontend: Frontend,
) -> None:
    first = frontend.publish(ALICE)
    os.unlink(frontend.place.bundle)
    frontend.have(ALICE, BOB)
    os.utime(os.path.join(frontend.place.etc, "passwd"), (first.version + 60, first.version + 60))
    assert publish(frontend.place).version == first.version + 60


def test_what_came_what_went_and_what_changed_is_told_by_name(frontend: Frontend) -> None:
    frontend.publish(ALICE, BOB)
    outcome = frontend.publish(ALICE._replace(comment="Alice B."), Person("carol", 1002))
    assert outcome.differences() == {"added": ["carol"], "removed": ["bob"], "modified": ["alice"]}


def test_the_file_is_for_root_and_the_web_server_and_its_time_is_its_version(
    frontend: Frontend,
) -> None:
    outcome = frontend.publish(ALICE)
    state = os.stat(frontend.place.bundle)
    assert (state.st_mode & 0o7777, int(state.st_mtime)) == (0o640, outcome.version)


def test_a_new_key_is_for_root_alone_and_signs_the_bundle_anew(frontend: Frontend) -> None:
    first = frontend.publish(ALICE)
    os.unlink(frontend.place.key)
    second = publish(frontend.place)
    assert os.stat(frontend.place.key).st_mode & 0o7777 == 0o600
    assert second.changed
    assert second.version > first.version
    assert second.public_key != first.public_key


def test_anybodys_openssl_verifies_it(frontend: Frontend, tmp_path: pathlib.Path) -> None:
    frontend.publish(ALICE)
    first, _newline, text = frontend.bundle.partition(b"\n")
    decoded = subprocess.run(
        ["openssl", "base64", "-d", "-A"],
        input=first.split(b" ")[1],
        stdout=subprocess.PIPE,
        check=True,
    )
    (tmp_path / "signature").write_bytes(decoded.stdout)
    command = [
        "openssl",
        "dgst",
        "-sha256",
        "-verify",
        str(frontend.public),
        "-signature",
        str(tmp_path / "signature"),
    ]
    said = subprocess.run(command, input=text, stdout=subprocess.PIPE, check=True)
    assert said.stdout == b"Verified OK\n"


def test_a_row_that_cannot_be_published_leaves_the_bundle_as_it_was(frontend: Frontend) -> None:
    frontend.publish(ALICE)
    before = frontend.bundle
    frontend.have(ALICE, passwd="eve:x:1005:1000\n")
    with pytest.raises(DescriptionError, match="passwd:7"):
        publish(frontend.place)
    assert frontend.bundle == before


def test_a_machine_that_has_lost_everybody_does_not_say_so_to_its_nodes(frontend: Frontend) -> None:
    frontend.publish(ALICE, BOB)
    with pytest.raises(Refused, match=r"holds 2 users, and .* has none any more; bring them back"):
        frontend.publish()
    os.unlink(frontend.place.bundle)
    assert frontend.publish().changed


def test_a_file_that_is_no_bundle_is_not_replaced(frontend: Frontend) -> None:
    pathlib.Path(frontend.place.bundle).write_text("precious")
    with pytest.raises(DescriptionError, match="is no bundle of accounts; remove the file"):
        publish(frontend.place)


def test_while_useradd_works_nothing_is_read(
    frontend: Frontend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "EDITING_SECONDS", 0.2)
    lock = pathlib.Path(frontend.place.etc, ".pwd.lock")
    program = "import fcntl,sys; f=open(sys.argv[1],'w'); fcntl.lockf(f, fcntl.LOCK_EX); print(flush=True); input()"
    holder = subprocess.Popen(
        ["python3", "-c", program, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(Conflict, match="editing the accounts"):
            publish(frontend.place)
        holder.communicate(b"\n")
    assert publish(frontend.place).changed


def test_check_mode_says_what_would_be_published_and_writes_nothing(
    frontend: Frontend, tmp_path: pathlib.Path
) -> None:
    frontend.have(ALICE)
    os.unlink(frontend.place.key)
    before = files_of(tmp_path)
    place = {"etc": frontend.place.etc, "bundle": frontend.place.bundle, "key": frontend.place.key}
    said = run("rocks_accounts", check=True, **place)
    assert (said["changed"], said["added"], said["public_key"]) == (True, ["alice"], "")
    assert files_of(tmp_path) == before
    done = run("rocks_accounts", **place)
    assert (done["changed"], done["added"], done["diff"]["after"]) == (True, ["alice"], "alice\n")
    assert run("rocks_accounts", **place)["changed"] is False


def test_a_hint_to_what_is_no_network_is_refused_before_anything_is_written(
    frontend: Frontend,
) -> None:
    place = {"etc": frontend.place.etc, "bundle": frontend.place.bundle, "key": frontend.place.key}
    said = run("rocks_accounts", hint=["lan"], **place)
    assert (said["failed"], said["msg"]) == (True, "hint: 'lan' is no network; such as 10.0.0.0/8")
    assert not os.path.exists(frontend.place.bundle)
