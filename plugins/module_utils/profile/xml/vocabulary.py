# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The vocabulary of graph and node files: one row per element, from which the compiler's remarks, the lint and the
RELAX NG schemas (schema.py) are all made.
"""

from __future__ import annotations

import re
from typing import Iterable, Iterator, Mapping, NamedTuple

from ...attribute_values import FALSE_WORDS, TRUE_WORDS
from ...suggestions import did_you_mean
from ..model import ERROR, WARNING, Element, Origin, Remark, Text
from .attribute_types import TYPES

# Every condition that an element may carry, and what Rocks' own tools stamped on elements.
CONDITIONS = {"arch": "", "os": "", "release": "", "cond": ""}
ROCKS_STAMPS = {"roll": "", "interface": "", "color": ""}

SCRIPTS = ("pre", "pre-install", "post", "onerror", "configure")
SCRIPT_ATTRIBUTES = {**CONDITIONS, "interpreter": "", "arg": ""}
NAME_PATTERN = "[A-Za-z_][A-Za-z0-9_.-]*"
YES_NO = f"(?i){'|'.join(sorted(TRUE_WORDS | FALSE_WORDS))}|1|0"

COMPILED, DROPPED, REFUSED = "compiled", "dropped", "refused"


class ElementRule(NamedTuple):
    """One element.

    attributes  name -> regular expression of its values, empty for any text
    parents     where it may stand; "command" is any command inside <main>
    text        whether characters may stand in it
    """

    meaning: str
    attributes: Mapping[str, str]
    parents: tuple[str, ...]
    text: bool = True
    required: tuple[str, ...] = ()
    fate: str = COMPILED
    hint: str = ""
    strict: tuple[str, ...] = ()
    """Attributes whose values are checked where the file is read: what is wrong there is an error."""


NODE = ("kickstart",)
INLINE = (
    "pre",
    "pre-install",
    "post",
    "onerror",
    "configure",
    "file",
    "command",
    "package",
    "addon",
    "ansible",
)
SCREEN = "it belongs to a patched installer's screens; set an attribute instead"
SOLARIS = "it describes Solaris"

GRAPH_ELEMENTS: Mapping[str, ElementRule] = {
    "graph": ElementRule("a graph file", {"roll": ""}, ("",), text=False),
    "description": ElementRule("prose", {}, ("graph",), fate=DROPPED),
    "changelog": ElementRule("prose", {}, ("graph",), fate=DROPPED),
    "copyright": ElementRule("prose", {}, ("graph",), fate=DROPPED),
    "attribute": ElementRule(
        "an attribute that node files use, and what it is where a node has none",
        {
            "name": NAME_PATTERN,
            "default": "",
            "type": "|".join(TYPES),
            "values": r"[^\s,]+(\s+[^\s,]+)*",
        },
        ("graph",),
        required=("name",),
        strict=("type",),
    ),
    "edge": ElementRule(
        "one node includes another",
        {**CONDITIONS, "from": "", "to": "", "color": ""},
        ("graph",),
        text=False,
    ),
    "order": ElementRule(
        "one node comes before another", {"head": "", "tail": "", "gen": ""}, ("graph",), text=False
    ),
    "from": ElementRule("the including end", CONDITIONS, ("edge",)),
    "to": ElementRule("the included end", CONDITIONS, ("edge",)),
    "head": ElementRule("the earlier end", {}, ("order",)),
    "tail": ElementRule("the later end", {}, ("order",)),
}

NODE_ELEMENTS: Mapping[str, ElementRule] = {
    "kickstart": ElementRule("a node file", ROCKS_STAMPS, ("",), text=False),
    "description": ElementRule("prose", {}, NODE, fate=DROPPED),
    "changelog": ElementRule("prose", {}, NODE, fate=DROPPED),
    "copyright": ElementRule("prose", {}, NODE, fate=DROPPED),
    "log": ElementRule("prose", {}, NODE, fate=DROPPED),
    "package": ElementRule(
        "names for %packages, one a line",
        {**CONDITIONS, "type": "rpm|meta", "disable": YES_NO, "roll": ""},
        NODE,
    ),
    "packages": ElementRule(
        "options of %packages", {**CONDITIONS, "arg": ""}, NODE, text=False, required=("arg",)
    ),
    "main": ElementRule("commands", CONDITIONS, NODE, text=False),
    "pre": ElementRule("a script before storage is touched", SCRIPT_ATTRIBUTES, NODE),
    "pre-install": ElementRule("a script before packages are installed", SCRIPT_ATTRIBUTES, NODE),
    "post": ElementRule(
        "a script in the installed system", {**SCRIPT_ATTRIBUTES, "chroot": YES_NO}, NODE
    ),
    "onerror": ElementRule("a script for a failed installation", SCRIPT_ATTRIBUTES, NODE),
    "configure": ElementRule(
        "a script of the installation or of a later reconfiguration",
        {
            **SCRIPT_ATTRIBUTES,
            "chroot": YES_NO,
            "phase": "(post|reconfigure)(,(post|reconfigure))*",
        },
        NODE,
    ),
    "addon": ElementRule(
        "a section for an add-on of the installer",
        {**CONDITIONS, "name": "", "arg": ""},
        NODE,
        required=("name",),
    ),
    "ansible": ElementRule(
        "a playbook to run in the installed system",
        {**CONDITIONS, "playbook": "", "ansible_cmd": "", "args": ""},
        NODE,
    ),
    "refuse": ElementRule(
        "what does not go together: the compile ends with this sentence",
        {**CONDITIONS, "hint": ""},
        NODE,
    ),
    "native": ElementRule("lines of kickstart, from stacki", {**CONDITIONS, "lang": ""}, NODE),
    "file": ElementRule(
        "a file to write",
        {
            **CONDITIONS,
            "name": "",
            "mode": "create|append|pipe",
            "owner": "",
            "perms": "[0-7]{3,4}|[ugoa]*[-+=][rwxXst]*(,[ugoa]*[-+=][rwxXst]*)*",
            "vars": "literal|expanded",
            "expr": "",
            "src": "",
            "include": "",
            "rcs": YES_NO,
        },
        SCRIPTS,
        required=("name",),
    ),
    "eval": ElementRule(
        "what a program prints when the profile is compiled",
        {**CONDITIONS, "shell": "", "mode": "xml|text"},
        INLINE,
    ),
    "include": ElementRule(
        "a file's text", {**CONDITIONS, "file": "", "mode": "xml|text"}, INLINE, required=("file",)
    ),
    "sinclude": ElementRule(
        "a file's text, where there is one",
        {**CONDITIONS, "file": "", "mode": ""},
        INLINE,
        required=("file",),
    ),
    "var": ElementRule(
        "an attribute's value",
        {"name": "", "val": ""},
        (*INLINE, "kickstart", "main"),
        required=("name",),
    ),
    "copy": ElementRule(
        "a binary file", {"src": "", "dst": ""}, INLINE, fate=REFUSED, hint="put it into a package"
    ),
    "boot": ElementRule(
        "a script for each boot",
        {**CONDITIONS, "order": ""},
        NODE,
        fate=REFUSED,
        hint="write a systemd unit",
    ),
    "cfengine": ElementRule(
        "a cfengine script", CONDITIONS, NODE, fate=REFUSED, hint="say it in <post>"
    ),
    "attributes": ElementRule(
        "attributes of older tools", {}, NODE, fate=DROPPED, hint="set them in the database"
    ),
    "debug": ElementRule("a note in the output", {}, NODE, fate=DROPPED),
    "service": ElementRule(
        "a service",
        {"name": "", "enabled": "", "instance": "", **CONDITIONS},
        (*NODE, "post"),
        fate=DROPPED,
        hint=SOLARIS,
    ),
    "jumpstart": ElementRule(
        "a node file for Solaris", ROCKS_STAMPS, ("",), fate=REFUSED, hint=SOLARIS
    ),
    "screen": ElementRule("a screen", CONDITIONS, NODE, fate=DROPPED, hint=SCREEN),
}

# Below a <screen>: read over, whatever it is.
UNREAD = frozenset(name for name, rule in NODE_ELEMENTS.items() if rule.fate == DROPPED)


def check_vocabulary(root: Element, commands: Iterable[str]) -> Iterator[Remark]:
    """What the vocabulary says against one file: unknown or misplaced elements, unknown or odd attributes.

    commands  the element names that are commands inside <main>
    """
    table = GRAPH_ELEMENTS if root.tag == "graph" else NODE_ELEMENTS
    yield from _check(root, "", table, frozenset(commands))


def _check(
    element: Element, parent: str, table: Mapping[str, ElementRule], commands: frozenset[str]
) -> Iterator[Remark]:
    tag, origin = element.tag, element.origin
    rule = COMMAND if parent == "main" and tag in commands and tag not in table else table.get(tag)
    if rule is None or parent not in rule.parents:
        yield _misplaced(element, parent, table, commands)
        return
    if rule.fate == REFUSED:
        yield Remark(ERROR, "refused-element", origin, f"<{tag}> is not compiled", rule.hint)
        return
    if rule.fate == DROPPED:
        if rule.hint:
            yield Remark(WARNING, "dropped-element", origin, f"<{tag}> has no effect", rule.hint)
        return
    yield from _check_attributes(element, rule)
    inside = "command" if rule is COMMAND else tag
    for child in element.children:
        if isinstance(child, Element):
            yield from _check(child, inside, table, commands)
        elif not rule.text and child.text.strip():
            yield Remark(
                WARNING, "stray-text", _first_line(child), f"text directly in <{tag}> has no effect"
            )


COMMAND = ElementRule("a kickstart command", CONDITIONS, ("main",))


def _misplaced(
    element: Element, parent: str, table: Mapping[str, ElementRule], commands: frozenset[str]
) -> Remark:
    known = (
        commands
        if parent == "main"
        else [name for name, rule in table.items() if parent in rule.parents]
    )
    where = f"in <{parent}>" if parent else "as the outermost element"
    return Remark(
        ERROR,
        "unknown-element",
        element.origin,
        f"<{element.tag}> is not known {where}",
        did_you_mean(element.tag, known),
    )


def _check_attributes(element: Element, rule: ElementRule) -> Iterator[Remark]:
    tag, origin = element.tag, element.origin
    for name, value in element.attributes.items():
        allowed = rule.attributes.get(name)
        if allowed is None:
            hint = did_you_mean(name, rule.attributes)
            yield Remark(
                WARNING,
                "unknown-attribute",
                origin,
                f'{name}="{value}" on <{tag}> has no effect',
                hint,
            )
        elif name in rule.strict:
            continue
        elif allowed and value and not re.fullmatch(allowed, value):
            text = f'{name}="{value}" on <{tag}> is not one of its values'
            hint = (
                "did you mean perms?"
                if name == "mode" and value.isdigit()
                else f"it takes {allowed}"
            )
            yield Remark(WARNING, "odd-value", origin, text, hint)
    for name in rule.required:
        if not element.attributes.get(name):
            yield Remark(ERROR, "missing-attribute", origin, f"<{tag}> needs {name}=")


def _first_line(text: Text) -> Origin:
    blank = len(text.text) - len(text.text.lstrip())
    return text.origin._replace(line=text.origin.line + text.text.count("\n", 0, blank))
