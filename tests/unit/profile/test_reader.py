"""The reader returns each element and text with its line, and reads nothing from outside."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.profile import escaping
from ansible_collections.npaci.rocks.plugins.module_utils.profile.model import Element, Text
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml import reader


def texts(element: Element) -> list[tuple[str, int]]:
    return [
        (child.text, child.origin.line) for child in element.children if isinstance(child, Text)
    ]


def test_each_piece_of_text_has_its_line_behind_comments_entities_and_cdata() -> None:
    root = reader.parse_xml(
        b"<kickstart>\n<post>\none\n<!-- a comment\nof two lines -->\ntwo &hostname;\n"
        b"<![CDATA[\nthree & &four;\n]]> five\n"
        b'<file\n  name="/x"\n/>six</post></kickstart>',
        "nodes/x.xml",
    )
    (post,) = [child for child in root.children if isinstance(child, Element)]
    assert texts(post) == [
        ("\none\n", 2),
        (f"\ntwo {escaping.placeholder('hostname')}\n", 5),
        ("\nthree & &four;\n", 7),
        (" five\n", 9),
        ("six", 12),
    ]
    assert [child.origin.line for child in post.children if isinstance(child, Element)] == [10]
    assert [
        child.text.strip() for child in post.children if isinstance(child, Text) and child.literal
    ] == ["three & &four;"]


def test_lines_have_no_upper_limit() -> None:
    root = reader.parse_xml(b"<kickstart>" + b"\n" * 200_000 + b"<main/></kickstart>", "big.xml")
    assert [child.origin.line for child in root.children if isinstance(child, Element)] == [200_001]


def test_an_entity_in_an_xml_attribute_is_a_reference() -> None:
    root = reader.parse_xml(b'<kickstart><file name="&HttpConf;/httpd.conf"/></kickstart>', "x.xml")
    (file,) = root.children
    assert isinstance(file, Element)
    assert file.attributes["name"] == escaping.placeholder("HttpConf") + "/httpd.conf"


@pytest.mark.parametrize("standalone", ["yes", "no"])
def test_an_xml_declaration_can_be_on_any_line(standalone: str) -> None:
    declaration = f'<?xml version="1.0" standalone="{standalone}"?>'
    text = f"\n<!-- first -->\n{declaration}\n<kickstart>&a;</kickstart>"
    root = reader.parse_xml(text.encode(), "x.xml")
    assert (root.origin.line, texts(root)) == (4, [(escaping.placeholder("a"), 4)])


def test_a_file_is_decoded_with_its_declared_encoding() -> None:
    text = '<?xml version="1.0" encoding="ISO-8859-1"?><kickstart>é</kickstart>'
    assert texts(reader.parse_xml(text.encode("latin-1"), "x.xml")) == [("é", 1)]


BOMB = (
    "<!DOCTYPE k ["
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    + "]><k>&a11;</k>"
)


@pytest.mark.parametrize(
    ("data", "where"),
    [
        pytest.param(b"<k>\n<a></k>", "x.xml:2", id="not well-formed"),
        pytest.param(b"", "x.xml:1", id="empty"),
        pytest.param(b"<k>\n\xff</k>", "x.xml:2", id="not UTF-8"),
        pytest.param(
            b'<?xml version="1.0" encoding="klingon"?><k/>', "x.xml:1", id="unknown encoding"
        ),
        pytest.param(BOMB.encode(), "x.xml:1", id="expansion bomb"),
        pytest.param(
            b'\n<!DOCTYPE k SYSTEM "file:///etc/passwd"><k>&x;</k>', "x.xml:2", id="external subset"
        ),
        pytest.param(
            b'<!DOCTYPE k [<!ENTITY x SYSTEM "http://127.0.0.1:1/">]><k>&x;</k>',
            "x.xml:1",
            id="external",
        ),
        pytest.param(
            ("\n<k>" + escaping.OPEN + "</k>").encode(), "x.xml:2", id="a mark of our own"
        ),
        pytest.param(b"<a>" * 100 + b"</a>" * 100, "x.xml:1", id="too deep"),
        pytest.param(b"<k>" + b" " * reader.MAXIMUM_SIZE + b"</k>", "x.xml", id="too large"),
    ],
)
def test_a_rejected_file_is_an_error_with_its_line(data: bytes, where: str) -> None:
    started = time.process_time()
    with pytest.raises(DescriptionError) as caught:
        reader.parse_xml(data, "x.xml")
    assert caught.value.where == where
    assert time.process_time() - started < 2


XMLISH = st.lists(
    st.sampled_from(
        [
            "<k>",
            "</k>",
            "<a b='",
            "'>",
            "<a/>",
            "&x;",
            "&#0;",
            "&#xe000;",
            "&",
            "<![CDATA[",
            "]]>",
            "<!--",
            "-->",
            "\n",
        ]
        + ["<?xml version='1.0'?>", "<!DOCTYPE k>", "<!ENTITY", "text", "<", ">", "\x00", "é"]
    ),
    max_size=40,
).map("".join)


@given(st.one_of(XMLISH, st.text(max_size=80)))
def test_every_text_is_read_or_rejected_with_its_place(text: str) -> None:
    try:
        root = reader.parse_xml(text.encode("utf-8", "surrogatepass"), "x.xml")
    except DescriptionError as error:
        assert error.where.startswith("x.xml")
    else:
        assert root.tag


@given(st.binary(max_size=200))
def test_all_bytes_are_read_or_rejected_with_their_place(data: bytes) -> None:
    for given_bytes in (
        data,
        b"<k>" + data + b"</k>",
        b'<?xml version="1.0" encoding="utf-16"?>' + data,
    ):
        try:
            reader.parse_xml(given_bytes, "x.xml")
        except DescriptionError as error:
            assert error.where.startswith("x.xml")
