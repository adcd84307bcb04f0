# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Collect the commands, packages and scripts of a profile's node files."""

from __future__ import annotations

import contextlib
import re
import shlex
from typing import Callable, Iterable, Iterator, Mapping, NamedTuple, Sequence

from ...attribute_values import is_false
from ...errors import DescriptionError, NotFound
from ...suggestions import did_you_mean
from ..escaping import PLACEHOLDER
from ..model import ERROR, WARNING, Element, Origin, Remark, Text, remark_from_error
from ..releases import COMMAND_NAMES
from ..value_rules import LINE_END
from ..xml.conditions import condition_of, holds
from ..xml.layers import XmlLayers
from ..xml.vocabulary import KSAPPEND, NODE_ELEMENTS, REFUSED
from .data_sections import addon_section, certificate_section
from .expansion import Expander, SourceLine
from .release_rules import Command
from .script_sections import (
    BASH,
    INTERPRETER,
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
    """A request to include or exclude a package; ``name`` begins with @ for a group."""

    name: str
    included: bool
    origin: Origin


class Assembly:
    """The content of the node files of one profile, collected element by element.

    An element that cannot be compiled adds an error to the remarks, and the next one is read: all
    errors of a profile are reported together.
    """

    def __init__(self, expander: Expander) -> None:
        self.expander = expander
        self.commands: list[Command] = []
        self.packages: list[PackageRequest] = []
        self.package_options: list[Command] = []
        self.scripts: list[Script] = []
        self.addons: list[Script] = []
        self.certificates: list[Script] = []
        self.remarks: list[Remark] = []

    def add_programs(self, node: str, layers: XmlLayers) -> None:
        """Add the programs of a node, before any node is added: a script can list all of them."""
        for file in layers.node_files(node):
            with contextlib.suppress(DescriptionError):  # add_node reports it
                elements = layers.element(file).children
                for element in elements:
                    if isinstance(element, Element) and element.tag == "program":
                        self._add_program(element, layers)

    def _add_program(self, element: Element, layers: XmlLayers) -> None:
        if not holds(condition_of(element), self.expander.attributes):
            return
        try:
            for line in self.expander.lines(element):
                if line.text.strip():
                    self.expander.programs.add(line.text.strip(), line.origin, layers)
        except (DescriptionError, NotFound) as error:
            self.remarks.append(remark_from_error(error, element.origin))

    def add_node(self, node: str, layers: XmlLayers) -> None:
        """Add the files of a node."""
        for file in layers.node_files(node):
            try:
                self._add_file(node, layers.element(file))
                self.remarks += [
                    remark for remark in layers.file_remarks(file) if remark.severity == WARNING
                ]
            except DescriptionError as error:
                self.remarks.append(remark_from_error(error, Origin(file, 1)))

    def _add_file(self, node: str, root: Element) -> None:
        if root.tag != "kickstart":
            hint = "move it to graphs/" if root.tag == "graph" else "its element is <kickstart>"
            self.remarks.append(
                Remark(
                    severity=ERROR,
                    rule="not-a-node-file",
                    origin=root.origin,
                    text=f"<{root.tag}> is not a node file",
                    hint=hint,
                )
            )
            return
        for element in root.children:
            if isinstance(element, Element):
                try:
                    self._add_element(node, element)
                except (DescriptionError, NotFound) as error:
                    self.remarks.append(remark_from_error(error, element.origin))

    def _add_element(self, node: str, element: Element) -> None:
        if not holds(condition_of(element), self.expander.attributes):
            return
        handler = HANDLERS.get(element.tag)
        if handler:
            handler(self, node, element)
            return
        rule = NODE_ELEMENTS.get(element.tag)
        if rule is None:
            error = unknown_element_error(element, "kickstart", HANDLERS)
            if element.tag in COMMAND_NAMES:
                error = DescriptionError(error.what, error.where, "move it into <main>")
            raise error
        if rule.fate == REFUSED:
            raise refused_element_error(element)

    def _add_main(self, _node: str, element: Element) -> None:
        for child in element.children:
            if isinstance(child, Text) or not holds(condition_of(child), self.expander.attributes):
                continue
            if child.tag == "var":
                self.expander.define(child)
            elif child.tag in COMMAND_NAMES:
                self.commands += self._commands_of(child)
            elif child.tag in NODE_ELEMENTS and NODE_ELEMENTS[child.tag].fate == REFUSED:
                raise refused_element_error(child)
            else:
                raise unknown_element_error(child, "main", COMMAND_NAMES)

    def _commands_of(self, element: Element) -> Iterator[Command]:
        """Join the lines of a command; each line that begins with % is a command of its own."""
        lines = [line for line in self.expander.lines(element) if line.text.strip()]
        reject_line_ends(lines)
        text = " ".join(
            line.text.strip() for line in lines if not line.text.lstrip().startswith("%")
        )
        yield Command(element.tag, text, element.origin)
        yield from (raw_command(line) for line in lines if line.text.lstrip().startswith("%"))

    def _add_native(self, _node: str, element: Element) -> None:
        if element.attributes.get("lang", "kickstart") != "kickstart":
            raise DescriptionError(
                f'<native lang="{element.attributes["lang"]}"> is not for kickstarts',
                str(element.origin),
            )
        lines = [line for line in self.expander.lines(element) if line.text.strip()]
        reject_line_ends(lines)
        self.commands += [raw_command(line) for line in lines]

    def _add_package(self, _node: str, element: Element) -> None:
        group = element.attributes.get("type") == "meta"
        disable = element.attributes.get("disable")
        included = disable is None or is_false(disable)
        for line in self.expander.lines(element):
            text = self.expander.attributes.resolve(line.text, line.origin).strip()
            for name in [text] if group or text.startswith(("@", "-@")) else text.split():
                if name:
                    self.packages.append(_package_request(name, group, included, line.origin))

    def _add_packages(self, _node: str, element: Element) -> None:
        text = self.expander.attributes.resolve(element.attributes.get("arg", ""), element.origin)
        if text.strip():
            self.package_options.append(Command("%packages", text.strip(), element.origin))

    def _add_script(self, _node: str, element: Element) -> None:
        phases = element.attributes.get("phase", "post").split(",")
        if element.tag == "configure" and "post" not in phases:
            return  # only for a later reconfiguration, which nodes never have
        section = "post" if element.tag == "configure" else element.tag
        flags, interpreter = _script_options(element)
        lines = script_lines(self.expander, element, interpreter)
        self._add_section(section, lines, element.origin, flags=flags, interpreter=interpreter)

    def _add_section(
        self,
        section: str,
        lines: list[SourceLine],
        origin: Origin,
        *,
        flags: Sequence[str] = (),
        interpreter: str = BASH,
    ) -> None:
        if not lines:
            return
        reject_line_ends(lines)
        protected = protect_end_markers(lines, interpreter, origin)
        options = [f"{INTERPRETER}{BASH if protected else interpreter}", *flags]
        self.scripts.append(
            Script(
                section=section,
                options=tuple(options),
                lines=tuple(protected or lines),
                origin=origin,
            )
        )

    def _add_ansible(self, node: str, element: Element) -> None:
        options = element.attributes
        origin = element.origin
        name = options.get("playbook") or f"{node}.yml"
        path = f"{PLAYBOOKS}/{name.rsplit('/', 1)[-1]}"
        inline = any(isinstance(child, Element) or child.text.strip() for child in element.children)
        source = {} if inline else {"include": f"ansible/{name}"}
        file = element._replace(tag="file", attributes={"name": path, **source})
        lines = file_lines(self.expander, file)
        command = options.get("ansible_cmd") or "ansible-playbook"
        arguments = options.get("args") or "--connection=local --inventory=localhost,"
        lines.append(SourceLine(f"{command} {arguments} {quote_word(path)}", origin))
        self._add_section("post", lines, origin)

    def _add_addon(self, _node: str, element: Element) -> None:
        self.addons.append(addon_section(self.expander, element))

    def _add_certificate(self, _node: str, element: Element) -> None:
        self.certificates.append(certificate_section(self.expander, element))

    def _raise_refusal(self, _node: str, element: Element) -> None:
        attributes = self.expander.attributes
        origin = element.origin
        text = " ".join(" ".join(line.text for line in self.expander.lines(element)).split())
        hint = attributes.resolve(element.attributes.get("hint", ""), origin)
        raise DescriptionError(attributes.resolve(text, origin), str(origin), hint)

    def _define_variable(self, _node: str, element: Element) -> None:
        self.expander.define(element)


Handler = Callable[[Assembly, str, Element], None]
HANDLERS: Mapping[str, Handler] = {
    "main": Assembly._add_main,
    "native": Assembly._add_native,
    "package": Assembly._add_package,
    "packages": Assembly._add_packages,
    "program": lambda *_arguments: None,  # add_programs has read it
    "ansible": Assembly._add_ansible,
    "addon": Assembly._add_addon,
    "certificate": Assembly._add_certificate,
    "refuse": Assembly._raise_refusal,
    "var": Assembly._define_variable,
    **dict.fromkeys(("pre", "pre-install", "post", "onerror", "configure"), Assembly._add_script),
}


def raw_command(line: SourceLine) -> Command:
    """Read a line of kickstart as a command. Raises DescriptionError if a reference is its name."""
    text = line.text.strip()
    if PLACEHOLDER.match(text):
        raise DescriptionError(
            "an attribute cannot name the command", str(line.origin), "write the command's name"
        )
    name, _blank, options = text.partition(" ")
    if name.startswith("%") and name != "%include":
        hint = KSAPPEND if name == "%ksappend" else f"write a <{name[1:]}> element"
        raise DescriptionError(f"{name} is not permitted here", str(line.origin), hint)
    return Command(name, options.strip(), line.origin)


def refused_element_error(element: Element) -> DescriptionError:
    """Return the error for an element that is known and not compiled."""
    hint = NODE_ELEMENTS[element.tag].hint
    return DescriptionError(f"<{element.tag}> is not compiled", str(element.origin), hint)


def unknown_element_error(element: Element, parent: str, names: Iterable[str]) -> DescriptionError:
    """Return the error for an unknown element."""
    return DescriptionError(
        f"unknown element <{element.tag}> in <{parent}>",
        str(element.origin),
        did_you_mean(element.tag, names),
    )


def _package_request(name: str, group: bool, included: bool, origin: Origin) -> PackageRequest:
    if name.startswith("-"):
        name = name[1:]
        included = False
    if group and not name.startswith("@"):
        name = "@" + name
    if name.endswith(",") and not name.startswith("@"):
        raise DescriptionError(
            f'"{name}" is not a valid package name', str(origin), "separate packages with spaces"
        )
    if not PACKAGE_NAME.match(name) or LINE_END.search(name):
        raise DescriptionError(f'"{name}" is not a valid package name', str(origin))
    return PackageRequest(name, included, origin)


def _script_options(element: Element) -> tuple[list[str], str]:
    """Return a script's flags and interpreter. Raises DescriptionError for an unknown ``arg``."""
    try:
        words = shlex.split(element.attributes.get("arg", ""))
    except ValueError:
        words = [element.attributes.get("arg", "")]
    interpreter = element.attributes.get("interpreter", "")
    flags = []
    while words:
        flag, _sign, value = words.pop(0).partition("=")
        if flag == "--interpreter":
            interpreter = value or (words.pop(0) if words else "")
        elif flag in ("--log", "--logfile"):
            value or (words and words.pop(0))  # the compiler decides where logs are
        elif flag in SCRIPT_FLAGS:
            flags.append(flag)
        else:
            hint = f"arg permits {', '.join(SCRIPT_FLAGS)}"
            raise DescriptionError(
                f'unknown arg="{flag}" on <{element.tag}>', str(element.origin), hint
            )
    if is_false(element.attributes.get("chroot", "yes")) and "--nochroot" not in flags:
        flags.append("--nochroot")
    return flags, _interpreter(interpreter.strip(), element)


def _interpreter(name: str, element: Element) -> str:
    if not name:
        return BASH
    path = name if name.startswith("/") else f"/usr/bin/{name}"
    if not re.fullmatch(r"[A-Za-z0-9_./+-]+", path):
        raise DescriptionError(
            f'interpreter="{name}" is not the path of a program', str(element.origin)
        )
    return path
