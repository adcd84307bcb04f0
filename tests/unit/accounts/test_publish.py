"""Publication: versions, signatures, refusals, check mode."""

from __future__ import annotations

import os
import pathlib
import subprocess
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.accounts import publish as publish_module
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.bundle import parse_bundle
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


def module_options(frontend: Frontend) -> dict[str, Any]:
    return {
        "etc": frontend.paths.etc,
        "bundle": frontend.paths.bundle,
        "key": frontend.paths.key,
    }


def files_of(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_unchanged_accounts_leave_the_bundle_file_alone(frontend: Frontend) -> None:
    assert frontend.publish(ALICE).changed
    before = os.stat(frontend.paths.bundle)
    assert not publish(frontend.paths).changed
    after = os.stat(frontend.paths.bundle)
    # Reading the file changes its access time.
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_equal_files_give_equal_bundles(tmp_path: pathlib.Path) -> None:
    frontends = [Frontend(tmp_path / "first"), Frontend(tmp_path / "second")]
    for frontend in frontends:
        frontend.have(ALICE, BOB)
        for name in ("passwd", "group", "shadow"):
            os.utime(os.path.join(frontend.paths.etc, name), (1795372071, 1795372071))
        publish(frontend.paths)
    assert frontends[0].bundle == frontends[1].bundle
    assert parse_bundle(frontends[0].bundle, "").version == 1795372071


def test_a_change_increases_the_version_within_a_second_and_with_an_older_file(
    frontend: Frontend,
) -> None:
    first = frontend.publish(ALICE)
    second = frontend.publish(ALICE, BOB)
    frontend.have(BOB)
    for name in ("passwd", "group", "shadow"):
        os.utime(os.path.join(frontend.paths.etc, name), (7, 7))
    third = publish(frontend.paths)
    assert first.version < second.version < third.version


def test_after_the_loss_of_the_bundle_the_version_is_the_time_of_the_files(
    frontend: Frontend,
) -> None:
    first = frontend.publish(ALICE)
    os.unlink(frontend.paths.bundle)
    frontend.have(ALICE, BOB)
    os.utime(os.path.join(frontend.paths.etc, "passwd"), (first.version + 60, first.version + 60))
    assert publish(frontend.paths).version == first.version + 60


def test_changes_lists_added_removed_and_modified_names(frontend: Frontend) -> None:
    frontend.publish(ALICE, BOB)
    result = frontend.publish(ALICE._replace(comment="Alice B."), Person("carol", 1002))
    assert result.changes() == {"added": ["carol"], "removed": ["bob"], "modified": ["alice"]}


def test_the_bundle_has_mode_0640_and_its_version_as_modification_time(
    frontend: Frontend,
) -> None:
    result = frontend.publish(ALICE)
    state = os.stat(frontend.paths.bundle)
    assert (state.st_mode & 0o7777, int(state.st_mtime)) == (0o640, result.version)


def test_a_new_key_has_mode_0600_and_gives_a_new_version(frontend: Frontend) -> None:
    first = frontend.publish(ALICE)
    os.unlink(frontend.paths.key)
    second = publish(frontend.paths)
    assert os.stat(frontend.paths.key).st_mode & 0o7777 == 0o600
    assert second.changed
    assert second.version > first.version
    assert second.public_key != first.public_key


def test_openssl_verifies_the_signature(frontend: Frontend, tmp_path: pathlib.Path) -> None:
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
    verified = subprocess.run(command, input=text, stdout=subprocess.PIPE, check=True)
    assert verified.stdout == b"Verified OK\n"


def test_a_row_with_a_fault_does_not_hold_back_removals(frontend: Frontend) -> None:
    frontend.publish(ALICE, BOB)
    frontend.have(ALICE, passwd="eve:x:1005:1000\n")
    result = publish(frontend.paths)
    assert result.changes()["removed"] == ["bob"]
    assert [fault.where.rpartition("/")[2] for fault in result.faults] == ["passwd:7"]


def test_the_loss_of_all_users_is_not_published(frontend: Frontend) -> None:
    frontend.publish(ALICE, BOB)
    with pytest.raises(Refused, match=r"/web/rocks/accounts: .*2 users"):
        frontend.publish()
    os.unlink(frontend.paths.bundle)
    assert frontend.publish().changed


def test_a_file_that_is_not_a_bundle_is_not_replaced(frontend: Frontend) -> None:
    pathlib.Path(frontend.paths.bundle).write_text("precious")
    with pytest.raises(DescriptionError, match="/web/rocks/accounts: not a bundle"):
        publish(frontend.paths)


def test_accounts_are_not_read_while_useradd_holds_its_lock(
    frontend: Frontend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_module, "EDITING_SECONDS", 0.2)
    lock = pathlib.Path(frontend.paths.etc, ".pwd.lock")
    program = (
        "import fcntl,sys; f=open(sys.argv[1],'w'); fcntl.lockf(f, fcntl.LOCK_EX);"
        " print(flush=True); input()"
    )
    holder = subprocess.Popen(
        ["python3", "-c", program, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(Conflict, match=r"\.pwd\.lock"):
            publish(frontend.paths)
        holder.communicate(b"\n")
    assert publish(frontend.paths).changed


def test_check_mode_returns_the_changes_and_writes_nothing(
    frontend: Frontend, tmp_path: pathlib.Path
) -> None:
    frontend.have(ALICE)
    os.unlink(frontend.paths.key)
    before = files_of(tmp_path)
    options = module_options(frontend)
    preview = run("rocks_accounts", check=True, **options)
    assert (preview["changed"], preview["added"], preview["public_key"]) == (True, ["alice"], "")
    assert files_of(tmp_path) == before
    result = run("rocks_accounts", **options)
    assert (result["changed"], result["added"], result["diff"]["after"]) == (
        True,
        ["alice"],
        "alice\n",
    )
    assert run("rocks_accounts", **options)["changed"] is False


def test_an_invalid_network_is_refused_before_anything_is_written(
    frontend: Frontend,
) -> None:
    result = run("rocks_accounts", hint=["lan"], **module_options(frontend))
    assert result["failed"] and result["msg"].startswith("hint: 'lan' ")
    assert not os.path.exists(frontend.paths.bundle)
