"""Files that are not RPMs, or are truncated or damaged, are errors that name the file."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import struct
from typing import Callable

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import (
    Source,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources import (
    rpm_directory,
    rpm_validation,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, NotFound
from support.rpms import Rpm, image, write

KERNEL = Rpm(
    "kernel", "5.14.0", "1.site", "x86_64", files={"/boot/vmlinuz": "x" * 5000}, padding=2000
)
SIGNATURE = 96 + 16  # where the index of the signature header begins


def source(folder: pathlib.Path) -> Source:
    return Source("local", "directory", path=str(folder))


def read(folder: pathlib.Path) -> rpm_directory.HeaderSet:
    """Scan a directory and read its headers, with a cache in it."""
    scanned = rpm_directory.scan(source(folder))
    return rpm_directory.read_headers(source(folder), scanned, str(folder / "cache"))


def set_size(data: bytes, offset: int, value: int) -> bytes:
    return data[:offset] + struct.pack(">I", value) + data[offset + 4 :]


def flip(data: bytes, offset: int) -> bytes:
    return data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :]


INVALID: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _data: b"", "not an RPM package"),
    "a web page": (lambda _data: b"<html>not found</html>" * 20, "not an RPM package"),
    "truncated in the lead": (lambda data: data[:50], "not an RPM package"),
    "truncated in the signature": (lambda data: data[:150], "a header states"),
    "truncated before the header": (lambda data: data[:120], "a header states"),
    "truncated in the payload": (lambda data: data[:-1000], "its signature header states"),
    "longer than its header states": (lambda data: data + b"more", "its signature header states"),
    "a header of 2 GB": (
        lambda data: set_size(data, 96 + 12, 2 << 30),
        "a header states 2,147,483,",
    ),
    "an index of 2 GB": (lambda data: set_size(data, 96 + 8, 2 << 27), "a header states"),
    "a damaged payload": (lambda data: flip(data, -100), "its payload does not have the digest"),
    "a damaged header": (
        lambda data: flip(data, data.index(b"A package for tests")),
        "its header does not have",
    ),
    "no second header": (
        lambda data: data.replace(rpm_validation.HEADER_MAGIC, b"\0\0\0\0"),
        "a header is missing",
    ),
}


def test_a_complete_package_passes(tmp_path: pathlib.Path) -> None:
    rpm_validation.check_rpm(str(write(KERNEL, tmp_path)), "here")


@pytest.mark.parametrize("how", INVALID)
def test_an_invalid_file_is_an_error_with_its_path(tmp_path: pathlib.Path, how: str) -> None:
    spoil, fault = INVALID[how]
    path = tmp_path / KERNEL.filename
    path.write_bytes(spoil(image(KERNEL)))

    with pytest.raises(DescriptionError, match=fault) as raised:
        rpm_validation.check_rpm(str(path), f'source "local", {path}')

    assert str(raised.value).startswith(f'source "local", {path}: ')


def test_every_changed_byte_of_header_and_payload_is_an_error(tmp_path: pathlib.Path) -> None:
    """Every seventh byte after the lead is changed."""
    data = image(dataclasses.replace(KERNEL, files={}, padding=0))
    path = tmp_path / "x.rpm"
    undetected = []
    for offset in range(96, len(data), 7):
        path.write_bytes(flip(data, offset))
        try:
            rpm_validation.check_rpm(str(path), "x")
            undetected.append(offset)
        except DescriptionError:
            pass
    begin = data.index(rpm_validation.HEADER_MAGIC, 100)
    # Parts of the signature header are not read.
    assert [offset for offset in undetected if offset >= begin] == []


class TestADirectory:
    def test_its_packages_are_read_from_their_headers(self, tmp_path: pathlib.Path) -> None:
        write(KERNEL, tmp_path / "kernels")
        (tmp_path / "README").write_text("not a package")
        (tmp_path / ".hidden.rpm").write_text("incomplete")

        headers = read(tmp_path)

        (package,) = headers.packages
        assert (package.nevra, package.location) == (
            "kernel-5.14.0-1.site.x86_64",
            f"kernels/{KERNEL.filename}",
        )
        assert package.size == len(image(KERNEL))
        assert headers.newest_timestamp == KERNEL.build_time

    def test_the_header_counts_if_the_file_name_differs(self, tmp_path: pathlib.Path) -> None:
        write(KERNEL, tmp_path, "kernel-9.9-1.x86_64.rpm")

        (package,) = read(tmp_path).packages

        assert package.nevra == "kernel-5.14.0-1.site.x86_64"

    def test_a_link_to_a_folder_is_followed(self, tmp_path: pathlib.Path) -> None:
        (tmp_path / "vendor").mkdir()
        write(KERNEL, tmp_path / "vendor")
        (tmp_path / "rpms").mkdir()
        (tmp_path / "rpms" / "link").symlink_to(tmp_path / "vendor")

        (package,) = read(tmp_path / "rpms").packages

        assert package.location == f"link/{KERNEL.filename}"

    @pytest.mark.parametrize("target", [".", "..", "absent"])
    def test_a_link_that_leads_nowhere_or_in_a_circle_is_an_error(
        self, tmp_path: pathlib.Path, target: str
    ) -> None:
        (tmp_path / "rpms" / "below").mkdir(parents=True)
        (tmp_path / "rpms" / "below" / "vendor").symlink_to(target)

        with pytest.raises((DescriptionError, NotFound), match="below/vendor"):
            read(tmp_path / "rpms")

    def test_all_invalid_files_are_in_one_error(self, tmp_path: pathlib.Path) -> None:
        for number, (spoil, _fault) in enumerate(INVALID.values()):
            (tmp_path / f"{number:02}.rpm").write_bytes(spoil(image(KERNEL)))

        with pytest.raises(DescriptionError) as raised:
            read(tmp_path)

        assert f"{len(INVALID)} of its files" in str(raised.value)
        assert all(f"{number:02}.rpm: " in str(raised.value) for number in range(len(INVALID)))

    def test_a_header_is_read_once(
        self, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(KERNEL, tmp_path)
        first = read(tmp_path)
        monkeypatch.setattr(
            rpm_validation,
            "check_rpm",
            lambda *_arguments: pytest.fail("the header was read again"),
        )

        assert read(tmp_path) == first

    def test_a_file_that_changed_in_place_is_read_again(self, tmp_path: pathlib.Path) -> None:
        path = write(KERNEL, tmp_path)
        before = read(tmp_path).packages
        path.write_bytes(image(dataclasses.replace(KERNEL, variant="rebuilt")))
        os.utime(path, (1, 1))

        after = read(tmp_path).packages

        assert [package.nevra for package in after] == [package.nevra for package in before]
        assert after[0].checksum != before[0].checksum

    def test_a_damaged_cache_is_written_again(self, tmp_path: pathlib.Path) -> None:
        write(KERNEL, tmp_path)
        first = read(tmp_path)
        (cache_file,) = (tmp_path / "cache" / "headers").iterdir()
        cache_file.write_text('{"a": [1')

        assert read(tmp_path) == first

    def test_a_missing_directory_is_an_error(self, tmp_path: pathlib.Path) -> None:
        with pytest.raises(NotFound, match=r'source "local" \(.*/gone\): directory not found'):
            rpm_directory.scan(source(tmp_path / "gone"))

    def test_a_broken_link_is_an_error(self, tmp_path: pathlib.Path) -> None:
        (tmp_path / "a.rpm").symlink_to("nowhere")

        with pytest.raises(NotFound, match=r"a\.rpm: .*broken link"):
            rpm_directory.scan(source(tmp_path))

    def test_a_named_pipe_is_an_error(self, tmp_path: pathlib.Path) -> None:
        os.mkfifo(tmp_path / "pipe.rpm")

        with pytest.raises(DescriptionError, match=r"pipe\.rpm: it is not a regular file"):
            rpm_directory.scan(source(tmp_path))

    def test_a_header_that_xml_cannot_describe_is_an_error(self, tmp_path: pathlib.Path) -> None:
        path = write(Rpm("bell", summary="ding \x07"), tmp_path)
        checksum = hashlib.sha256(path.read_bytes()).hexdigest()

        with pytest.raises(DescriptionError, match=r"bell.*cannot be described in XML"):
            rpm_directory.package_xml(str(path), "x.rpm", checksum)

    def test_the_xml_does_not_depend_on_the_time_of_the_file(self, tmp_path: pathlib.Path) -> None:
        path = write(KERNEL, tmp_path)
        (package,) = read(tmp_path).packages
        first = rpm_directory.package_xml(str(path), "Packages/00/x.rpm", package.checksum)
        os.utime(path, (5, 5))

        assert rpm_directory.package_xml(str(path), "Packages/00/x.rpm", package.checksum) == first

    def test_a_file_that_changed_during_the_build_is_an_error(self, tmp_path: pathlib.Path) -> None:
        path = write(KERNEL, tmp_path)

        with pytest.raises(DescriptionError, match="the file changed"):
            rpm_directory.package_xml(str(path), "x.rpm", "0" * 64)
