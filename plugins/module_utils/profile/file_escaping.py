# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a value is escaped in a file of a known language that a node file writes."""

from __future__ import annotations

import json
import re
from typing import Callable, Mapping
from xml.sax.saxutils import escape as xml_escape

from .value_rules import ANYWHERE, one_line, only_newlines, require

UNIT_WORD = re.compile(r"[A-Za-z0-9_.,:/@+=%#~-]*\Z")
SUDOERS = re.compile(r"[A-Za-z0-9_./-]*\Z")
SUDOERS_START = re.compile(r"[A-Za-z0-9_/]")
SUDOERS_ALIAS = re.compile(r"[A-Z][A-Z0-9_]*\Z")
YAML_PLAIN = re.compile(r"[A-Za-z0-9/][A-Za-z0-9_./+-]*\Z")
YAML_PART = re.compile(r"[A-Za-z0-9_./+-]*\Z")
TEMPLATE = re.compile(r"\{[{%#]")
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
CERTIFICATE = re.compile(r"[A-Za-z0-9+/= -]*\Z")


def _unit_word(value: str) -> str:
    """Write a word of a systemd unit, where % begins a specifier."""
    return require(UNIT_WORD, value).replace("%", "%%")


def _unit_path(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError("a program must have an absolute path here")
    return _unit_word(value)


def _unit_quoted(value: str) -> str:
    for character in '"\\$':
        if character in value:
            raise ValueError(f"{character!r} cannot be written safely here; {ANYWHERE}")
    return _unit_text(value)


def _unit_text(value: str) -> str:
    if value.endswith("\\"):
        raise ValueError("a backslash would join this line with the next one")
    return one_line(value).replace("%", "%%")


def _sudoers(value: str) -> str:
    if SUDOERS_ALIAS.match(value):
        raise ValueError("sudoers reads a word in capitals, such as ALL, as the name of an alias")
    if not SUDOERS_START.match(value):
        raise ValueError("sudoers needs a name or a path here")
    return require(SUDOERS, value)


def _yaml_double(value: str) -> str:
    """Write a value in double quotes of YAML or JSON; Ansible would evaluate a template."""
    _no_template(value)
    text = json.dumps(value, ensure_ascii=False)[1:-1]
    return UNPRINTABLE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def _yaml_single(value: str) -> str:
    unprintable = UNPRINTABLE.search(one_line(value))
    if unprintable:
        raise ValueError(f"U+{ord(unprintable.group()):04X} needs double quotes in YAML")
    return _no_template(value).replace("'", "''")


def _yaml_scalar(value: str) -> str:
    return value if YAML_PLAIN.match(value) else f'"{_yaml_double(value)}"'


def _yaml_part(value: str) -> str:
    return require(YAML_PART, value)


def _no_template(value: str) -> str:
    if TEMPLATE.search(value):
        raise ValueError("Ansible would evaluate the template in it")
    return value


def _xml_text(value: str) -> str:
    text = xml_escape(value, {'"': "&quot;", "'": "&apos;"})
    text = re.sub("[\n\r\x85\u2028\u2029]", lambda match: f"&#{ord(match.group())};", text)
    unprintable = UNPRINTABLE.search(text)
    if unprintable:
        raise ValueError(f"XML cannot contain U+{ord(unprintable.group()):04X}")
    return text


def _certificate(value: str) -> str:
    """Write one or more lines of a certificate in PEM format."""
    for line in only_newlines(value).split("\n"):
        require(CERTIFICATE, line)
    return value.strip("\n")


FILE_ESCAPERS: Mapping[str, Callable[[str], str]] = {
    "body-line": one_line,
    "unit-word": _unit_word,
    "unit-path": _unit_path,
    "unit-quoted": _unit_quoted,
    "unit-text": _unit_text,
    "sudoers": _sudoers,
    "yaml-scalar": _yaml_scalar,
    "yaml-part": _yaml_part,
    "yaml-double": _yaml_double,
    "yaml-single": _yaml_single,
    "xml-text": _xml_text,
    "certificate": _certificate,
}
