# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From the elements of a profile's node files to commands, packages and scripts: what holds, in the nodes' order."""

from __future__ import annotations

import re
import shlex
from typing import Callable, Iterable, Iterator, Mapping, NamedTuple

from ...attribute_values import is_false
from ...errors import DescriptionError, NotFound
from ...suggestions import did_you_mean
from ..escaping import LINE_END, PLACEHOLDER
from ..model import ERROR, WARNING, Element, Origin, Remark, Text, remark_from_error
from ..releases import COMMAND_NAMES
from ..xml.conditions import condition_of, holds
from ..xml.layers import XmlLayers
from ..xml.vocabulary import NODE_ELEMENTS, REFUSED
from .expansion import Expander, SourceLine
from .release_rules import Command
from .script_sections import (
    BASH,
    Script,
    file_lines,
    protect_end_markers,
    quote_word,
    reject_line_ends,
    script_lines,
)

PACKAGE_NAME = re.compile(r"[-]?[@A-Za-z0-9_*?^\[][A-Za-z0-9_.+*?^@:/~()\[\]{},= -]*\Z")
SCRIPT_FLAGS = ("--nochroot", "--erroronfail")
PLAYBOOKS = "/var/rocks/ansible"


class PackageRequest(NamedTuple):
    """One wish about a package; ``name`` begins with @ for a group."""

    name: str
    included: bool
    origin: Origin


class Assembly:
    """What the node files of one profile say, gathered element by element.

    An element that cannot be compiled leaves an error among the remarks, and the next one is read: the faults of a
    profile are told at once.
    """

    def __init__(self, workshop: Expander) -> None:
        self.workshop = workshop
        self.commands: list[Command] = []
        self.packages: list[PackageRequest] = []
        self.package_options: list[Command] = []
        self.scripts: list[Script] = []
        self.addons: list[Script] = []
        self.remarks: list[Remark] = []

    def take(self, node: str, sources: XmlLayers) -> None:
        """Take in the files of one node."""
        for file in sources.node_files(node):
            try:
                self._read(node, sources.element(file))
                self.remarks += [
                    remark for remark in sources.file_remarks(file) if remark.severity == WARNING
                ]
            except DescriptionError as error:
                self.remarks.append(remark_from_error(error, Origin(file, 1)))

    def _read(self, node: str, root: Element) -> None:
        if root.tag != "kickstart":
            hint = "move it into graphs/" if root.tag == "graph" else "its element is <kickstart>"
            self.remarks.append(
                Remark(
                    ERROR, "not-a-node-file", root.origin, f"<{root.tag}> is not a node file", hint
                )
            )
            return
        for element in root.children:
            if isinstance(element, Element):
                try:
                    self._element(node, element)
                except (DescriptionError, NotFound) as error:
                    self.remarks.append(remark_from_error(error, element.origin))

    def _element(self, node: str, element: Element) -> None:
        if not holds(condition_of(element), self.workshop.attributes):
            return
        handler = HANDLERS.get(element.tag)
        if handler:
            handler(self, node, element)
            return
        rule = NODE_ELEMENTS.get(element.tag)
        if rule is None:
            raise unknown_element_error(element, "kickstart", HANDLERS)
        if rule.fate == REFUSED:
            raise DescriptionError(
                f"<{element.tag}> is not compiled", str(element.origin), rule.hint
            )

    def _main(self, _node: str, element: Element) -> None:
        for child in element.children:
            if isinstance(child, Text) or not holds(condition_of(child), self.workshop.attributes):
                continue
            if child.tag == "var":
                self.workshop.define(child)
            elif child.tag in COMMAND_NAMES:
                self.commands += self._command(child)
            else:
                raise unknown_element_error(child, "main", COMMAND_NAMES)

    def _command(self, element: Element) -> Iterator[Command]:
        """A command; its lines are joined, but a line that begins with % stands for itself."""
        lines = [line for line in self.workshop.lines(element) if line.text.strip()]
        reject_line_ends(lines)
        own = " ".join(
            line.text.strip() for line in lines if not line.text.lstrip().startswith("%")
        )
        yield Command(element.tag, own, element.origin)
        yield from (raw_command(line) for line in lines if line.text.lstrip().startswith("%"))

    def _native(self, _node: str, element: Element) -> None:
        if element.attributes.get("lang", "kickstart") != "kickstart":
            raise DescriptionError(
                f'<native lang="{element.attributes["lang"]}"> is not kickstart',
                str(element.origin),
            )
        lines = [line for line in self.workshop.lines(element) if line.text.strip()]
        reject_line_ends(lines)
        self.commands += [raw_command(line) for line in lines]

    def _package(self, _node: str, element: Element) -> None:
        group = element.attributes.get("type") == "meta"
        disable = element.attributes.get("disable")
        wanted = disable is None or is_false(disable)
        for line in self.workshop.lines(element):
            text = self.workshop.attributes.resolve(line.text, line.origin).strip()
            for name in [text] if group or text.startswith(("@", "-@")) else text.split():
                if name:
                    self.packages.append(_asked(name, group, wanted, line.origin))

    def _packages(self, _node: str, element: Element) -> None:
        text = self.workshop.attributes.resolve(element.attributes.get("arg", ""), element.origin)
        if text.strip():
            self.package_options.append(Command("%packages", text.strip(), element.origin))

    def _script(self, _node: str, element: Element) -> None:
        if element.tag == "configure" and "post" not in element.attributes.get(
            "phase", "post"
        ).split(","):
            return  # only for a later reconfiguration, and here a node is only ever reinstalled
        section = "post" if element.tag == "configure" else element.tag
        flags, interpreter = _options(element)
        lines = script_lines(self.workshop, element, interpreter)
        self._add(section, flags, interpreter, lines, element.origin)

    def _add(
        self,
        section: str,
        flags: list[str],
        interpreter: str,
        lines: list[SourceLine],
        origin: Origin,
    ) -> None:
        if not lines:
            return
        reject_line_ends(lines)
        shelter = protect_end_markers(lines, interpreter, origin)
        options = [f"--interpreter={BASH if shelter else interpreter}", *flags]
        self.scripts.append(Script(section, tuple(options), tuple(shelter or lines), origin))

    def _ansible(self, node: str, element: Element) -> None:
        given, origin = element.attributes, element.origin
        name = given.get("playbook") or f"{node}.yml"
        path = f"{PLAYBOOKS}/{name.rsplit('/', 1)[-1]}"
        inline = any(isinstance(child, Element) or child.text.strip() for child in element.children)
        attributes = {"name": path} if inline else {"name": path, "include": f"ansible/{name}"}
        lines = file_lines(self.workshop, element._replace(tag="file", attributes=attributes))
        command = given.get("ansible_cmd") or "ansible-playbook"
        arguments = given.get("args") or "--connection=local --inventory=localhost,"
        lines.append(SourceLine(f"{command} {arguments} {quote_word(path)}", origin))
        self._add("post", [], BASH, lines, origin)

    def _addon(self, _node: str, element: Element) -> None:
        lines = self.workshop.lines(element)
        reject_line_ends(lines)
        options = (element.attributes.get("name", ""), *element.attributes.get("arg", "").split())
        self.addons.append(
            Script(
                "addon", options, tuple(line for line in lines if line.text.strip()), element.origin
            )
        )

    def _refuse(self, _node: str, element: Element) -> None:
        attributes, origin = self.workshop.attributes, element.origin
        text = " ".join(" ".join(line.text for line in self.workshop.lines(element)).split())
        hint = attributes.resolve(element.attributes.get("hint", ""), origin)
        raise DescriptionError(attributes.resolve(text, origin), str(origin), hint)

    def _var(self, _node: str, element: Element) -> None:
        self.workshop.define(element)


Handler = Callable[[Assembly, str, Element], None]
HANDLERS: Mapping[str, Handler] = {
    "main": Assembly._main,
    "native": Assembly._native,
    "package": Assembly._package,
    "packages": Assembly._packages,
    "ansible": Assembly._ansible,
    "addon": Assembly._addon,
    "refuse": Assembly._refuse,
    "var": Assembly._var,
    **dict.fromkeys(("pre", "pre-install", "post", "onerror", "configure"), Assembly._script),
}


def raw_command(line: SourceLine) -> Command:
    """A whole line of kickstart as a command.  Raises DescriptionError when a reference stands for its name."""
    text = line.text.strip()
    if PLACEHOLDER.match(text):
        raise DescriptionError(
            "an attribute cannot name the command", str(line.origin), "write the command's name"
        )
    name, _blank, rest = text.partition(" ")
    return Command(name, rest.strip(), line.origin)


def unknown_element_error(element: Element, parent: str, known: Iterable[str]) -> DescriptionError:
    """The error for an element that nobody knows."""
    return DescriptionError(
        f"<{element.tag}> is not known in <{parent}>",
        str(element.origin),
        did_you_mean(element.tag, known),
    )


def _asked(name: str, group: bool, wanted: bool, origin: Origin) -> PackageRequest:
    if name.startswith("-"):
        name, wanted = name[1:], False
    if group and not name.startswith("@"):
        name = "@" + name
    if not PACKAGE_NAME.match(name) or LINE_END.search(name):
        raise DescriptionError(f'"{name}" is not the name of a package', str(origin))
    return PackageRequest(name, wanted, origin)


def _options(element: Element) -> tuple[list[str], str]:
    """The flags of a script's section, and its interpreter.  Raises DescriptionError for an unknown ``arg``."""
    try:
        given = shlex.split(element.attributes.get("arg", ""))
    except ValueError:
        given = [element.attributes.get("arg", "")]
    interpreter = element.attributes.get("interpreter", "")
    flags = []
    while given:
        flag, _sign, value = given.pop(0).partition("=")
        if flag == "--interpreter":
            interpreter = value or (given.pop(0) if given else "")
        elif flag in ("--log", "--logfile"):
            value or (given and given.pop(0))  # the compiler names the logs
        elif flag in SCRIPT_FLAGS:
            flags.append(flag)
        else:
            hint = f"it takes {', '.join(SCRIPT_FLAGS)}"
            raise DescriptionError(
                f'arg="{flag}" on <{element.tag}> is not known', str(element.origin), hint
            )
    if is_false(element.attributes.get("chroot", "yes")) and "--nochroot" not in flags:
        flags.append("--nochroot")
    return flags, _interpreter(interpreter.strip(), element)


def _interpreter(given: str, element: Element) -> str:
    if not given:
        return BASH
    path = given if given.startswith("/") else f"/usr/bin/{given}"
    if not re.fullmatch(r"[A-Za-z0-9_./+-]+", path):
        raise DescriptionError(
            f'interpreter="{given}" is not the path of a program', str(element.origin)
        )
    return path
