"""Metadata is sliced in the layout of createrepo_c, and normalised from other layouts."""

from __future__ import annotations

import gzip
import lzma
import pathlib
import re
from typing import Callable
from xml.etree import ElementTree

import createrepo_c
import pytest
import zstandard

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata import (
    compression,
    normalise,
    slices,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Package
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from support.rpms import Change, Rpm, repository

BASH = Rpm(
    "bash",
    "5.1.8",
    "9.el9",
    "x86_64",
    epoch=1,
    requires=["glibc >= 2.34", "(a or b)"],
    files={"/usr/bin/bash": "#!", "/etc/a&b": "", "/usr/share/doc/<x>": ""},
    description='It says <location href="evil"/> & "quotes".',
    changelog=[Change(1, "A <a@example.org>", "- <b>")],
)
LIBS = Rpm("gcc-c++", "11~rc1", "1^git2", "noarch")


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return primary, filelists and other as createrepo_c writes them."""
    folder = repository(tmp_path_factory.mktemp("repository"), [BASH, LIBS]) / "repodata"
    return {
        kind: compression.decompress(next(folder.glob(f"*-{kind}.xml.zst")).read_bytes(), kind)
        for kind in ("primary", "filelists", "other")
    }


def as_values(document: bytes) -> object:
    """Return a document as tags, attributes, stripped texts and children."""

    def value(element: ElementTree.Element) -> object:
        return (
            element.tag,
            dict(element.attrib),
            (element.text or "").strip(),
            [value(child) for child in element],
        )

    return value(ElementTree.fromstring(document))


def test_packages_equal_those_of_createrepo_c(documents: dict[str, bytes]) -> None:
    packages = slices.slice_primary(documents["primary"], "os", "primary").packages

    rows: list[createrepo_c.Package] = []
    text = documents["primary"].decode()
    snippet = text.split("packages=", 1)[1].split(">", 1)[1].replace("</metadata>", "")
    createrepo_c.xml_parse_primary_snippet(snippet, pkgcb=rows.append, do_files=False)
    assert packages == [
        Package(
            name=row.name,
            arch=row.arch,
            epoch=int(row.epoch),
            version=row.version,
            release=row.release,
            checksum=row.pkgId,
            checksum_type="sha256",
            size=row.size_package,
            location=row.location_href,
            source="os",
        )
        for row in rows
    ]
    assert [package.nevra for package in packages] == [
        "bash-1:5.1.8-9.el9.x86_64",
        "gcc-c++-11~rc1-1^git2.noarch",
    ]


def test_only_the_location_changes_in_the_xml_of_a_package(
    documents: dict[str, bytes],
) -> None:
    primary = slices.slice_primary(documents["primary"], "os", "primary")

    texts = [
        primary.package_xml(package.checksum, f"Packages/00/{package.file_name}")
        for package in primary.packages
    ]

    # The location in the description is text, so it stays.
    joined = normalise.xml_head("primary", 2) + b"".join(texts) + normalise.xml_tail("primary")
    expected = documents["primary"].replace(b' href="Packages/', b' href="Packages/00/')
    assert as_values(joined) == as_values(expected)


@pytest.mark.parametrize("kind", ["filelists", "other"])
def test_slices_of_filelists_and_other_are_whole_elements(
    documents: dict[str, bytes], kind: str
) -> None:
    listing = slices.slice_listing(documents[kind], kind, kind)

    texts = [listing.package_xml(checksum) or b"" for checksum in listing.spans]

    assert as_values(
        normalise.xml_head(kind, 2) + b"".join(texts) + normalise.xml_tail(kind)
    ) == as_values(documents[kind])
    assert listing.package_xml("0" * 64) is None


def _swap_attributes(text: str) -> str:
    return re.sub(
        r'<version epoch="(\d+)" ver="([^"]*)" rel="([^"]*)"/>',
        r'<version rel="\3" ver="\2" epoch="\1"/>',
        text,
    )


def _change_prefixes(text: str) -> str:
    text = text.replace("xmlns:rpm=", "xmlns:r=").replace("<rpm:", "<r:").replace("</rpm:", "</r:")
    text = re.sub(r"<(/?)(?!r:|[?!])(\w)", r"<\1c:\2", text)
    return text.replace(' xmlns="', ' xmlns:c="')


VARIANTS: dict[str, Callable[[str], str]] = {
    "attributes in another order": _swap_attributes,
    "on one line": lambda text: re.sub(r">\s+<", "><", text),
    "no newline after a package": lambda text: text.replace("</package>\n", "</package>"),
    "other prefixes": _change_prefixes,
    "CDATA": lambda text: re.sub(
        r"<summary>([^<]*)</summary>", r"<summary><![CDATA[\1]]></summary>", text
    ),
    "CDATA that looks like an element": lambda text: re.sub(
        r"<packager>[^<]*</packager>",
        "<packager><![CDATA[<size package='1'/></package>]]></packager>",
        text,
    ),
    "a comment": lambda text: text.replace(
        "  <checksum", "  <!-- <location href='x'/> --><checksum"
    ),
    "single quotes": lambda text: text.replace('type="rpm"', "type='rpm'"),
    "an empty xml:base": lambda text: text.replace("<location ", '<location xml:base="" '),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_another_layout_gives_the_same_packages(documents: dict[str, bytes], variant: str) -> None:
    original = slices.slice_primary(documents["primary"], "os", "primary")
    changed = VARIANTS[variant](documents["primary"].decode()).encode()

    primary = slices.slice_primary(changed, "os", "primary")

    assert changed != documents["primary"]
    assert primary.packages == original.packages
    for package in primary.packages:
        document = (
            normalise.xml_head("primary", 1)
            + primary.package_xml(package.checksum, package.location)
            + normalise.xml_tail("primary")
        )
        assert slices.slice_primary(document, "os", "primary").packages == [package]


@pytest.mark.parametrize("kind", ["filelists", "other"])
def test_another_layout_of_filelists_and_other_gives_the_same_elements(
    documents: dict[str, bytes], kind: str
) -> None:
    text = documents[kind].decode().replace("<package pkgid=", "<!-- x --><package\n pkgid=")

    listing = slices.slice_listing(text.encode(), kind, kind)

    assert list(listing.spans) == list(slices.slice_listing(documents[kind], kind, kind).spans)
    texts = [listing.package_xml(checksum) or b"" for checksum in listing.spans]
    assert as_values(
        normalise.xml_head(kind, 2) + b"".join(texts) + normalise.xml_tail(kind)
    ) == as_values(documents[kind])


def test_normalising_the_standard_layout_changes_nothing(documents: dict[str, bytes]) -> None:
    once = normalise.normalise(documents["primary"], "primary", "primary")

    assert normalise.normalise(once, "primary", "primary") == once
    assert as_values(once) == as_values(documents["primary"])


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        pytest.param("</metadata>", "", "not XML", id="truncated"),
        pytest.param("<metadata", "<html><metadata", "not XML", id="not closed"),
        pytest.param(
            'href="Packages/', 'href="../../', "leads out of the repository", id="a path upwards"
        ),
        pytest.param(
            'href="Packages/', 'href="/etc/', "leads out of the repository", id="an absolute path"
        ),
        pytest.param('href="Packages/', 'href="http://example.org/', "leads out", id="a URL"),
        pytest.param(
            "<name>bash</name>",
            "<name>../bash</name>",
            "not a valid file name",
            id="a name with a slash",
        ),
        pytest.param("<name>bash</name>", "", "lacks its name", id="no name"),
        pytest.param(
            "<arch>x86_64</arch>", "<arch>x86 64</arch>", "not a valid file name", id="a blank"
        ),
        pytest.param('type="sha256" pkgid', 'type="md5" pkgid', "no valid checksum", id="MD5"),
        pytest.param("<size package=", "<size parcel=", "lacks its name, version", id="no size"),
        pytest.param(
            "<location ", '<location xml:base="http://example.org" ', "xml:base", id="xml:base"
        ),
    ],
)
def test_invalid_metadata_are_an_error_at_the_source(
    documents: dict[str, bytes], before: str, after: str, fault: str
) -> None:
    text = documents["primary"].decode()
    assert before in text

    with pytest.raises(DescriptionError, match=fault) as raised:
        slices.slice_primary(
            text.replace(before, after, 1).encode(), "os", 'source "os", its primary metadata'
        )

    assert raised.value.where.startswith('source "os", its primary metadata')


def test_the_page_of_a_captive_portal_is_an_error() -> None:
    with pytest.raises(DescriptionError, match="root element is 'html'"):
        slices.slice_primary(b"<html><body>Please log in</body></html>", "os", "primary")


CONTENT = b"<metadata/>" * 1000
COMPRESSED = {
    "gzip": gzip.compress(CONTENT),
    "xz": lzma.compress(CONTENT),
    "zstd": zstandard.compress(CONTENT),
    "zstd in frames": compression.compress_frame(CONTENT[:500])
    + compression.compress_frame(CONTENT[500:]),
    "gzip in members": gzip.compress(CONTENT[:500]) + gzip.compress(CONTENT[500:]),
    "not compressed": CONTENT,
}


@pytest.mark.parametrize("how", COMPRESSED)
def test_every_kind_of_compressed_file_is_decompressed(how: str) -> None:
    assert compression.decompress(COMPRESSED[how], how, len(CONTENT)) == CONTENT
    assert compression.decompress(COMPRESSED[how], how) == CONTENT


@pytest.mark.parametrize("how", COMPRESSED)
@pytest.mark.parametrize("size", [len(CONTENT) - 1, len(CONTENT) + 1])
def test_a_file_of_another_size_than_stated_is_an_error(how: str, size: int) -> None:
    with pytest.raises(DescriptionError, match=r"repomd.xml states"):
        compression.decompress(COMPRESSED[how], "primary", size)


@pytest.mark.parametrize("how", ["gzip", "xz", "zstd"])
def test_a_truncated_file_is_an_error(how: str) -> None:
    with pytest.raises(DescriptionError, match=r"^primary: .*decompressed"):
        compression.decompress(COMPRESSED[how][:-8], "primary", len(CONTENT))


def test_a_decompression_bomb_is_stopped_at_the_stated_size() -> None:
    bomb = gzip.compress(bytes(50 << 20))

    with pytest.raises(DescriptionError, match="more than 1,000 bytes"):
        compression.decompress(bomb, "primary", 1000)


def test_a_damaged_frame_is_an_error() -> None:
    frame = bytearray(compression.compress_frame(CONTENT))
    frame[-1] ^= 1

    with pytest.raises(DescriptionError, match="damaged"):
        compression.decompress_frame(bytes(frame))


def test_the_same_content_gives_the_same_frame(tmp_path: pathlib.Path) -> None:
    assert compression.compress_frame(CONTENT) == compression.compress_frame(
        bytes(bytearray(CONTENT))
    )
