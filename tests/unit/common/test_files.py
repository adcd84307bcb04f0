"""A reader sees the old content or the new one, and never a part."""

from __future__ import annotations

import os
import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import files
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    Conflict,
    DescriptionError,
    NotFound,
)


def test_a_file_is_replaced_once_and_then_left_alone(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "hosts"
    assert files.replace(str(path), "10.1.1.1 frontend-0\n")
    before = path.stat()
    assert not files.replace(str(path), "10.1.1.1 frontend-0\n")
    assert (path.read_text(), path.stat().st_ino) == ("10.1.1.1 frontend-0\n", before.st_ino)


def test_a_file_never_has_another_time_than_the_requested_one(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    times = []
    rename = os.rename

    def record(source: str, target: str) -> None:
        times.append(int(os.stat(source).st_mtime))
        rename(source, target)

    monkeypatch.setattr(os, "rename", record)
    assert files.replace(str(path), "text", mtime=1_700_000_000)

    assert times == [int(path.stat().st_mtime)] == [1_700_000_000]


def test_the_mode_of_a_replaced_file_stays(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "key"
    files.replace(str(path), "a", mode=0o600)
    files.replace(str(path), "b")
    assert path.stat().st_mode & 0o777 == 0o600
    assert files.replace(str(path), "b", mode=0o640)


@pytest.mark.parametrize("step", ["fsync", "rename"])
def test_a_failure_at_any_step_leaves_the_old_file_and_nothing_else(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "dhcpd.conf"
    files.replace(str(path), "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space left"):
        files.replace(str(path), "new")
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [
        ("dhcpd.conf", "old")
    ]


def test_a_byte_that_is_not_utf8_is_named_with_its_line(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "base.xml"
    path.write_bytes(b"one\ntwo\n\xff")
    with pytest.raises(DescriptionError, match=r"base.xml:3: byte 0xff is not UTF-8"):
        files.read_text(str(path))
    with pytest.raises(NotFound, match="no such file"):
        files.read_text(str(tmp_path / "other.xml"))


def test_a_lock_has_one_holder(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "lock")
    with (
        files.lock(path),
        pytest.raises(Conflict, match="locked by another process"),
        files.lock(path, wait=0.1),
    ):
        raise AssertionError("two holders")
    with files.lock(path):
        assert os.path.exists(path)


def test_a_file_in_no_directory_is_told_by_its_path(tmp_path: pathlib.Path) -> None:
    with pytest.raises(
        DescriptionError, match=r"absent/x: cannot be written \(No such file or directory\)"
    ):
        files.replace(str(tmp_path / "absent" / "x"), "content")
