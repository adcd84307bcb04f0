# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The vocabulary of graph and node files: one row per element.

The compiler's remarks, the lint and the RELAX NG schemas (relax_ng.py) all derive from these
tables.
"""

from __future__ import annotations

from typing import Final, Literal, Mapping, NamedTuple

from ...attribute_values import FALSE_WORDS, TRUE_WORDS
from .attribute_types import TYPES

# The conditions that an element can have, and attributes that the Rocks tools added to elements.
CONDITIONS = {"arch": "", "os": "", "release": "", "cond": ""}
ROCKS_STAMPS = {"roll": "", "interface": "", "color": ""}

SCRIPTS = ("pre", "pre-install", "post", "onerror", "configure")
SCRIPT_ATTRIBUTES = {**CONDITIONS, "interpreter": "", "arg": ""}
NAME_PATTERN = "[A-Za-z_][A-Za-z0-9_.-]*"
YES_NO = f"(?i){'|'.join(sorted(TRUE_WORDS | FALSE_WORDS))}|1|0"

Fate = Literal["compiled", "dropped", "refused"]
COMPILED: Final = "compiled"
DROPPED: Final = "dropped"
REFUSED: Final = "refused"


class ElementRule(NamedTuple):
    """What an element means, and what it permits."""

    meaning: str
    attributes: Mapping[str, str]
    """Name -> regular expression of its values; empty for any text."""
    parents: tuple[str, ...]
    """The elements that can contain it; "command" is any command inside <main>."""
    text: bool = True
    """Whether it can contain characters."""
    required: tuple[str, ...] = ()
    fate: Fate = COMPILED
    hint: str = ""
    strict: tuple[str, ...] = ()
    """Attributes whose values the reader of the file checks: a wrong value is an error."""


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
KSAPPEND = (
    "the installer would insert a file that nobody has checked: write its content as node files,"
    " or %include a file that a <pre> writes"
)

GRAPH_ELEMENTS: Mapping[str, ElementRule] = {
    "graph": ElementRule(
        meaning="a graph file", attributes={"roll": ""}, parents=("",), text=False
    ),
    "description": ElementRule(meaning="prose", attributes={}, parents=("graph",), fate=DROPPED),
    "changelog": ElementRule(meaning="prose", attributes={}, parents=("graph",), fate=DROPPED),
    "copyright": ElementRule(meaning="prose", attributes={}, parents=("graph",), fate=DROPPED),
    "attribute": ElementRule(
        meaning="an attribute that node files use, and its value for nodes that have none",
        attributes={
            "name": NAME_PATTERN,
            "default": "",
            "type": "|".join(TYPES),
            "values": r"[^\s,]+(\s+[^\s,]+)*",
        },
        parents=("graph",),
        required=("name",),
        strict=("type",),
    ),
    "edge": ElementRule(
        meaning="one node includes another",
        attributes={**CONDITIONS, "from": "", "to": "", "color": ""},
        parents=("graph",),
        text=False,
    ),
    "order": ElementRule(
        meaning="one node comes before another",
        attributes={"head": "", "tail": "", "gen": ""},
        parents=("graph",),
        text=False,
    ),
    "from": ElementRule("the including end", CONDITIONS, ("edge",)),
    "to": ElementRule("the included end", CONDITIONS, ("edge",)),
    "head": ElementRule("the earlier end", {}, ("order",)),
    "tail": ElementRule("the later end", {}, ("order",)),
}

NODE_ELEMENTS: Mapping[str, ElementRule] = {
    "kickstart": ElementRule(
        meaning="a node file", attributes=ROCKS_STAMPS, parents=("",), text=False
    ),
    "description": ElementRule(meaning="prose", attributes={}, parents=NODE, fate=DROPPED),
    "changelog": ElementRule(meaning="prose", attributes={}, parents=NODE, fate=DROPPED),
    "copyright": ElementRule(meaning="prose", attributes={}, parents=NODE, fate=DROPPED),
    "log": ElementRule(meaning="prose", attributes={}, parents=NODE, fate=DROPPED),
    "package": ElementRule(
        "names for %packages, one per line",
        {**CONDITIONS, "type": "rpm|meta", "disable": YES_NO, "roll": ""},
        NODE,
    ),
    "program": ElementRule(
        "names of files in programs/ that the kickstart fetches from the tree, one per line",
        {**CONDITIONS},
        NODE,
    ),
    "packages": ElementRule(
        meaning="options of %packages",
        attributes={**CONDITIONS, "arg": ""},
        parents=NODE,
        text=False,
        required=("arg",),
    ),
    "main": ElementRule(meaning="commands", attributes=CONDITIONS, parents=NODE, text=False),
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
        meaning="a section for an add-on of the installer",
        attributes={**CONDITIONS, "name": "", "arg": ""},
        parents=NODE,
        required=("name",),
    ),
    "certificate": ElementRule(
        meaning="a certificate for the installer and the installed system",
        attributes={**CONDITIONS, "filename": "", "dir": "", "type": "anchor"},
        parents=NODE,
        required=("filename",),
    ),
    "ansible": ElementRule(
        "a playbook to run in the installed system",
        {**CONDITIONS, "playbook": "", "ansible_cmd": "", "args": ""},
        NODE,
    ),
    "refuse": ElementRule(
        "attributes that conflict: the compile ends with this message",
        {**CONDITIONS, "hint": ""},
        NODE,
    ),
    "native": ElementRule("lines of kickstart, from stacki", {**CONDITIONS, "lang": ""}, NODE),
    "file": ElementRule(
        meaning="a file to write",
        attributes={
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
        parents=SCRIPTS,
        required=("name",),
    ),
    "eval": ElementRule(
        "the output of a program that runs when the profile is compiled",
        {**CONDITIONS, "shell": "", "mode": "xml|text"},
        INLINE,
    ),
    "programs": ElementRule(
        meaning="writes the profile's programs to a folder, for a machine that cannot fetch them",
        attributes={**CONDITIONS, "folder": ""},
        parents=SCRIPTS,
        text=False,
        required=("folder",),
    ),
    "sha256sums": ElementRule(
        meaning="the list of the profile's programs, as sha256sum reads it",
        attributes={},
        parents=("file",),
        text=False,
    ),
    "include": ElementRule(
        meaning="a file's text",
        attributes={**CONDITIONS, "file": "", "mode": "xml|text"},
        parents=INLINE,
        required=("file",),
    ),
    "sinclude": ElementRule(
        meaning="a file's text, if the file exists",
        attributes={**CONDITIONS, "file": "", "mode": ""},
        parents=INLINE,
        required=("file",),
    ),
    "var": ElementRule(
        meaning="an attribute's value",
        attributes={"name": "", "val": ""},
        parents=(*INLINE, "kickstart", "main"),
        required=("name",),
    ),
    "copy": ElementRule(
        meaning="a binary file",
        attributes={"src": "", "dst": ""},
        parents=INLINE,
        fate=REFUSED,
        hint="put it into a package",
    ),
    "boot": ElementRule(
        meaning="a script for each boot",
        attributes={**CONDITIONS, "order": ""},
        parents=NODE,
        fate=REFUSED,
        hint="write a systemd unit",
    ),
    "cfengine": ElementRule(
        meaning="a cfengine script",
        attributes=CONDITIONS,
        parents=NODE,
        fate=REFUSED,
        hint="use <post>",
    ),
    "traceback": ElementRule(
        meaning="a script for a crash of the installer",
        attributes=SCRIPT_ATTRIBUTES,
        parents=NODE,
        fate=REFUSED,
        hint="installers replaced %traceback by %onerror: use <onerror>",
    ),
    "ksappend": ElementRule(
        meaning="another kickstart",
        attributes={},
        parents=(*NODE, "main"),
        fate=REFUSED,
        hint=KSAPPEND,
    ),
    "bootloader": ElementRule(
        meaning="a command that Rocks 5 ignored here",
        attributes=CONDITIONS,
        parents=NODE,
        fate=DROPPED,
        hint="move it into <main>",
    ),
    "attributes": ElementRule(
        meaning="attributes of older tools",
        attributes={},
        parents=NODE,
        fate=DROPPED,
        hint="set them in the database",
    ),
    "debug": ElementRule(meaning="a note in the output", attributes={}, parents=NODE, fate=DROPPED),
    "service": ElementRule(
        meaning="a service",
        attributes={"name": "", "enabled": "", "instance": "", **CONDITIONS},
        parents=(*NODE, "post"),
        fate=DROPPED,
        hint=SOLARIS,
    ),
    "jumpstart": ElementRule(
        meaning="a node file for Solaris",
        attributes=ROCKS_STAMPS,
        parents=("",),
        fate=REFUSED,
        hint=SOLARIS,
    ),
    "screen": ElementRule(
        meaning="a screen", attributes=CONDITIONS, parents=NODE, fate=DROPPED, hint=SCREEN
    ),
}

COMMAND = ElementRule("a kickstart command", CONDITIONS, ("main",))

# Elements whose content is ignored, whatever it is.
UNREAD = frozenset(name for name, rule in NODE_ELEMENTS.items() if rule.fate == DROPPED)


def has_no_effect(tag: str, parent: str) -> bool:
    """Return whether an element is permitted in another one, and ignored there with a warning."""
    return tag in UNREAD and parent in NODE_ELEMENTS[tag].parents
