# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check a graph or node file against the vocabulary."""

from __future__ import annotations

import re
from typing import Iterable, Iterator, Mapping, Optional

from ...suggestions import did_you_mean
from ..model import ERROR, WARNING, Element, Origin, Remark, Text
from .vocabulary import (
    COMMAND,
    DROPPED,
    GRAPH_ELEMENTS,
    NODE_ELEMENTS,
    REFUSED,
    ElementRule,
)


def check_vocabulary(root: Element, commands: Iterable[str]) -> Iterator[Remark]:
    """Check a file for unknown or misplaced elements, unknown attributes and wrong values.

    commands  the element names that are commands inside <main>
    """
    table = GRAPH_ELEMENTS if root.tag == "graph" else NODE_ELEMENTS
    yield from _check(root, "", table, frozenset(commands))


def _check(
    element: Element, parent: str, table: Mapping[str, ElementRule], commands: frozenset[str]
) -> Iterator[Remark]:
    tag = element.tag
    origin = element.origin
    rule = _find_rule(tag, parent, table, commands)
    if rule is None or parent not in rule.parents:
        yield _unknown_element(element, parent, table, commands)
        return
    if rule.fate == REFUSED:
        yield Remark(
            severity=ERROR,
            rule="refused-element",
            origin=origin,
            text=f"<{tag}> is not compiled",
            hint=rule.hint,
        )
        return
    if rule.fate == DROPPED:
        if rule.hint:
            yield Remark(
                severity=WARNING,
                rule="dropped-element",
                origin=origin,
                text=f"<{tag}> has no effect",
                hint=rule.hint,
            )
        return
    yield from _check_attributes(element, rule)
    inside = "command" if rule is COMMAND else tag
    for child in element.children:
        if isinstance(child, Element):
            yield from _check(child, inside, table, commands)
        elif not rule.text and child.text.strip():
            yield Remark(
                severity=WARNING,
                rule="stray-text",
                origin=_first_text_line(child),
                text=f"text directly in <{tag}> has no effect",
            )


def _find_rule(
    tag: str, parent: str, table: Mapping[str, ElementRule], commands: frozenset[str]
) -> Optional[ElementRule]:
    rule = table.get(tag)
    if parent == "main" and tag in commands and not (rule and "main" in rule.parents):
        return COMMAND
    return rule


def _unknown_element(
    element: Element, parent: str, table: Mapping[str, ElementRule], commands: frozenset[str]
) -> Remark:
    candidates = (
        commands
        if parent == "main"
        else [name for name, rule in table.items() if parent in rule.parents]
    )
    where = f"in <{parent}>" if parent else "as the outermost element"
    parents = table[element.tag].parents if element.tag in table else ()
    if parent == "kickstart" and element.tag in commands:
        parents = ("main",)
    return Remark(
        severity=ERROR,
        rule="unknown-element",
        origin=element.origin,
        text=f"unknown element <{element.tag}> {where}",
        hint=f"move it into {_listed(parents)}"
        if parents and parent
        else did_you_mean(element.tag, candidates),
    )


def _listed(parents: Iterable[str]) -> str:
    return " or ".join("a command" if name == "command" else f"<{name}>" for name in parents)


def _check_attributes(element: Element, rule: ElementRule) -> Iterator[Remark]:
    tag = element.tag
    origin = element.origin
    for name, value in element.attributes.items():
        allowed = rule.attributes.get(name)
        if allowed is None:
            hint = did_you_mean(name, rule.attributes)
            yield Remark(
                severity=WARNING,
                rule="unknown-attribute",
                origin=origin,
                text=f'{name}="{value}" on <{tag}> has no effect',
                hint=hint,
            )
        elif name in rule.strict:
            continue
        elif allowed and value and not re.fullmatch(allowed, value):
            text = f'{name}="{value}" on <{tag}> is not one of its values'
            hint = (
                "did you mean perms?"
                if name == "mode" and value.isdigit()
                else f"it must match {allowed}"
            )
            yield Remark(severity=WARNING, rule="odd-value", origin=origin, text=text, hint=hint)
    for name in rule.required:
        if not element.attributes.get(name):
            yield Remark(
                severity=ERROR,
                rule="missing-attribute",
                origin=origin,
                text=f"<{tag}> needs {name}=",
            )


def _first_text_line(text: Text) -> Origin:
    blank = len(text.text) - len(text.text.lstrip())
    return text.origin._replace(line=text.origin.line + text.text.count("\n", 0, blank))
