# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kickstart commands and options that the installer supports."""

from __future__ import annotations

from typing import Optional

ANY = None


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _options(text: str) -> frozenset[str]:
    return frozenset(f"--{name}" for name in _names(text))


# command -> the supported options; any other option is rejected.
SUPPORTED: dict[str, Optional[frozenset[str]]] = {
    "bootloader": _options("append boot-drive disabled driveorder location timeout leavebootorder"),
    "clearpart": _options("all none linux drives initlabel disklabel cdl"),
    "cdrom": ANY,
    "cmdline": ANY,
    "group": _options("name gid"),
    "halt": ANY,
    "ignoredisk": _options("only-use drives"),
    "keyboard": ANY,
    "lang": ANY,
    "logging": _options("host port level"),
    "logvol": _options(
        "fsoptions fstype grow label mkfsoptions name noformat size useexisting vgname"
    ),
    "network": _options(
        "activate no-activate bootproto device gateway hostname ip ipv6 mtu nameserver netmask"
        " nodefroute nodns noipv4 noipv6 onboot bondslaves bondopts vlanid interfacename"
    ),
    "part": _options(
        "asprimary fsoptions fstype grow label maxsize mkfsoptions noformat ondisk ondrive onpart"
        " recommended size usepart"
    ),
    "poweroff": ANY,
    "raid": _options("device fsoptions fstype label level mkfsoptions noformat useexisting"),
    "reboot": _options("eject kexec"),
    "repo": _options("name baseurl cost excludepkgs includepkgs install noverifyssl ignoregroups"),
    "reqpart": _options("add-boot"),
    "rootpw": _options("allow-ssh iscrypted lock plaintext"),
    "services": _options("disabled enabled"),
    "shutdown": ANY,
    "sshkey": _options("username"),
    "sshpw": _options("username iscrypted lock plaintext sshkey"),
    "text": ANY,
    "timesource": _options("ntp-server ntp-pool nts ntp-disable"),
    "timezone": _options("utc isUtc ntpservers nontp"),
    "url": _options("url noverifyssl"),
    "user": _options("gecos gid groups homedir iscrypted lock name password plaintext shell uid"),
    "volgroup": _options("noformat useexisting"),
    "zerombr": ANY,
}
SUPPORTED["partition"] = SUPPORTED["part"]

# Commands that pykickstart checks and that have no effect in the lab.
IGNORED = _names(
    "auth authconfig authselect eula firewall firstboot graphical install mediacheck module rdp"
    " selinux skipx syspurpose vnc xconfig"
)

# Sections that pykickstart accepts for every release, but anaconda only since this one.
SECTIONS_SINCE = {"%certificate": 9}


def objection(words: list[str]) -> str:
    """Return why this command is rejected, or "" if it is supported or has no effect."""
    command = words[0]
    if command in IGNORED:
        return ""
    if command not in SUPPORTED:
        return f'the command "{command}" is not supported by the installer of the lab'
    options = SUPPORTED[command]
    used = [word.partition("=")[0] for word in words[1:] if word.startswith("--")]
    unknown = [name for name in used if options is not ANY and name not in options]
    return (
        f'{command}: the option "{unknown[0]}" is not supported by the installer of the lab'
        if unknown
        else ""
    )
