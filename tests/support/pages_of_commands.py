# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The commands that a page of the documentation prints, parsed as a shell and Ansible do."""

from __future__ import annotations

import importlib
import json
import pathlib
import re
import shlex
from typing import Any, Iterator, NamedTuple, Optional

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.splitter import parse_kv

from .ansible import ROOT
from .modules import MODULES

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPEC_KEYS = ("type", "required", "choices", "elements", "default")


class ModuleCall(NamedTuple):
    """``ansible PATTERN -m MODULE -a OPTIONS``."""

    pattern: str
    module: str
    options: dict[str, Any]
    check: bool


class Playbook(NamedTuple):
    """``ansible-playbook PATH -e VARIABLES``."""

    path: pathlib.Path
    variables: dict[str, Any]


def blocks(text: str, language: str) -> list[str]:
    """Return the blocks of code in this language."""
    return [code for name, code in BLOCK.findall(text) if name == language]


def command_lines(text: str) -> Iterator[list[str]]:
    """Yield the words of each command after ``$`` or ``#``, without ``sudo`` and ``env``."""
    for block in blocks(text, "console"):
        for line in block.splitlines():
            if line.startswith(("$ ", "# ")):
                words = shlex.split(line[2:])
                while words[0] in ("sudo", "env") or "=" in words[0]:
                    words = words[1:]
                yield words


def module_call(words: list[str]) -> ModuleCall:
    """Parse the words of the program ``ansible``."""
    arguments = words[words.index("-a") + 1] if "-a" in words else ""
    options = json.loads(arguments) if arguments.startswith("{") else parse_kv(arguments)
    return ModuleCall(words[1], words[words.index("-m") + 1], options, "--check" in words)


def playbook(words: list[str]) -> Playbook:
    """Parse the words of the program ``ansible-playbook``; files of variables are left out."""
    variables: dict[str, Any] = {}
    for flag, value in zip(words, words[1:]):
        if flag == "-e" and not value.startswith("@"):
            variables.update(json.loads(value) if value.startswith("{") else parse_kv(value))
    return Playbook(ROOT / words[1], variables)


def option_errors(call: ModuleCall) -> list[str]:
    """Return what is wrong with the options, by the documentation of our module."""
    code = importlib.import_module(f"{MODULES}.{call.module}")
    documented = yaml.safe_load(code.DOCUMENTATION)["options"]
    spec = {
        name: {key: option[key] for key in SPEC_KEYS if key in option}
        for name, option in documented.items()
    }
    spec.setdefault("path", {"type": "raw"})  # documented by a fragment
    spec.setdefault("arch", {"type": "str"})
    spec.setdefault("name", {"type": "raw"})
    spec.setdefault("database", {"type": "str"})
    messages: list[str] = ArgumentSpecValidator(spec).validate(call.options).error_messages
    return messages


def variables_of(path: pathlib.Path) -> Optional[set[str]]:
    """Return the variables that a playbook reads; those of a role are in its argument spec."""
    text = path.read_text()
    role = {"rebuild-dist.yml": "distribution", "frontend.yml": "frontend"}.get(path.name)
    if role:
        spec = yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text())
        return set(spec["argument_specs"]["main"]["options"])
    guard = re.search(r"unknown_variables',(.*?)\)\s*}}", text, re.DOTALL)
    assert guard, path
    return set(re.findall(r"'(\w+)'", guard[1]))
