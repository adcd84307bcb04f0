"""RPM files that are none, or not whole, or lie: each is named, and nothing else is touched."""

from __future__ import annotations

import dataclasses
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


def claim(data: bytes, offset: int, value: int) -> bytes:
    return data[:offset] + struct.pack(">I", value) + data[offset + 4 :]


def flip(data: bytes, offset: int) -> bytes:
    return data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :]


BAD: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _data: b"", "not an RPM package"),
    "a web page": (lambda _data: b"<html>not found</html>" * 20, "not an RPM package"),
    "cut in the lead": (lambda data: data[:50], "not an RPM package"),
    "cut in the signature": (lambda data: data[:150], "a header claims"),
    "cut before the header": (lambda data: data[:120], "a header claims"),
    "cut in the payload": (lambda data: data[:-1000], "its signature header promises"),
    "longer than it says": (lambda data: data + b"more", "its signature header promises"),
    "a header of 2 GB": (lambda data: claim(data, 96 + 12, 2 << 30), "a header claims 2,147,483,"),
    "an index of 2 GB": (lambda data: claim(data, 96 + 8, 2 << 27), "a header claims"),
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


def test_a_whole_package_passes(tmp_path: pathlib.Path) -> None:
    rpm_validation.check_rpm(str(write(KERNEL, tmp_path)), "here")


@pytest.mark.parametrize("how", BAD)
def test_a_file_that_is_no_whole_package_is_refused_by_name(
    tmp_path: pathlib.Path, how: str
) -> None:
    spoil, complaint = BAD[how]
    path = tmp_path / KERNEL.filename
    path.write_bytes(spoil(image(KERNEL)))

    with pytest.raises(DescriptionError, match=complaint) as raised:
        rpm_validation.check_rpm(str(path), f'source "local", {path}')

    assert str(raised.value).startswith(f'source "local", {path}: ')


def test_every_byte_counts(tmp_path: pathlib.Path) -> None:
    """Whatever byte is changed after the lead (every seventh is tried), the file is refused, or the change is in the padding of a header."""
    data = image(dataclasses.replace(KERNEL, files={}, padding=0))
    path = tmp_path / "x.rpm"
    passed = []
    for offset in range(96, len(data), 7):
        path.write_bytes(flip(data, offset))
        try:
            rpm_validation.check_rpm(str(path), "x")
            passed.append(offset)
        except DescriptionError:
            pass
    begin = data.index(rpm_validation.HEADER_MAGIC, 100)
    # Only the signature header's own words about what we do not read may change; headers and payload may not.
    assert [offset for offset in passed if offset >= begin] == []


class TestADirectory:
    def test_its_packages_are_what_their_headers_say(self, tmp_path: pathlib.Path) -> None:
        write(KERNEL, tmp_path / "kernels")
        (tmp_path / "README").write_text("no package")
        (tmp_path / ".hidden.rpm").write_text("on its way")

        found = rpm_directory.read_headers(
            source(tmp_path), rpm_directory.scan(source(tmp_path)), str(tmp_path / "cache")
        )

        (package,) = found.packages
        assert (package.nevra, package.location) == (
            "kernel-5.14.0-1.site.x86_64",
            f"kernels/{KERNEL.filename}",
        )
        assert package.size == len(image(KERNEL))
        assert found.newest_timestamp == KERNEL.build_time

    def test_a_file_whose_name_lies_about_its_header_is_refused(
        self, tmp_path: pathlib.Path
    ) -> None:
        write(KERNEL, tmp_path, "kernel-9.9-1.x86_64.rpm")

        with pytest.raises(DescriptionError) as raised:
            rpm_directory.read_headers(
                source(tmp_path), rpm_directory.scan(source(tmp_path)), str(tmp_path / "cache")
            )

        assert (
            "kernel-9.9-1.x86_64.rpm: the header says that it is kernel-5.14.0-1.site.x86_64; "
            "rename the file to kernel-5.14.0-1.site.x86_64.rpm"
        ) in str(raised.value)

    def test_all_bad_files_are_named_at_once(self, tmp_path: pathlib.Path) -> None:
        for number, (spoil, _complaint) in enumerate(BAD.values()):
            (tmp_path / f"{number:02}.rpm").write_bytes(spoil(image(KERNEL)))

        with pytest.raises(DescriptionError) as raised:
            rpm_directory.read_headers(
                source(tmp_path), rpm_directory.scan(source(tmp_path)), str(tmp_path / "cache")
            )

        assert f"{len(BAD)} of its files are no packages" in str(raised.value)
        assert all(f"{number:02}.rpm: " in str(raised.value) for number in range(len(BAD)))

    def test_a_header_is_read_once(
        self, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(KERNEL, tmp_path)
        first = rpm_directory.read_headers(
            source(tmp_path), rpm_directory.scan(source(tmp_path)), str(tmp_path / "cache")
        )
        monkeypatch.setattr(
            rpm_validation, "check_rpm", lambda *_arguments: pytest.fail("it was read again")
        )

        assert (
            rpm_directory.read_headers(
                source(tmp_path), rpm_directory.scan(source(tmp_path)), str(tmp_path / "cache")
            )
            == first
        )

    def test_a_file_that_changed_in_place_is_read_again(self, tmp_path: pathlib.Path) -> None:
        path = write(KERNEL, tmp_path)
        before = rpm_directory.read_headers(
            source(tmp_path), rpm_directory.scan(source(tmp_path)), str(tmp_path / "cache")
        ).packages
        path.write_bytes(image(dataclasses.replace(KERNEL, variant="rebuilt")))
        os.utime(path, (1, 1))

        after = rpm_directory.read_headers(
            source(tmp_path), rpm_directory.scan(source(tmp_path)), str(tmp_path / "cache")
        ).packages

        assert [package.nevra for package in after] == [package.nevra for package in before]
        assert after[0].checksum != before[0].checksum

    def test_a_memory_that_was_damaged_is_made_again(self, tmp_path: pathlib.Path) -> None:
        write(KERNEL, tmp_path)
        first = rpm_directory.read_headers(
            source(tmp_path), rpm_directory.scan(source(tmp_path)), str(tmp_path / "cache")
        )
        (memory,) = (tmp_path / "cache" / "headers").iterdir()
        memory.write_text('{"a": [1')

        assert (
            rpm_directory.read_headers(
                source(tmp_path), rpm_directory.scan(source(tmp_path)), str(tmp_path / "cache")
            )
            == first
        )

    def test_a_directory_that_is_gone_is_said_so(self, tmp_path: pathlib.Path) -> None:
        with pytest.raises(NotFound, match=r'source "local" \(.*/gone\): no such directory'):
            rpm_directory.scan(source(tmp_path / "gone"))

    def test_a_link_to_nothing_is_said_so(self, tmp_path: pathlib.Path) -> None:
        (tmp_path / "a.rpm").symlink_to("nowhere")

        with pytest.raises(NotFound, match=r"a\.rpm: it is a link to nothing"):
            rpm_directory.scan(source(tmp_path))

    def test_the_xml_does_not_depend_on_the_time_of_the_file(self, tmp_path: pathlib.Path) -> None:
        path = write(KERNEL, tmp_path)
        (package,) = rpm_directory.read_headers(
            source(tmp_path), rpm_directory.scan(source(tmp_path)), str(tmp_path / "cache")
        ).packages
        first = rpm_directory.package_xml(str(path), "Packages/00/x.rpm", package.checksum)
        os.utime(path, (5, 5))

        assert rpm_directory.package_xml(str(path), "Packages/00/x.rpm", package.checksum) == first

    def test_a_file_that_changes_while_it_is_used_is_noticed(self, tmp_path: pathlib.Path) -> None:
        path = write(KERNEL, tmp_path)

        with pytest.raises(
            DescriptionError, match="the file changed while the distribution was built"
        ):
            rpm_directory.package_xml(str(path), "x.rpm", "0" * 64)
