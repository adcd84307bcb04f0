# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The shipped profiles, as nodes of a configured cluster get them."""

from __future__ import annotations

import functools
import pathlib
import re
import tempfile
from typing import Iterator, Mapping, NamedTuple

from pykickstart.constants import (
    KS_SCRIPT_ONERROR,
    KS_SCRIPT_POST,
    KS_SCRIPT_PRE,
    KS_SCRIPT_PREINSTALL,
)
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion, versionMap

from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.model import Profile
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import render
from ansible_collections.npaci.rocks.plugins.module_utils.profile.releases import (
    RELEASES,
    find_release,
)

ROOT = pathlib.Path(__file__).parents[2]
XML = str(ROOT / "xml")
ROLLS = ROOT / "rolls"
# The layers of a distribution with the rolls of both schedulers.
LAYERS = (XML, str(ROLLS / "slurm"), str(ROLLS / "openpbs"))
PROGRAMS = ROOT / "xml" / "programs"
ROOTS = ("compute", "login", "nas", "web", "frontend")
SUPPORTED = tuple(name for name in RELEASES if name != "rhel7")

# The attributes of a node of a configured cluster, as in the paper's Table II.
NODE = {
    "hostname": "compute-0-0",
    "rack": "0",
    "rank": "0",
    "mac": "00:50:8b:e0:3a:a7",
    "ip": "10.255.255.245",
    "arch": "x86_64",
    "membership": "Compute",
    "appliance": "compute",
    "distribution": "rocks",
    "frontend_address": "10.1.1.1",
    "frontend_name": "frontend-0",
    "private_network": "10.0.0.0/8",
    "ntp_server": "10.1.1.1",
    "home_server": "10.1.1.1",
    "root_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 root@frontend-0",
}
# The differences of nodes of other appliances.
APPLIANCES: Mapping[str, Mapping[str, str]] = {
    "compute": {},
    "login": {"hostname": "login-0-0", "membership": "Login"},
    "nas": {"hostname": "nas-0-0", "membership": "NAS"},
    "web": {"hostname": "web-1-0", "membership": "Web", "rack": "1"},
    "frontend": {
        "hostname": "frontend-0",
        "membership": "Frontend",
        "ip": "10.1.1.1",
        "ntp_server": "",
    },
}
ORDER = {
    "frontend_url": "http://10.1.1.1",
    "install_url": "http://10.1.1.1/install/.generations/rocks/x86_64/0123456789ab",
    "install_order": "8c9d3b3e-6a3f-4f5e-9f57-0d2c8f6d3a10",
    "install_generation": "0123456789ab",
    "install_profile": "f" * 64,
}
# Attributes that a site can choose: together they reach every condition of our node files.
SITES: Mapping[str, Mapping[str, str]] = {
    "static": {
        "network_static": "yes",
        "network_gateway": "10.1.1.1",
        "network_nameserver": "10.1.1.1",
    },
    "interfaces": {
        "network_second": "--device=eth1 --bootproto=dhcp --onboot=yes",
        "network_bond": "--device=bond0 --bondslaves=eth2,eth3 --bootproto=dhcp",
        "network_vlan": "--device=eth4 --vlanid=7 --bootproto=dhcp",
        "network_infiniband": "--device=ib0 --bootproto=dhcp",
    },
    "bond": {
        "network_main": "--device=bond0 --bondslaves=eno1,eno2"
        " --bondopts=mode=802.3ad,miimon=100 --bootproto=dhcp --onboot=yes --activate",
        "network_vlan": "--device=ens1 --vlanid=120 --bootproto=static --netmask=255.255.0.0"
        " --nodefroute --onboot=yes --ip=172.16.3.1 --mtu=9000",
        "network_infiniband": "--device=ib0 --bootproto=static --netmask=255.255.0.0 --nodefroute"
        " --onboot=yes --ip=172.17.3.1",
    },
    "another device": {"network_device": "bootif"},
    "sssd": {"accounts": "sssd", "home_server": ""},
    "sssd without homes": {"accounts": "sssd", "home_server": ""},
    "nis": {"accounts": "nis", "nis_domain": "rocks"},
    "pbs": {"scheduler": "pbs"},
    "bare": {
        "scheduler": "none",
        "mpi": "no",
        "console": "no",
        "home_server": "",
        "frontend_address": "",
    },
    "infiniband": {"infiniband": "yes"},
    "nvidia": {"gpu": "nvidia"},
    "amd": {"gpu": "amd"},
    "serial": {"installer_console": "ttyS0,115200", "kernel_arguments": "mitigations=off"},
    "kdump": {"kdump": "yes"},
    "driver": {"driver_name": "myri"},
    "driver of its own": {
        "driver_name": "myri",
        "driver_build": "firstboot",
        "driver_source": "http://10.1.1.1/myri.tar",
    },
    "unclean": {"reinstall_on_unclean_boot": "yes"},
    "mirror": {"disk_mirror": "yes", "disk_table": "msdos"},
    "signed": {"distribution_key": "http://10.1.1.1/install/RPM-GPG-KEY-rocks"},
    "private side": {"frontend_private_interface": "eth1", "root_public_key": ""},
}
# Choices that only some releases permit.
RELEASES_OF_SITE: Mapping[str, tuple[str, ...]] = {"nis": ("rhel8",)}
CHOICES = (*(("compute", site) for site in SITES), ("login", "pbs"), ("frontend", "private side"))


def shipped_files() -> dict[str, str]:
    """Return our profiles as a distribution contains them: path -> text."""
    paths = sorted(
        (path.relative_to(folder), path)
        for folder in map(pathlib.Path, LAYERS)
        for part in ("graphs", "nodes", "include", "programs")
        for path in (folder / part).rglob("*")
        if path.is_file()
    )
    return {str(name): path.read_text() for name, path in paths if "__pycache__" not in path.parts}


@functools.cache
def _merged_folder() -> tempfile.TemporaryDirectory[str]:
    """Write our profiles as one folder, as a distribution merges them."""
    folder = tempfile.TemporaryDirectory(prefix="rocks-profiles-")
    for name, text in shipped_files().items():
        path = pathlib.Path(folder.name, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def node_attributes(root: str, **attributes: str) -> dict[str, str]:
    """Return the attributes of a node of this appliance."""
    return {**NODE, "appliance": root, **APPLIANCES[root], **attributes}


def shipped_profile(root: str, release: str, **attributes: str) -> Profile:
    """Return the compiled profile of such a node."""
    return _compile(root, release, tuple(sorted(attributes.items())))


@functools.cache
def _compile(root: str, release: str, attributes: tuple[tuple[str, str], ...]) -> Profile:
    return compile_profile(
        _merged_folder().name, root, node_attributes(root, **dict(attributes)), release
    )


def kickstart(root: str, release: str, **attributes: str) -> str:
    """Return the kickstart of such a node."""
    return render(
        shipped_profile(root, release, **attributes),
        {**node_attributes(root, **attributes), **ORDER},
    )


def all_kickstarts() -> Iterator[tuple[str, str]]:
    """Yield a name and a kickstart: each root for each release, and each choice of a site.

    The choices are rendered for the oldest and the newest release.
    """
    for release in SUPPORTED:
        for root in ROOTS:
            yield f"{root}-{release}", kickstart(root, release)
    for release in (SUPPORTED[0], SUPPORTED[-1]):
        for root, site in CHOICES:
            if release in RELEASES_OF_SITE.get(site, SUPPORTED):
                yield f"{root}-{release}-{site}", kickstart(root, release, **SITES[site])


class Section(NamedTuple):
    """A script of a kickstart as the installer extracts it."""

    kind: str
    node: str
    interpreter: str
    in_chroot: bool
    fatal: bool
    text: str


KINDS = {
    KS_SCRIPT_PRE: "pre",
    KS_SCRIPT_PREINSTALL: "pre-install",
    KS_SCRIPT_POST: "post",
    KS_SCRIPT_ONERROR: "onerror",
}


def scripts(text: str, release: str) -> list[Section]:
    """Return the scripts of a kickstart; ``node`` is the name of their log and node file."""
    handler = makeVersion(versionMap[find_release(release).handler])
    KickstartParser(handler, missingIncludeIsFatal=False).readKickstartFromString(text)
    sections = []
    for script in handler.scripts:
        name = pathlib.Path(script.logfile).stem.replace("ks-script-rocks-", "", 1)
        node = name[len(f"{KINDS[script.type]}-") :]
        sections.append(
            Section(
                kind=KINDS[script.type],
                node=node,
                interpreter=script.interp,
                in_chroot=script.inChroot,
                fatal=script.errorOnFail,
                text=script.script,
            )
        )
    return sections


LISTED = re.compile(r"^\|[0-9a-f]{64}  (\S+)$", re.MULTILINE)


def fetched_programs(text: str) -> dict[str, str]:
    """Return the programs that a kickstart or its script fetches: name -> content."""
    return {name: (PROGRAMS / name).read_text(encoding="utf-8") for name in LISTED.findall(text)}


WRITTEN = re.compile(r"^sed 's/\^\|//' >>? (\S+) <<'EOF'\n(.*?)^EOF$", re.MULTILINE | re.DOTALL)


def written_files(script: str) -> list[tuple[str, str]]:
    """Return the files that a script writes with <file>: path and content, in order."""
    return [(path, re.sub(r"(?m)^\|", "", body)) for path, body in WRITTEN.findall(script)]
