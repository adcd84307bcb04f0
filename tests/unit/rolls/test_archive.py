"""rocks_roll installs and removes a roll, and a faulty archive changes nothing."""

from __future__ import annotations

import hashlib
import io
import pathlib
import tarfile
from typing import Any, Callable

import pytest

from support.modules import run
from support.rolls import write_roll


class Place:
    """The folder of a site's rolls."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder / "rolls"

    def install(self, src: pathlib.Path, name: str = "tools", **options: Any) -> dict[str, Any]:
        return run("rocks_roll", name=name, src=str(src), folder=str(self.folder), **options)

    @property
    def files(self) -> dict[str, str]:
        if not self.folder.exists():
            return {}
        paths = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        return {str(path.relative_to(self.folder)): path.read_text() for path in paths}


@pytest.fixture
def place(tmp_path: pathlib.Path) -> Place:
    return Place(tmp_path)


def pack(folder: pathlib.Path, top: str = "tools-1.0") -> pathlib.Path:
    path = folder.parent / "tools.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder, arcname=top)
    return path


@pytest.mark.parametrize("top", ["tools-1.0", "tools", "."])
def test_an_archive_is_installed_once_and_removed(
    tmp_path: pathlib.Path, place: Place, top: str
) -> None:
    roll = write_roll(tmp_path / "src", files={"nodes/x.xml": "<kickstart/>", "README.md": "x"})
    archive = pack(roll, top)
    checksum = f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"

    checked = place.install(archive, check=True)
    assert place.files == {}
    first = place.install(archive, checksum=checksum)
    second = place.install(archive)

    assert (checked["changed"], first["changed"], second["changed"]) == (True, True, False)
    assert set(place.files) == {"tools/roll.yml", "tools/nodes/x.xml", "tools/README.md"}
    options = {"name": "tools", "state": "absent", "folder": str(place.folder)}
    assert run("rocks_roll", options)["changed"]
    assert not run("rocks_roll", options)["changed"]
    assert list(place.folder.iterdir()) == []


def test_a_newer_roll_replaces_all_files_of_the_old_one(
    tmp_path: pathlib.Path, place: Place
) -> None:
    place.install(write_roll(tmp_path / "old", files={"nodes/old.xml": "x"}))
    result = place.install(write_roll(tmp_path / "new", version="2.0"))
    assert (result["changed"], result["version"]) == (True, "2.0")
    assert set(place.files) == {"tools/roll.yml"}


def link(member: tarfile.TarInfo) -> None:
    member.type = tarfile.SYMTYPE
    member.linkname = "/etc/passwd"


def device(member: tarfile.TarInfo) -> None:
    member.type = tarfile.CHRTYPE


def outside(member: tarfile.TarInfo) -> None:
    member.name = "tools/../../escaped"


def absolute(member: tarfile.TarInfo) -> None:
    member.name = "/escaped"


@pytest.mark.parametrize("change", [link, device, outside, absolute])
def test_an_archive_with_other_files_changes_nothing(
    tmp_path: pathlib.Path, place: Place, change: Callable[[tarfile.TarInfo], None]
) -> None:
    place.install(write_roll(tmp_path / "old"))
    before = place.files
    archive = pack(write_roll(tmp_path / "src", version="2.0"))
    plain = tmp_path / "src" / "tools.tar"
    with tarfile.open(archive) as tar, tarfile.open(plain, "w") as changed:
        for member in tar:
            changed.addfile(member, tar.extractfile(member) if member.isfile() else None)
        member = tarfile.TarInfo("tools-1.0/x")
        change(member)
        changed.addfile(member, io.BytesIO())

    result = place.install(plain)

    assert result["failed"]
    assert "tools.tar" in result["msg"]
    assert place.files == before
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        ({"checksum": f"sha256:{'0' * 64}"}, "SHA-256"),
        ({"checksum": "md5:0"}, "not a checksum"),
        ({"name": "../x"}, "not a name"),
        ({"name": "other"}, '"tools"'),
    ],
)
def test_a_wrong_option_changes_nothing(
    tmp_path: pathlib.Path, place: Place, options: dict[str, Any], fact: str
) -> None:
    result = place.install(pack(write_roll(tmp_path / "src")), **options)
    assert fact in result["msg"]
    assert place.files == {}


def test_an_archive_from_a_url_needs_a_checksum_or_a_key(place: Place) -> None:
    result = place.install(pathlib.Path("https://tools.example.org/x.tar"))
    assert result["failed"]
    options = {"name": "tools", "src": "https://tools.example.org/x.tar"}
    result = run("rocks_roll", options, folder=str(place.folder))
    assert "set checksum or gpg_key" in result["msg"]


@pytest.mark.parametrize("content", [b"", b"text", b"\x1f\x8b\x08broken"])
def test_what_is_no_archive_is_refused(
    tmp_path: pathlib.Path, place: Place, content: bytes
) -> None:
    path = tmp_path / "file.tar.gz"
    path.write_bytes(content)
    result = place.install(path)
    assert f"{path}: it cannot be unpacked" in result["msg"]
