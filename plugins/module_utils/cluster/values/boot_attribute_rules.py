# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The rules for the attributes that describe how a node is started and switched.

Without them, a misspelled value fails when the node is reinstalled.
"""

from __future__ import annotations

import re
import shlex
from typing import Callable, Collection, Mapping

from ...errors import DescriptionError
from ...suggestions import suggest
from ..database import Database
from .scoped_values import Scope

BOOT_METHODS = ("reboot", "bootnext", "kexec", "grub", "ipmi", "redfish", "outlet")
BMC_PROTOCOLS = ("ipmi", "redfish")
FREE_TEXTS = ("bmc_user", "ipmi_cipher", "redfish_ca", "redfish_system", "installer_arguments")

Rule = Callable[[Database, str, str, Scope], None]
"""Check a value: of an attribute, in a scope."""

_PLACEHOLDER = re.compile(r"\{[^{}\s]*\}")


def _check_outlet_command(_database: Database, name: str, value: str, scope: Scope) -> None:
    try:
        shlex.split(value)
    except ValueError as error:
        raise DescriptionError(f"{value!r}: {error}", name, "check the quotes") from None
    for placeholder in _PLACEHOLDER.findall(value):
        if placeholder not in ("{node}", "{action}"):
            raise DescriptionError(
                f"unknown placeholder {placeholder}",
                name,
                "write {node} for the name of the node, and {action} for on, off or cycle",
            )
    if "{node}" not in value and not scope.node:
        raise DescriptionError(
            f"{value!r} is the same command for all nodes",
            name,
            "write {node} in place of the name, such as `powerman --cycle {node}`,"
            " or set it for one node",
        )


def _one_of(*allowed: str) -> Rule:
    def check(_database: Database, name: str, value: str, _scope: Scope) -> None:
        if value not in allowed:
            raise _unknown_word(name, value, allowed)

    return check


def _check_boot_methods(_database: Database, name: str, value: str, _scope: Scope) -> None:
    for word in value.replace(",", " ").split():
        if word not in BOOT_METHODS:
            raise _unknown_word(name, word, BOOT_METHODS)


def _unknown_word(name: str, word: str, allowed: Collection[str]) -> DescriptionError:
    return DescriptionError(f"unknown value {word!r}", name, suggest(word, allowed))


def _accept(_database: Database, _name: str, _value: str, _scope: Scope) -> None:
    pass


BOOT_RULES: Mapping[str, Rule] = {
    "outlet_command": _check_outlet_command,
    "reinstall_by": _check_boot_methods,
    "bmc_protocol": _one_of(*BMC_PROTOCOLS),
    "boots_from": _one_of("network", "disk"),
    "firmware": _one_of("uefi", "bios"),
    "install_code": _one_of("yes", "no"),
    **dict.fromkeys(FREE_TEXTS, _accept),
}
"""The rule of each attribute."""
