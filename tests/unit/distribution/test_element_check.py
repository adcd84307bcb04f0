# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""XML of packages that a parser would refuse is repaired or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata.element_check import (  # noqa: E501
    PARSED_SIZE,
    clean_element,
    is_clean,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata.normalise import (
    xml_head,
    xml_tail,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError

PACKAGE = (
    '<package type="rpm">\n  <name>a</name>\n  <summary>%s</summary>\n'
    '  <format><rpm:entry name="b"/></format>\n</package>\n'
)


def package(summary: bytes) -> bytes:
    return PACKAGE.encode() % summary


def parse(element: bytes) -> etree._Element:
    """Parse an element in a document, as dnf does; the result is the package."""
    return etree.fromstring(xml_head("primary", 1) + element + xml_tail("primary"))[0]


def summary_of(element: bytes) -> str:
    return parse(element).findtext("{*}summary") or ""


@pytest.mark.parametrize(
    "summary",
    [
        b"plain",
        "Grüße, 世界 \U0001f600".encode(),
        b"&lt;a&gt; &amp; &#13; &#x263A; \t\r\n",
        b"a > b",
        b"<![CDATA[ <a> & \t]]>",
        b"<!-- a comment -->",
        b"",
    ],
)
def test_a_well_formed_element_stays_as_it_is(summary: bytes) -> None:
    assert clean_element(package(summary), "primary", "here") == (package(summary), "")


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        pytest.param(b"bell \x07", "bell \ufffd", id="a control character"),
        pytest.param(b"&#27;[0m", "\ufffd[0m", id="a reference to a control character"),
        pytest.param(b"&#xFFFF;", "\ufffd", id="a reference to a noncharacter"),
        pytest.param("\uffff".encode(), "\ufffd", id="a noncharacter"),
        pytest.param(b"Gr\xfc\xdfe", "Grüße", id="Latin-1"),
        pytest.param(b"\xed\xa0\x80", "\xed\xa0\x80", id="half of a surrogate pair"),
        pytest.param(b"R&D", "R&D", id="an ampersand"),
        pytest.param(b"&nbsp;", "&nbsp;", id="an entity of HTML"),
        pytest.param(b"a < b", "a < b", id="less than"),
        pytest.param(b"Joe <joe@example.org>", "Joe <joe@example.org>", id="an address"),
    ],
)
def test_faulty_text_is_repaired(summary: bytes, expected: str) -> None:
    cleaned = clean_element(package(summary), "primary", "here")

    assert cleaned.repair
    assert summary_of(cleaned.xml) == expected
    assert is_clean(cleaned.xml, "primary")


LARGE = package(b"x" * PARSED_SIZE)


@pytest.mark.parametrize(
    "summary",
    [
        b"\x07",
        b"\x00",
        b"&#27;",
        "\uffff".encode(),
        b"Gr\xfc\xdfe",
        b"\xed\xa0\x80",
        b"R&D",
        b"&nbsp;",
        b"a < b",
    ],
)
def test_faulty_text_is_seen_in_large_xml_too(summary: bytes) -> None:
    assert is_clean(LARGE + package("Grüße \ue000 &amp;&#13; \t".encode()) + LARGE, "primary")
    assert not is_clean(LARGE + package(summary) + LARGE, "primary")


@pytest.mark.parametrize(
    "element",
    [
        package(b"</summary>"),
        package(b"<summary>"),
        package(b"x").replace(b"</name>", b"</summary>", 1),
        package(b"x").replace(b'name="b"', b'name="b""'),
    ],
)
def test_an_element_that_cannot_be_repaired_is_an_error(element: bytes) -> None:
    assert not is_clean(element, "primary")
    with pytest.raises(DescriptionError, match=r"^here: its primary metadata is not XML"):
        clean_element(element, "primary", "here")


@given(st.binary(max_size=30))
def test_any_text_is_repaired_or_refused(summary: bytes) -> None:
    try:
        cleaned = clean_element(package(summary), "primary", "here")
    except DescriptionError:
        return
    parse(cleaned.xml)
