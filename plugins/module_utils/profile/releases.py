# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The releases that a profile can be compiled for, and what each of their installers knows.

One table with explicit differences: a command is known from one release on, deprecated or removed from another on.
``handler`` is what pykickstart calls the release; the tests hold every row against it.
"""

from __future__ import annotations

from typing import Mapping, NamedTuple, Optional

from ..errors import NotFound


class Release(NamedTuple):
    """One release.  ``age`` orders the releases by the state of their installer; ``major`` is what systems say."""

    name: str
    family: str
    handler: str
    age: int
    major: str


RELEASES: Mapping[str, Release] = {
    release.name: release
    for release in (
        Release("rhel7", "rhel", "RHEL7", 7, "7"),
        Release("rhel8", "rhel", "RHEL8", 8, "8"),
        Release("rhel9", "rhel", "RHEL9", 9, "9"),
        Release("rhel10", "rhel", "RHEL10", 10, "10"),
        Release("f44", "fedora", "F44", 11, "44"),
        Release("f45", "fedora", "F45", 12, "45"),
    )
}
# The current one; a new Fedora is one row above and this line.
ALIASES: Mapping[str, str] = {"fedora": "f45"}


class Span(NamedTuple):
    """The ages from which something is known, deprecated, and removed; ``revived``: known again as if new."""

    since: int = 7
    deprecated: int = 99
    removed: int = 99
    revived: int = 99


ALWAYS = Span()
COMMON_COMMANDS = """
    autopart bootloader cdrom clearpart cmdline driverdisk eula fcoe firewall firstboot graphical group halt
    harddrive hmc ignoredisk iscsi iscsiname keyboard lang liveimg logging logvol mediacheck network nfs ostreesetup
    part partition poweroff raid realm reboot repo reqpart rescue rootpw selinux services shutdown skipx snapshot
    sshpw text timezone updates url user volgroup xconfig zerombr zfcp
    %include
"""
COMMANDS: Mapping[str, Span] = {
    **dict.fromkeys(COMMON_COMMANDS.split(), ALWAYS),
    "auth": Span(deprecated=8, removed=10),
    "authconfig": Span(deprecated=8, removed=10),
    "authselect": Span(since=8),
    "autostep": Span(deprecated=9, removed=10),
    "bootc": Span(since=10),
    "btrfs": Span(deprecated=8, removed=10, revived=11),
    "device": Span(deprecated=8, removed=9),
    "deviceprobe": Span(deprecated=8, removed=9),
    "dmraid": Span(deprecated=8, removed=9),
    "install": Span(deprecated=8, removed=9),
    "method": Span(deprecated=9, removed=10),
    "module": Span(since=8, deprecated=10, removed=12),
    "mount": Span(since=8),
    "multipath": Span(deprecated=8, removed=9),
    "nvdimm": Span(removed=10),  # Fedora 44 still takes it with a warning
    "ostreecontainer": Span(since=9),
    "rdp": Span(since=10),
    "rhsm": Span(since=8, removed=11),
    "sshkey": Span(since=8),
    "stratisfs": Span(since=12),
    "stratispool": Span(since=12),
    "syspurpose": Span(since=8, removed=11),
    "timesource": Span(since=9),
    "unsupported_hardware": Span(removed=8),
    "upgrade": Span(deprecated=7, removed=8),
    "vnc": Span(deprecated=10, removed=12),
    "zipl": Span(since=8),
}
# Element names of older rolls that no installer here knows as commands, and what becomes of them (translate.py).
LEGACY_ELEMENTS = ("interactive", "langsupport", "lilo", "lilocheck", "mouse")
COMMAND_NAMES = (frozenset(COMMANDS) | frozenset(LEGACY_ELEMENTS)) - {"%include"}

KNOWN, DEPRECATED, UNKNOWN = "known", "deprecated", "unknown"


def find_release(name: str) -> Release:
    """The release of that name.  Raises NotFound with the names there are."""
    release = RELEASES.get(ALIASES.get(name, name))
    if release is None:
        raise NotFound(f'no release "{name}"', "", f"known: {', '.join([*RELEASES, *ALIASES])}")
    return release


def selector_names(name: str) -> tuple[str, ...]:
    """What a release answers to in release=: its own name, and its family's."""
    return (name, RELEASES[name].family) if name in RELEASES else (name,)


def command_status(command: str, release: Release) -> str:
    """Whether a release's installer knows a command, warns of it, or stops at it."""
    span = COMMANDS.get(command)
    if span is None or release.age < span.since:
        return UNKNOWN
    if release.age >= span.revived:
        return KNOWN
    if release.age >= span.removed:
        return UNKNOWN
    return DEPRECATED if release.age >= span.deprecated else KNOWN


class OptionChange(NamedTuple):
    """What becomes of one option of a command, or of %packages, for the ages ``since`` … ``until`` (not included).

    new    how the option is called there; None: it goes, and ``why`` says that nothing is lost; "": it is refused
    value  whether the option has one
    """

    command: str
    option: str
    since: int
    until: int
    new: Optional[str]
    value: bool = False
    why: str = ""


OPTION_CHANGES: tuple[OptionChange, ...] = (
    OptionChange("timezone", "--isUtc", 7, 99, "--utc"),
    OptionChange("logging", "--level", 9, 99, None, True, "the installer logs everything there"),
    OptionChange(
        "repo", "--ignoregroups", 9, 99, None, True, "groups come from the installation source only"
    ),
    OptionChange("rootpw", "--allow-ssh", 7, 9, None, False, "sshd lets root in by password there"),
    OptionChange(
        "reboot", "--kexec", 7, 8, None, False, "the machine reboots by way of its firmware"
    ),
    OptionChange(
        "text",
        "--non-interactive",
        7,
        8,
        None,
        False,
        "text mode asks only for what the kickstart leaves open",
    ),
    OptionChange("bootloader", "--sdboot", 7, 10, ""),
    OptionChange("autopart", "--hibernation", 7, 10, ""),
    OptionChange("%packages", "--excludeWeakdeps", 9, 99, "--exclude-weakdeps"),
    OptionChange("%packages", "--exclude-weakdeps", 8, 9, "--excludeWeakdeps"),
    OptionChange(
        "%packages",
        "--excludeWeakdeps",
        7,
        8,
        None,
        False,
        "packages have no weak dependencies there",
    ),
    OptionChange(
        "%packages",
        "--exclude-weakdeps",
        7,
        8,
        None,
        False,
        "packages have no weak dependencies there",
    ),
    OptionChange("%packages", "--instLangs", 9, 99, "--inst-langs", True),
    OptionChange("%packages", "--inst-langs", 7, 9, "--instLangs", True),
    OptionChange("%packages", "--ignorebroken", 7, 11, ""),
    OptionChange(
        "%packages", "--nobase", 7, 99, None, False, "no group is installed that is not asked for"
    ),
)
