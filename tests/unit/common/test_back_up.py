# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program that backs up the frontend."""

from __future__ import annotations

import os
import pathlib
import tarfile

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.commands.back_up import DUMP, main


@pytest.fixture
def folder(
    table_ii: Database, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> pathlib.Path:
    """An empty folder for backups of Table II."""
    monkeypatch.setenv("ROCKS_DATABASE", table_ii.location.url)
    backups = tmp_path / "backups"
    backups.mkdir()
    return backups


def test_a_backup_contains_the_dump_and_the_files_that_match(
    folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    for name in ("key", "key.pub", "other"):
        (tmp_path / name).write_text(name)
    assert main(["--folder", str(folder), "--keep", "2", f"{tmp_path}/key*"]) == 0
    (backup,) = folder.iterdir()
    assert backup.stat().st_mode & 0o777 == 0o600
    with tarfile.open(backup) as tar:
        names = tar.getnames()
    inside = str(tmp_path).lstrip("/")
    assert names == [DUMP, os.path.join(inside, "key"), os.path.join(inside, "key.pub")]


def test_only_the_newest_backups_are_kept(folder: pathlib.Path) -> None:
    for day in ("2001-01-01", "2001-01-02", "2001-01-03"):
        (folder / f"rocks-{day}.tar.gz").touch()
    assert main(["--folder", str(folder), "--keep", "2"]) == 0
    assert len(list(folder.iterdir())) == 2
    assert (folder / "rocks-2001-01-03.tar.gz").exists()


def test_an_error_is_printed_and_removes_no_backup(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "rocks-2001-01-01.tar.gz").touch()
    (folder / "rocks-2001-01-02.tar.gz").touch()
    monkeypatch.setenv("ROCKS_DATABASE", "sqlite:///nonexistent/cluster.sqlite")
    assert main(["--folder", str(folder), "--keep", "1"]) == 1
    assert "nonexistent" in capsys.readouterr().err
    assert len(list(folder.iterdir())) == 2
