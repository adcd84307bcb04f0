# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Small files that are made to fill the memory or to take hours: each reader has limits."""

from __future__ import annotations

import bz2
import gzip
import lzma
import multiprocessing
import pathlib
import resource
import struct
from typing import Any, Callable, Optional

import pytest
import zstandard

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata import (
    capabilities,
    compression,
    comps,
    index,
    module_documents,
    repomd,
    slices,
    treeinfo,
    updateinfo,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources import (
    rpm_validation,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, RocksError

CPU_SECONDS = 30
MEMORY = 3 << 30
ABSURD = "9" * 6000
ENTITIES = (
    '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY {chr(98 + number)} "{f"&{chr(97 + number)};" * 10}">' for number in range(10)
    )
    + "]>"
)


def bounded(function: Callable[[], Any]) -> Optional[str]:
    """Run a function in a process with little time and memory.

    Returns the message of its RocksError, or None; any other end fails the test.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        try:
            function()
        except RocksError as error:
            sender.send(str(error))
        else:
            sender.send(None)

    process = context.Process(target=work)
    process.start()
    sender.close()
    try:
        message: Optional[str] = receiver.recv()
    except EOFError:
        process.join()
        pytest.fail(f"ended with status {process.exitcode}")
    process.join()
    return message


def zeros(megabytes: int) -> bytes:
    """Return zeros as a zstd frame that does not state the size of its content."""
    stream = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return (
        b"".join(stream.compress(bytes(1 << 20)) for _number in range(megabytes)) + stream.flush()
    )


class TestCompression:
    @pytest.mark.parametrize("module", [gzip, lzma, bz2])
    @pytest.mark.parametrize("count", [50_000, 500_000])
    def test_many_empty_streams(self, module: Any, count: int) -> None:
        data = module.compress(b"") * count

        message = bounded(lambda: compression.decompress(data, "primary", size=100))

        assert message and message.startswith("primary: ")

    @pytest.mark.parametrize("size", [-1, 1 << 30])
    def test_a_file_that_grows_a_thousandfold(self, size: int) -> None:
        data = zeros(1024)

        message = bounded(lambda: compression.decompress(data, "primary", size=size))

        assert message and message.startswith("primary: ")

    def test_a_stated_size_is_not_reserved(self) -> None:
        data = zstandard.compress(b"small")

        message = bounded(lambda: compression.decompress(data, "primary", size=60 << 20))

        assert message and "states" in message

    @pytest.mark.parametrize("frame", [zeros(1), b"", b"\x28\xb5\x2f\xfd" + b"\xff" * 12])
    def test_a_frame_without_a_sensible_size(self, frame: bytes) -> None:
        with pytest.raises(DescriptionError, match="frame"):
            compression.decompress_frame(frame)

    @pytest.mark.parametrize("module", [gzip, lzma, bz2])
    def test_several_streams_are_one_content(self, module: Any) -> None:
        data = module.compress(b"a" * 99_999) + module.compress(b"") + module.compress(b"b")

        assert compression.decompress(data, "x") == b"a" * 99_999 + b"b"
        with pytest.raises(DescriptionError):
            compression.decompress(data[:-1], "x")


class TestYaml:
    def test_aliases(self) -> None:
        lists = ", ".join(
            f"a{number}: &a{number} [{','.join([f'*a{number - 1}'] * 10)}]"
            for number in range(1, 12)
        )
        text = (
            "---\ndocument: modulemd\nversion: 2\ndata: {name: x, stream: y, version: 1,"
            " summary: a, description: b, license: {module: [MIT]},"
            f" a0: &a0 [1,1,1,1,1,1,1,1,1,1], {lists}, artifacts: {{rpms: *a11}}}}\n"
        )

        assert (
            bounded(lambda: module_documents.parse_modules(text.encode(), "os", "modules")) is None
        )

    @pytest.mark.parametrize("nested", ["[" * 100_000, "{a: " * 20_000])
    def test_nested_lists(self, nested: str) -> None:
        text = f"---\ndocument: modulemd\nversion: 2\ndata: {nested}"

        assert (
            bounded(lambda: module_documents.parse_modules(text.encode(), "os", "modules")) is None
        )


class TestXml:
    @pytest.mark.parametrize("head", ["", ENTITIES, '<?xml version="1.0" encoding="x-odd"?>'])
    @pytest.mark.parametrize("size", ["1", ABSURD, "1e9", "²"])
    def test_repomd(self, head: str, size: str) -> None:
        text = (
            f'{head}<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary">'
            f'<location href="a/x"/><checksum type="sha256">{"a" * 64}</checksum>'
            f"<size>{size}</size></data></repomd>"
        )

        message = bounded(lambda: repomd.parse_repomd(text.encode(), "repomd"))

        assert (message is None) == (size == "1" and not head)

    def test_entities_in_another_encoding(self) -> None:
        message = bounded(lambda: repomd.parse_repomd(f"{ENTITIES}<a/>".encode("utf-16"), "repomd"))

        assert message and "entities" in message

    @pytest.mark.parametrize(
        "text",
        [
            f'<updates><update version="{ABSURD}"><id>A</id></update></updates>',
            f'{ENTITIES}<updates><update x="&k;"><id>A</id></update></updates>',
            "<!DOCTYPE[" * 500_000,
            "<updates>" + "<!--" * 200_000,
            f"<updates><update><id>A</id>{'<a>' * 50_000}{'</a>' * 50_000}</update></updates>",
        ],
        ids=["version", "entities", "document types", "comments", "depth"],
    )
    def test_advisories_and_groups(self, text: str) -> None:
        bounded(lambda: updateinfo.merge_updateinfo([(text.encode(), "updateinfo")]))
        bounded(lambda: comps.merge_comps([(text.encode(), "comps")]))

    @pytest.mark.parametrize("epoch", ["0", ABSURD])
    @pytest.mark.parametrize("size", ["1", ABSURD])
    @pytest.mark.parametrize(
        "extra", ["", "<x>" * 50_000 + "</x>" * 50_000, "<summary>&k;</summary>"]
    )
    @pytest.mark.parametrize("quote", ['"', "'"])
    def test_primary(self, epoch: str, size: str, extra: str, quote: str) -> None:
        text = (
            f"{ENTITIES if '&k;' in extra else ''}"
            '<metadata xmlns="http://linux.duke.edu/metadata/common" packages="1">'
            f"<package type={quote}rpm{quote}><name>a</name><arch>noarch</arch>"
            f'<version epoch="{epoch}" ver="1" rel="1"/>'
            f'<checksum type="sha256" pkgid="YES">{"a" * 64}</checksum>{extra}'
            f'<size package="{size}" installed="1" archive="1"/><location href="a.rpm"/>'
            "</package></metadata>"
        )

        message = bounded(lambda: slices.slice_primary(text.encode(), "os", "primary"))

        assert ABSURD not in (epoch, size) or (message and message.startswith("primary"))


class TestOthers:
    def test_treeinfo(self) -> None:
        assert bounded(lambda: treeinfo.installer_files("[a]\n" * 99_999, ".treeinfo")) is None

    @pytest.mark.parametrize("text", ['{"a":' * 99_999, f'{{"format":{ABSURD}}}', "[]", "1"])
    def test_the_index_of_another_frontend(self, text: str) -> None:
        assert bounded(lambda: index.decode_index(text.encode(), "index"))

    @pytest.mark.parametrize("epoch", [ABSURD, "a", "²", ""])
    def test_the_epoch_of_a_capability(self, epoch: str) -> None:
        entry = f'name="a" flags="EQ" epoch="{epoch}" ver="1"'

        assert capabilities.parse_entry(entry.encode()).version == "1"


HEADER = b"\x8e\xad\xe8\x01" + bytes(4)
LEAD = b"\xed\xab\xee\xdb" + bytes(92)
SHA256_TAG = 273


@pytest.mark.parametrize(
    ("entries", "data_size", "rest"),
    [
        pytest.param(0xFFFFFF, 0, bytes(16 * 0xFFFFFF), id="entries"),
        pytest.param(0xFFFF, 16, bytes(16 * 0xFFFF + 16), id="as many entries as rpm reads"),
        pytest.param(1, 0xFFFFFFFF, b"", id="data"),
        pytest.param(
            1, 64, struct.pack(">IIII", SHA256_TAG, 7, 0, 0xFFFFFFFF) + bytes(64), id="a long value"
        ),
        pytest.param(
            1, 64, struct.pack(">IIII", SHA256_TAG, 6, 0xFFFFFFF0, 1) + bytes(64), id="an offset"
        ),
    ],
)
def test_an_rpm_header_is_read_within_limits(
    entries: int, data_size: int, rest: bytes, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "bomb-1-1.noarch.rpm"
    path.write_bytes(LEAD + HEADER + struct.pack(">II", entries, data_size) + rest)
    error = bounded(lambda: rpm_validation.check_rpm(str(path), str(path)))
    assert error and str(path) in error


@pytest.mark.parametrize("algorithm", ["md5", "MD5", "crc32", "", "none"])
def test_a_weak_checksum_is_refused(algorithm: str) -> None:
    document = (
        '<repomd><data type="primary"><location href="primary.xml.gz"/>'
        f'<checksum type="{algorithm}">{"0" * 32}</checksum></data></repomd>'
    )
    with pytest.raises(DescriptionError, match="repomd"):
        repomd.parse_repomd(document.encode(), "repomd.xml")
