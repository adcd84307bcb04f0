"""AppArmor: the profiles of the daemons' own packages permit the files that our reports write.

``apparmor_parser`` compiles each profile and prints it with everything that it includes; the rules
for files are then compared with our paths. A kernel with AppArmor is not needed.
"""

from __future__ import annotations

import functools
import pathlib
import re
import subprocess
from typing import NamedTuple

import pytest
import yaml

from ansible_collections.npaci.rocks.plugins.module_utils.reports.dhcp import dhcpd, kea
from support.ansible import ROOT

PROFILES = pathlib.Path("/etc/apparmor.d")
SECONDS = 60
ROLE = yaml.safe_load((ROOT / "roles/frontend/vars/debian.yml").read_text())
STAGED = ".rocks-report-1-x"
"""The name of a report that is checked: it lies in the folder of the real file."""
RULE = re.compile(
    r"^\s*(?:owner\s+)?(?P<path>/\S*|@\{\S+)\s+(?P<modes>[rwaklmixuUpPcC]+)\s*(?:->.*)?,"
)
VARIABLE = re.compile(r"^@\{(?P<name>\w+)\}\s*(?P<sign>\+?=)\s*(?P<values>.+)$", re.MULTILINE)
DENIED = re.compile(r"^\s*(?:audit\s+)?deny\s+(?P<path>/\S*)\s", re.MULTILINE)


class Need(NamedTuple):
    """A file that a daemon needs: ``modes`` as in a profile."""

    profile: str
    path: str
    modes: str


def beside(path: str) -> str:
    return f"{path.rpartition('/')[0]}/{STAGED}"


KEA = str(kea.OPTIONS["path"])
DHCPD = str(dhcpd.OPTIONS["path"])
ZONES = ROLE["__frontend_bind_folder"]
NEEDS = (
    Need("usr.sbin.kea-dhcp4", KEA, "r"),
    Need("usr.sbin.kea-dhcp4", beside(KEA), "r"),
    Need("usr.sbin.kea-dhcp4", kea.SOCKET, "w"),
    Need("usr.sbin.kea-dhcp4", "/run/mysqld/mysqld.sock", "rw"),
    Need("usr.sbin.kea-dhcp4", "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_lease_cmds.so", "mr"),
    Need("usr.sbin.dhcpd", DHCPD, "r"),
    Need("usr.sbin.dhcpd", beside(DHCPD), "r"),
    Need("usr.sbin.named", ROLE["__frontend_bind_config"], "r"),
    Need("usr.sbin.named", ROLE["__frontend_bind_include"], "r"),
    Need("usr.sbin.named", f"{ZONES}/cluster.zone", "r"),
    Need("usr.sbin.named", beside(f"{ZONES}/cluster.zone"), "r"),
)


@functools.cache
def source(profile: str) -> str:
    """Return the profile with all that it includes; it must compile."""
    path = PROFILES / profile
    compile_ = ["apparmor_parser", "--skip-kernel-load", "--skip-cache", str(path)]
    subprocess.run(compile_, check=True, capture_output=True, timeout=SECONDS)
    return subprocess.run(
        ["apparmor_parser", "--preprocess", str(path)],
        check=True, capture_output=True, text=True, timeout=SECONDS,
    ).stdout  # fmt: skip


def variables(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for match in VARIABLE.finditer(text):
        values = match["values"].split("#")[0].replace('"', "").split()
        found[match["name"]] = (
            found.get(match["name"], []) if match["sign"] == "+=" else []
        ) + values
    return found


def expand(pattern: str, values: dict[str, list[str]]) -> list[str]:
    """Replace the variables of a pattern by each of their values."""
    match = re.search(r"@\{(\w+)\}", pattern)
    if not match:
        return [re.sub(r"//+", "/", pattern)]
    before, after = pattern[: match.start()], pattern[match.end() :]
    return [
        text
        for value in values.get(match[1], [])
        for text in expand(before + value + after, values)
    ]


def expression(pattern: str) -> str:
    """Translate AppArmor's pattern (apparmor.d(5)) to a regular expression."""
    parts = re.split(r"(\*\*|\*|\?|\{|\}|,|\[[^\]]*\])", pattern)
    words = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")"}
    depth = 0
    result = ""
    for part in parts:
        depth += (part == "{") - (part == "}")
        if part == "," and depth:
            result += "|"
        elif part.startswith("[") and part.endswith("]"):
            result += part
        else:
            result += words.get(part, re.escape(part))
    return result


def modes_of(profile: str, path: str) -> set[str]:
    """Return the modes that the rules of a profile permit for a path."""
    text = source(profile)
    values = variables(text)
    permitted: set[str] = set()
    for line in text.splitlines():
        match = RULE.match(line)
        if match and any(
            re.fullmatch(expression(pattern), path) for pattern in expand(match["path"], values)
        ):
            permitted |= set(match["modes"])
    assert not any(re.fullmatch(expression(match["path"]), path) for match in DENIED.finditer(text))
    return permitted


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: f"{need.profile}-{need.path}")
def test_a_profile_permits_what_its_daemon_needs(need: Need) -> None:
    assert set(need.modes) <= modes_of(need.profile, need.path)


def test_the_comparison_refuses_other_files() -> None:
    assert "w" not in modes_of("usr.sbin.kea-dhcp4", KEA)
    assert modes_of("usr.sbin.kea-dhcp4", "/var/lib/rocks/kea.conf") == set()
    assert modes_of("usr.sbin.dhcpd", "/tmp/rocks-report-1/dhcpd.conf") == set()
    assert modes_of("usr.sbin.named", "/var/lib/rocks/cluster.zone") == set()
