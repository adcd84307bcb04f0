# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The vocabulary of graph and node files: one row per element, from which the compiler's remarks, the lint and the
RELAX NG schemas (schema.py) are all made.
"""

from __future__ import annotations

import bisect
import difflib
import re
from typing import Iterable, Iterator, Mapping, NamedTuple

from ..model import ERROR, WARNING, Element, Origin, Remark, Text

# Every condition that an element may carry, and what Rocks' own tools stamped on elements.
GATE = {"arch": "", "os": "", "release": "", "cond": ""}
STAMP = {"roll": "", "interface": "", "color": ""}

SCRIPTS = ("pre", "pre-install", "post", "onerror", "configure")
SCRIPT = {**GATE, "interpreter": "", "arg": ""}
NAME = "[A-Za-z_][A-Za-z0-9_.-]*"
MOST_COMPARED, NEIGHBOURS = 1000, 20  # names that a misspelt one is compared with
YES_NO = "(?i)yes|no|true|false|on|off|1|0|y|n"

COMPILED, DROPPED, REFUSED = "compiled", "dropped", "refused"


class Rule(NamedTuple):
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

GRAPH_ELEMENTS: Mapping[str, Rule] = {
    "graph": Rule("a graph file", {"roll": ""}, ("",), text=False),
    "description": Rule("prose", {}, ("graph",), fate=DROPPED),
    "changelog": Rule("prose", {}, ("graph",), fate=DROPPED),
    "copyright": Rule("prose", {}, ("graph",), fate=DROPPED),
    "attribute": Rule(
        "an attribute that node files use, and what it is where a node has none",
        {"name": NAME, "default": ""},
        ("graph",),
        required=("name",),
    ),
    "edge": Rule(
        "one node includes another",
        {**GATE, "from": "", "to": "", "color": ""},
        ("graph",),
        text=False,
    ),
    "order": Rule(
        "one node comes before another", {"head": "", "tail": "", "gen": ""}, ("graph",), text=False
    ),
    "from": Rule("the including end", GATE, ("edge",)),
    "to": Rule("the included end", GATE, ("edge",)),
    "head": Rule("the earlier end", {}, ("order",)),
    "tail": Rule("the later end", {}, ("order",)),
}

NODE_ELEMENTS: Mapping[str, Rule] = {
    "kickstart": Rule("a node file", STAMP, ("",), text=False),
    "description": Rule("prose", {}, NODE, fate=DROPPED),
    "changelog": Rule("prose", {}, NODE, fate=DROPPED),
    "copyright": Rule("prose", {}, NODE, fate=DROPPED),
    "log": Rule("prose", {}, NODE, fate=DROPPED),
    "package": Rule(
        "names for %packages, one a line",
        {**GATE, "type": "rpm|meta", "disable": YES_NO, "roll": ""},
        NODE,
    ),
    "packages": Rule(
        "options of %packages", {**GATE, "arg": ""}, NODE, text=False, required=("arg",)
    ),
    "main": Rule("commands", GATE, NODE, text=False),
    "pre": Rule("a script before storage is touched", SCRIPT, NODE),
    "pre-install": Rule("a script before packages are installed", SCRIPT, NODE),
    "post": Rule("a script in the installed system", {**SCRIPT, "chroot": YES_NO}, NODE),
    "onerror": Rule("a script for a failed installation", SCRIPT, NODE),
    "configure": Rule(
        "a script of the installation or of a later reconfiguration",
        {**SCRIPT, "chroot": YES_NO, "phase": "(post|reconfigure)(,(post|reconfigure))*"},
        NODE,
    ),
    "addon": Rule(
        "a section for an add-on of the installer",
        {**GATE, "name": "", "arg": ""},
        NODE,
        required=("name",),
    ),
    "ansible": Rule(
        "a playbook to run in the installed system",
        {**GATE, "playbook": "", "ansible_cmd": "", "args": ""},
        NODE,
    ),
    "refuse": Rule(
        "what does not go together: the compile ends with this sentence", {**GATE, "hint": ""}, NODE
    ),
    "native": Rule("lines of kickstart, from stacki", {**GATE, "lang": ""}, NODE),
    "file": Rule(
        "a file to write",
        {
            **GATE,
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
    "eval": Rule(
        "what a program prints when the profile is compiled",
        {**GATE, "shell": "", "mode": "xml|text"},
        INLINE,
    ),
    "include": Rule(
        "a file's text", {**GATE, "file": "", "mode": "xml|text"}, INLINE, required=("file",)
    ),
    "sinclude": Rule(
        "a file's text, where there is one",
        {**GATE, "file": "", "mode": ""},
        INLINE,
        required=("file",),
    ),
    "var": Rule(
        "an attribute's value",
        {"name": "", "val": ""},
        (*INLINE, "kickstart", "main"),
        required=("name",),
    ),
    "copy": Rule(
        "a binary file", {"src": "", "dst": ""}, INLINE, fate=REFUSED, hint="put it into a package"
    ),
    "boot": Rule(
        "a script for each boot",
        {**GATE, "order": ""},
        NODE,
        fate=REFUSED,
        hint="write a systemd unit",
    ),
    "cfengine": Rule("a cfengine script", GATE, NODE, fate=REFUSED, hint="say it in <post>"),
    "attributes": Rule(
        "attributes of older tools", {}, NODE, fate=DROPPED, hint="set them in the database"
    ),
    "debug": Rule("a note in the output", {}, NODE, fate=DROPPED),
    "service": Rule(
        "a service",
        {"name": "", "enabled": "", "instance": "", **GATE},
        (*NODE, "post"),
        fate=DROPPED,
        hint=SOLARIS,
    ),
    "jumpstart": Rule("a node file for Solaris", STAMP, ("",), fate=REFUSED, hint=SOLARIS),
    "screen": Rule("a screen", GATE, NODE, fate=DROPPED, hint=SCREEN),
}

# Below a <screen>: read over, whatever it is.
UNREAD = frozenset(name for name, rule in NODE_ELEMENTS.items() if rule.fate == DROPPED)


def check(root: Element, commands: Iterable[str]) -> Iterator[Remark]:
    """What the vocabulary says against one file: unknown or misplaced elements, unknown or odd attributes.

    commands  the element names that are commands inside <main>
    """
    table = GRAPH_ELEMENTS if root.tag == "graph" else NODE_ELEMENTS
    yield from _check(root, "", table, frozenset(commands))


def _check(
    element: Element, parent: str, table: Mapping[str, Rule], commands: frozenset[str]
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


COMMAND = Rule("a kickstart command", GATE, ("main",))


def _misplaced(
    element: Element, parent: str, table: Mapping[str, Rule], commands: frozenset[str]
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
        near(element.tag, known),
    )


def _check_attributes(element: Element, rule: Rule) -> Iterator[Remark]:
    tag, origin = element.tag, element.origin
    for name, value in element.attributes.items():
        allowed = rule.attributes.get(name)
        if allowed is None:
            hint = near(name, rule.attributes)
            yield Remark(
                WARNING,
                "unknown-attribute",
                origin,
                f'{name}="{value}" on <{tag}> has no effect',
                hint,
            )
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


def near(name: str, known: Iterable[str]) -> str:
    """A hint that names what may have been meant, or nothing.

    Among very many names only those are compared that stand beside it in the alphabet: a graph of thousands of names
    that do not exist is told of in seconds as well.
    """
    names = sorted(known)
    if len(names) > MOST_COMPARED:
        place = bisect.bisect(names, name)
        names = names[max(0, place - NEIGHBOURS) : place + NEIGHBOURS]
    found = difflib.get_close_matches(name, names, n=2)
    return f"did you mean {' or '.join(found)}?" if found else ""
