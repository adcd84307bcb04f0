# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Paths, checksums and sizes in repomd.xml are checked before they are used."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata.repomd import (
    Record,
    is_safe_path,
    is_valid_checksum,
    parse_repomd,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from support.samples import sample

SUM = "ab" * 32
WHERE = 'source "updates" (http://mirror.example.org/updates)/repodata/repomd.xml'


def document(*records: str) -> bytes:
    head = '<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>7</revision>'
    return f"{head}{''.join(records)}</repomd>".encode()


def data(
    kind: str = "primary",
    href: str = "repodata/p.xml.gz",
    digest: str = SUM,
    algorithm: str = "sha256",
    size: str = "<size>10</size>",
) -> str:
    checksum = f'<checksum type="{algorithm}">{digest}</checksum>'
    return f'<data type="{kind}">{checksum}<location href="{href}"/>{size}</data>'


def test_records_are_sorted_by_kind_and_have_size_and_checksum() -> None:
    repomd = parse_repomd(document(data(), data("filelists", "repodata/f.xml.gz", size="")), WHERE)
    assert repomd.revision == "7"
    assert repomd.records == (
        Record("filelists", "repodata/f.xml.gz", SUM, "sha256"),
        Record("primary", "repodata/p.xml.gz", SUM, "sha256", size=10),
    )
    assert repomd.record("primary") == repomd.records[1]
    assert repomd.record("modules") is None


def test_a_real_repomd_is_parsed() -> None:
    text = (sample("cs9-appstream") / "repodata" / "repomd.xml").read_bytes()
    primary = parse_repomd(text, WHERE).record("primary")
    assert primary is not None
    assert (primary.size, primary.open_size) == (3597627, 51840420)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(
            b"<html>Sign in to the hotel network</html>",
            "web page",
            id="a captive portal",
        ),
        pytest.param(b"", "not XML", id="nothing"),
        *(
            pytest.param(
                b'<?xml version="1.0" encoding="%s"?><repomd/>' % name,
                "encoding",
                id=f"encoding {name.decode()}",
            )
            for name in (b"klingon", b"utf-7", b"hex", b"idna", b"utf-16")
        ),
        pytest.param(document(data())[:-20], "not XML", id="cut off"),
        pytest.param(document(), "no record of type 'primary'", id="no primary"),
        pytest.param(
            document(data(href="../../etc/passwd")),
            "leads out of the repository",
            id="a path upwards",
        ),
        pytest.param(
            document(data(href="/etc/passwd")), "leads out of the repository", id="an absolute path"
        ),
        pytest.param(
            document(data(digest="../x")), "no valid checksum", id="a checksum that is a path"
        ),
        pytest.param(document(data(algorithm="md5")), "no valid checksum ('md5'", id="MD5"),
        pytest.param(
            document(data(size="<size>99999999999</size>")),
            "a size that is not between 0 and",
            id="a huge size",
        ),
        pytest.param(
            document(data(size="<size>-5</size>")),
            "a size that is not between 0 and",
            id="a negative size",
        ),
        pytest.param(
            document(data(), data()), "two records of type 'primary'", id="one kind twice"
        ),
    ],
)
def test_an_invalid_repomd_is_an_error_at_its_url(text: bytes, fault: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        parse_repomd(text, WHERE)
    assert str(caught.value).startswith(WHERE)
    assert fault in str(caught.value)


def test_all_faults_are_in_one_error() -> None:
    with pytest.raises(DescriptionError) as caught:
        parse_repomd(document(data("other", "../x"), data("group", digest="zz")), WHERE)
    assert caught.value.what.count(";") == 2


def test_xml_entities_are_an_error_and_are_not_expanded() -> None:
    bomb = b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + document(data()).replace(
        b">7<", b">&a;<"
    )
    with pytest.raises(DescriptionError, match="entities"):
        parse_repomd(bomb, WHERE)


@pytest.mark.parametrize(
    "location",
    [
        "..",
        "../a",
        "a/../../b",
        "a/..",
        "/a",
        "",
        ".",
        "a/",
        "http://x/a",
        "a\x00b",
        "a\nb",
        "a\\..\\b",
    ],
)
def test_a_path_that_leaves_the_repository_is_not_safe(location: str) -> None:
    assert not is_safe_path(location)


@pytest.mark.parametrize(
    "location", ["a.rpm", "Packages/n/nginx-1:1.20.rpm", "./a.rpm", "c++-1^git~rc.rpm", "..a/b"]
)
def test_a_path_below_the_repository_is_safe(location: str) -> None:
    assert is_safe_path(location)


@given(st.text(alphabet="./a\\:0\x00", max_size=12))
def test_a_joined_safe_path_never_leaves_the_folder(location: str) -> None:
    if is_safe_path(location):
        assert os.path.normpath(os.path.join("/pool", location)).startswith("/pool/")


def test_a_valid_checksum_has_the_length_of_its_algorithm() -> None:
    assert is_valid_checksum("a" * 40, "sha") and is_valid_checksum("0" * 128, "sha512")
    assert not any(
        (
            is_valid_checksum("a" * 63, "sha256"),
            is_valid_checksum("g" * 64, "sha256"),
            is_valid_checksum("a" * 32, "md5"),
        )
    )
