"""The schemas of xml/schema accept exactly what the lint accepts."""

from __future__ import annotations

import functools
import pathlib
import re
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from ansible_collections.npaci.rocks.plugins.module_utils.profile.releases import COMMAND_NAMES
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml import relax_ng
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml.reader import parse_xml
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml.vocabulary import (
    COMPILED,
    GRAPH_ELEMENTS,
    NODE_ELEMENTS,
    REFUSED,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml.vocabulary_check import (
    check_vocabulary,
)

XML = pathlib.Path(__file__).parents[3] / "xml"
STRICT = (
    "unknown-element",
    "refused-element",
    "missing-attribute",
    "unknown-attribute",
    "odd-value",
    "stray-text",
)


@functools.lru_cache
def relax(kind: str) -> Any:
    return etree.RelaxNG(etree.parse(str(XML / "schema" / f"{kind}.rng")))


@pytest.mark.parametrize(
    ("kind", "text"), [("graph", relax_ng.graph_schema()), ("node", relax_ng.node_schema())]
)
def test_the_schema_files_are_generated_from_the_vocabulary(
    kind: str, text: str, request: pytest.FixtureRequest
) -> None:
    path = XML / "schema" / f"{kind}.rng"
    if request.config.getoption("--renew"):
        path.write_text(text)
    assert path.read_text() == text


@pytest.mark.parametrize(
    "file", sorted([*XML.glob("nodes/*.xml"), *XML.glob("graphs/*/*.xml")]), ids=lambda f: f.name
)
def test_the_shipped_files_are_valid(file: pathlib.Path) -> None:
    body = file.read_text()
    names = sorted(
        set(re.findall(r"&([A-Za-z_][\w.-]*);", body)) - {"amp", "lt", "gt", "quot", "apos"}
    )
    entities = "".join(f'<!ENTITY {name} "x">' for name in names)
    document = etree.fromstring(f"<!DOCTYPE x [{entities}]>{body}")
    kind = relax("graph" if "graphs" in file.parts else "node")
    assert kind.validate(document), kind.error_log.last_error


TAGS = st.sampled_from(sorted(NODE_ELEMENTS) + ["part", "lang", "nonsense"])
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        sorted({name for rule in NODE_ELEMENTS.values() for name in rule.attributes}) + ["perm"]
    ),
    st.sampled_from(["", "x", "yes", "post", "meta", "append", "0644", "xml", "expanded"]),
    max_size=2,
)


def element(tag: str, attributes: dict[str, str], children: list[str]) -> str:
    attribute_text = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
    return f"<{tag}{attribute_text}>{''.join(children)}</{tag}>"


TREES = st.recursive(
    st.one_of(st.builds(element, TAGS, ATTRIBUTES, st.just([])), st.just("text")),
    lambda inner: st.builds(element, TAGS, ATTRIBUTES, st.lists(inner, max_size=2)),
    max_leaves=4,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(TREES, max_size=2))
def test_the_schema_accepts_exactly_what_the_lint_accepts(children: list[str]) -> None:
    text = f"<kickstart>{''.join(children)}</kickstart>"
    # An empty value stands for no value in the compiler; a schema sees a value.
    complaints = [
        remark
        for remark in check_vocabulary(parse_xml(text.encode(), "x.xml"), COMMAND_NAMES)
        if remark.rule in STRICT
    ]
    if '=""' not in text:
        assert relax("node").validate(etree.fromstring(text)) == (not complaints), (
            text,
            complaints,
        )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    tag=st.sampled_from(
        sorted(name for name, rule in NODE_ELEMENTS.items() if rule.fate == COMPILED)
    )
)
def test_every_compiled_element_has_a_meaning_and_parents(tag: str) -> None:
    rule = NODE_ELEMENTS[tag]
    assert rule.meaning
    assert all(parent in NODE_ELEMENTS or parent in ("", "command") for parent in rule.parents)
    assert set(rule.required) <= set(rule.attributes)


def test_the_elements_of_real_rolls_are_in_the_vocabulary() -> None:
    counted = [
        "package",
        "post",
        "kickstart",
        "file",
        "description",
        "changelog",
        "copyright",
        "eval",
        "configure",
        "pre",
        "service",
        "main",
        "include",
        "screen",
        "jumpstart",
        "ansible",
        "log",
        "var",
        "copy",
        "sinclude",
        "boot",
        "debug",
        "attributes",
        "cfengine",
    ]
    commands = (
        "url bootloader rootpw lang keyboard interactive auth eula firstboot install timezone"
        " reboot sshpw part clearpart mouse"
    )
    assert set(counted) <= set(NODE_ELEMENTS)
    assert set(commands.split()) <= COMMAND_NAMES
    of_graphs = {
        "graph",
        "edge",
        "to",
        "from",
        "tail",
        "head",
        "order",
        "description",
        "copyright",
        "changelog",
    }
    assert of_graphs <= set(GRAPH_ELEMENTS)
    assert {name for name, rule in NODE_ELEMENTS.items() if rule.fate == REFUSED} == {
        "boot", "cfengine", "copy", "jumpstart", "ksappend", "traceback",
    }  # fmt: skip
    assert all(rule.hint for rule in NODE_ELEMENTS.values() if rule.fate == REFUSED)
