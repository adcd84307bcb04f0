# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Advisories of several sources are merged; createrepo_c reads what we publish."""

from __future__ import annotations

import pathlib
from typing import Sequence

import createrepo_c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata import updateinfo

PACKAGES = ("kernel-5-1.x86_64", "bash-5-1.x86_64", "bash-5-2.x86_64", "glibc-2-1.i686")


def advisory(
    identifier: str,
    version: int = 1,
    title: str = "a fix",
    packages: Sequence[str] = (),
    collection: str = "c",
    cve: str = "",
) -> str:
    """Return an advisory; packages are ``name-version-release.arch``."""
    rows = "".join(_package(package) for package in packages)
    reference = f'<references><reference type="cve" id="{cve}" href="x"/></references>'
    return (
        f'<update from="x" status="final" type="security" version="{version}">'
        f"<id>{identifier}</id><title>{title}</title>{reference if cve else ''}"
        f'<pkglist><collection short="{collection}"><name>{collection}</name>{rows}</collection>'
        "</pkglist></update>"
    )


def _package(nevra: str) -> str:
    name, version, rest = nevra.split("-")
    release, arch = rest.split(".")
    attributes = f'name="{name}" version="{version}" release="{release}" epoch="0" arch="{arch}"'
    return f'<package {attributes} src="x"><filename>{nevra}.rpm</filename></package>'


def document(*updates: str, encoding: str = "UTF-8") -> bytes:
    text = f'<?xml version="1.0" encoding="{encoding}"?>\n<updates>{"".join(updates)}</updates>'
    return text.encode(encoding)


def read(data: bytes, folder: pathlib.Path) -> dict[str, createrepo_c.UpdateRecord]:
    """Read a document as createrepo_c does: identifier -> advisory."""
    path = folder / "updateinfo.xml"
    path.write_bytes(data)
    return {record.id: record for record in createrepo_c.UpdateInfo(str(path)).updates}


def listed(record: createrepo_c.UpdateRecord) -> list[str]:
    return sorted(
        f"{package.name}-{package.version}-{package.release}.{package.arch}"
        for collection in record.collections
        for package in collection.packages
    )


def test_each_identifier_occurs_once_with_the_texts_of_its_highest_version(
    tmp_path: pathlib.Path,
) -> None:
    merged = updateinfo.merge_updateinfo([
        (document(advisory("RHSA-2"), advisory("RHSA-1", 1, "old")), "os"),
        (document(advisory("RHSA-1", 2, "new"), advisory("RHSA-2", 1, "again")), "updates"),
    ])  # fmt: skip

    records = read(merged.data, tmp_path)
    assert {name: record.title for name, record in records.items()} == {
        "RHSA-1": "new",
        "RHSA-2": "a fix",
    }
    assert updateinfo.advisory_ids(merged.data) == {"RHSA-1", "RHSA-2"}
    assert merged.remarks == ()


def test_the_packages_and_references_of_two_repositories_are_joined(tmp_path: pathlib.Path) -> None:
    """BaseOS and AppStream share identifiers, and each lists only its own packages."""
    merged = updateinfo.merge_updateinfo([
        (document(advisory("A", packages=PACKAGES[:1], cve="CVE-1")), "baseos"),
        (document(advisory("A", packages=PACKAGES[:2], collection="d", cve="CVE-2")), "appstream"),
    ])  # fmt: skip

    (record,) = read(merged.data, tmp_path).values()
    assert listed(record) == sorted(PACKAGES[:2])
    assert [reference.id for reference in record.references] == ["CVE-1", "CVE-2"]
    assert [collection.shortname for collection in record.collections] == ["c", "d"]


def test_a_superseded_version_of_an_advisory_adds_no_older_build(tmp_path: pathlib.Path) -> None:
    merged = updateinfo.merge_updateinfo([
        (document(advisory("A", 1, packages=["bash-5-1.x86_64", "kernel-5-1.x86_64"])), "os"),
        (document(advisory("A", 2, packages=["bash-5-2.x86_64"])), "updates"),
    ])  # fmt: skip

    (record,) = read(merged.data, tmp_path).values()
    assert listed(record) == ["bash-5-2.x86_64", "kernel-5-1.x86_64"]


@given(
    st.lists(
        st.lists(
            st.builds(
                advisory,
                st.sampled_from("AB"),
                st.integers(1, 2),
                st.sampled_from(("x", "&lt;y&gt;", "<![CDATA[<update>]]>")),
                st.lists(st.sampled_from(PACKAGES), unique=True),
                st.sampled_from("cd"),
                st.sampled_from(("", "CVE-1", "CVE-2")),
            )
        ),
        min_size=1,
        max_size=3,
    )
)
def test_merging_again_changes_nothing(sources: list[list[str]]) -> None:
    once = updateinfo.merge_updateinfo([(document(*updates), "os") for updates in sources])

    assert updateinfo.merge_updateinfo([(once.data, "x"), (once.data, "y")]) == (once.data, ())


def test_sources_without_advisories_give_no_document() -> None:
    assert updateinfo.merge_updateinfo([(b"", "os")]) == (b"", ())
    assert updateinfo.advisory_ids(b"") == frozenset()


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "UTF-16", "windows-1252", "utf-8-sig"])
def test_other_encodings_become_utf_8(encoding: str, tmp_path: pathlib.Path) -> None:
    merged = updateinfo.merge_updateinfo(
        [(document(advisory("A", title="Grüße"), encoding=encoding), "os")]
    )

    assert read(merged.data, tmp_path)["A"].title == "Grüße"
    assert merged.remarks == ()


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        pytest.param(b"<tr>", "<tr>", id="markup of another language"),
        pytest.param(b"a & b &nbsp; &amp; c", "a & b &nbsp; & c", id="ampersands"),
        pytest.param(b"a \x1b[0m b", "a \ufffd[0m b", id="a control character"),
        pytest.param(b"a &#27; b", "a \ufffd b", id="a reference to a control character"),
        pytest.param(b"Gr\xfc\xdfe", "Grüße", id="Latin-1 in UTF-8"),
    ],
)
def test_faulty_text_is_repaired_with_a_remark(
    title: bytes, expected: str, tmp_path: pathlib.Path
) -> None:
    data = document(advisory("A", title="TITLE"), advisory("B")).replace(b"TITLE", title)

    merged = updateinfo.merge_updateinfo([(data, 'source "os"')])

    records = read(merged.data, tmp_path)
    assert {name: record.title for name, record in records.items()} == {"A": expected, "B": "a fix"}
    assert merged.remarks
    assert all('source "os"' in remark for remark in merged.remarks)


@pytest.mark.parametrize(
    ("data", "expected", "remark"),
    [
        pytest.param(
            document(advisory("A"), advisory("B"))[:-30],
            {"A"},
            "not XML were left out: B",
            id="truncated",
        ),
        pytest.param(
            document(advisory("A").replace("</title>", "</id>"), advisory("B")),
            {"B"},
            "not XML were left out: A",
            id="wrong end tag",
        ),
        pytest.param(
            document(advisory("A").replace("</update>", ""), advisory("B")),
            {"B"},
            "not XML were left out: A",
            id="no end tag",
        ),
        pytest.param(
            document(advisory(""), advisory("B")), {"B"}, "1 advisories without", id="no id"
        ),
        pytest.param(b"<html/>", set(), "root element is 'html'", id="another document"),
        pytest.param(
            document().replace(b"UTF-8", b"klingon"), set(), "'klingon'", id="unknown encoding"
        ),
        pytest.param(b"\x00\xff", set(), "not XML", id="noise"),
    ],
)
def test_an_advisory_that_cannot_be_read_is_left_out_with_a_remark(
    data: bytes, expected: set[str], remark: str, tmp_path: pathlib.Path
) -> None:
    merged = updateinfo.merge_updateinfo([(data, "updates")])

    assert set(read(merged.data, tmp_path)) == expected
    assert any(remark in text for text in merged.remarks)


@given(st.binary(max_size=200), st.sampled_from((b"", document(advisory("A")))))
def test_any_bytes_give_a_document_that_can_be_merged_again(noise: bytes, data: bytes) -> None:
    merged = updateinfo.merge_updateinfo([(data[:60] + noise + data[60:], "os")])

    assert updateinfo.merge_updateinfo([(merged.data, "again")]) == (merged.data, ())
