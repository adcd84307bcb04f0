# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""RELAX NG schemas of graph and node files, generated from the vocabulary, for editors.

``xml/schema/`` contains the output of this module; a test compares the two.
"""

from __future__ import annotations

import re
from typing import Iterable, Mapping
from xml.sax.saxutils import escape, quoteattr

from ..releases import COMMAND_NAMES
from .vocabulary import COMMAND, GRAPH_ELEMENTS, NODE_ELEMENTS, REFUSED, UNREAD, ElementRule

GRAMMAR = """<?xml version="1.0" encoding="UTF-8"?>
<!-- Generated from plugins/module_utils/profile/xml/vocabulary.py; change it there. -->
<grammar xmlns="http://relaxng.org/ns/structure/1.0"
         xmlns:a="http://relaxng.org/ns/compatibility/annotations/1.0"
         datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes">
%s
</grammar>
"""
ALTERNATIVES = re.compile(r"[a-z]+(\|[a-z]+)+")
ANYTHING = """  <define name="anything">
    <zeroOrMore>
      <choice>
        <text/>
        <attribute><anyName/></attribute>
        <element><anyName/><ref name="anything"/></element>
      </choice>
    </zeroOrMore>
  </define>"""


def graph_schema() -> str:
    """Return the schema of graph files."""
    return _schema("graph", GRAPH_ELEMENTS, ())


def node_schema() -> str:
    """Return the schema of node files."""
    in_main = {name for name, rule in NODE_ELEMENTS.items() if "main" in rule.parents}
    return _schema("kickstart", NODE_ELEMENTS, sorted(COMMAND_NAMES - in_main))


def _schema(start: str, table: Mapping[str, ElementRule], commands: Iterable[str]) -> str:
    rules = {name: rule for name, rule in table.items() if rule.fate != REFUSED}
    parts = [f'  <start>\n    <ref name="{start}"/>\n  </start>']
    parts += [_define(name, rule, rules, commands) for name, rule in rules.items()]
    if commands:
        parts.append(_commands(rules, commands))
    return GRAMMAR % "\n".join([*parts, ANYTHING])


def _define(
    name: str, rule: ElementRule, table: Mapping[str, ElementRule], commands: Iterable[str]
) -> str:
    lines = [
        f'  <define name="{name}">',
        f'    <element name="{name}">',
        f"      <a:documentation>{escape(rule.meaning)}</a:documentation>",
    ]
    if name in UNREAD:
        lines.append('      <ref name="anything"/>')
    else:
        lines += [
            _attribute(attribute, values, rule)
            for attribute, values in sorted(rule.attributes.items())
        ]
        children = [child for child, inner in table.items() if name in inner.parents]
        lines += _content(rule, children, bool(commands) and name == "main")
    return "\n".join([*lines, "    </element>", "  </define>"])


def _attribute(name: str, values: str, rule: ElementRule) -> str:
    attribute = f"<attribute name={quoteattr(name)}>{_value(values)}</attribute>"
    return (
        f"      {attribute}" if name in rule.required else f"      <optional>{attribute}</optional>"
    )


def _value(values: str) -> str:
    """Alternatives become a choice, which editors can complete; other expressions a pattern."""
    if not values:
        return "<text/>"
    if ALTERNATIVES.fullmatch(values):
        words = "".join(f'<value type="string">{word}</value>' for word in values.split("|"))
        return f"<choice>{words}</choice>"
    return f'<data type="string"><param name="pattern">{escape(_pattern(values))}</param></data>'


def _pattern(values: str) -> str:
    """Convert a regular expression of Python to one of XML Schema, which has no flags."""
    if not values.startswith("(?i)"):
        return values
    return "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() else c for c in values[4:])


def _content(rule: ElementRule, children: Iterable[str], commands: bool) -> list[str]:
    choices = [f'          <ref name="{child}"/>' for child in children]
    choices += ["          <text/>"] if rule.text else []
    choices += ['          <ref name="command"/>'] if commands else []
    if not choices:
        return ["      <empty/>"]
    return [
        "      <zeroOrMore>",
        "        <choice>",
        *choices,
        "        </choice>",
        "      </zeroOrMore>",
    ]


def _commands(table: Mapping[str, ElementRule], commands: Iterable[str]) -> str:
    names = [f"          <name>{command}</name>" for command in commands]
    attributes = [
        _attribute(name, values, COMMAND) for name, values in sorted(COMMAND.attributes.items())
    ]
    children = [child for child, inner in table.items() if "command" in inner.parents]
    return "\n".join(
        [
            '  <define name="command">',
            "    <element>",
            "      <choice>",
            *names,
            "      </choice>",
            *attributes,
            *_content(COMMAND, children, False),
            "    </element>",
            "  </define>",
        ]
    )
