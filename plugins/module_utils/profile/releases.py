# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The releases that a profile can be compiled for, and what each of their installers understands.

The tables list explicit differences: a command is known from one release on, and deprecated or
removed from another on. ``handler`` is pykickstart's name of the release; the tests compare every
row with pykickstart.
"""

from __future__ import annotations

from typing import Final, Literal, Mapping, NamedTuple, Optional

from ..errors import NotFound


class Release(NamedTuple):
    """A release.

    ``age`` orders releases by the state of their installer, ``major`` is the value of
    ``os_version_major``.
    """

    name: str
    family: str
    handler: str
    age: int
    major: str


RELEASES: Mapping[str, Release] = {
    release.name: release
    for release in (
        Release(name="rhel7", family="rhel", handler="RHEL7", age=7, major="7"),
        Release(name="rhel8", family="rhel", handler="RHEL8", age=8, major="8"),
        Release(name="rhel9", family="rhel", handler="RHEL9", age=9, major="9"),
        Release(name="rhel10", family="rhel", handler="RHEL10", age=10, major="10"),
        Release(name="f44", family="fedora", handler="F44", age=11, major="44"),
        Release(name="f45", family="fedora", handler="F45", age=12, major="45"),
    )
}
# The current Fedora. A new one needs a row above and a change of this line.
ALIASES: Mapping[str, str] = {"fedora": "f45"}


class Span(NamedTuple):
    """The ages from which a command is known, deprecated, removed and known again."""

    since: int = 7
    deprecated: int = 99
    removed: int = 99
    revived: int = 99


ALWAYS = Span()
COMMON_COMMANDS = """
    autopart bootloader cdrom clearpart cmdline driverdisk eula fcoe firewall firstboot
    graphical group halt harddrive hmc ignoredisk iscsi iscsiname keyboard lang liveimg
    logging logvol mediacheck network nfs ostreesetup part partition poweroff raid realm
    reboot repo reqpart rescue rootpw selinux services shutdown skipx snapshot sshpw text
    timezone updates url user volgroup xconfig zerombr zfcp
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
    "nvdimm": Span(removed=10),  # Fedora 44 still accepts it with a warning
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
# Elements of older rolls that no installer here knows as commands; release_rules.py handles them.
LEGACY_ELEMENTS = ("interactive", "langsupport", "lilo", "lilocheck", "mouse")
COMMAND_NAMES = (frozenset(COMMANDS) | frozenset(LEGACY_ELEMENTS)) - {"%include"}

CommandStatus = Literal["known", "deprecated", "unknown"]
KNOWN: Final = "known"
DEPRECATED: Final = "deprecated"
UNKNOWN: Final = "unknown"


def find_release(name: str) -> Release:
    """Return the release with this name or alias. Raises NotFound."""
    release = RELEASES.get(ALIASES.get(name, name))
    if release is None:
        raise NotFound(
            f'unknown release "{name}"', "", f"releases: {', '.join([*RELEASES, *ALIASES])}"
        )
    return release


def selector_names(name: str) -> tuple[str, ...]:
    """Return the names that match a release in ``release=``: its own and that of its family."""
    return (name, RELEASES[name].family) if name in RELEASES else (name,)


def command_status(command: str, release: Release) -> CommandStatus:
    """Return whether a release's installer knows a command."""
    span = COMMANDS.get(command)
    if span is None or release.age < span.since:
        return UNKNOWN
    if release.age >= span.revived:
        return KNOWN
    if release.age >= span.removed:
        return UNKNOWN
    return DEPRECATED if release.age >= span.deprecated else KNOWN


class OptionChange(NamedTuple):
    """What happens to an option of a command for ages from ``since`` to before ``until``."""

    command: str
    option: str
    since: int
    until: int
    new: Optional[str]
    """The new spelling; None: the option is omitted, see ``reason``; empty: it is an error."""
    has_value: bool = False
    reason: str = ""


OPTION_CHANGES: tuple[OptionChange, ...] = (
    OptionChange(command="timezone", option="--isUtc", since=7, until=99, new="--utc"),
    OptionChange(
        command="logging",
        option="--level",
        since=9,
        until=99,
        new=None,
        has_value=True,
        reason="the installer always logs everything",
    ),
    OptionChange(
        command="repo",
        option="--ignoregroups",
        since=9,
        until=99,
        new=None,
        has_value=True,
        reason="groups come from the installation source only",
    ),
    OptionChange(
        command="rootpw",
        option="--allow-ssh",
        since=7,
        until=9,
        new=None,
        reason="sshd permits root to log in with a password",
    ),
    OptionChange(
        command="reboot",
        option="--kexec",
        since=7,
        until=8,
        new=None,
        reason="the machine reboots through its firmware",
    ),
    OptionChange(
        command="text",
        option="--non-interactive",
        since=7,
        until=8,
        new=None,
        reason="text mode asks only for what the kickstart does not answer",
    ),
    OptionChange(command="bootloader", option="--sdboot", since=7, until=10, new=""),
    OptionChange(command="autopart", option="--hibernation", since=7, until=10, new=""),
    OptionChange(
        command="%packages", option="--excludeWeakdeps", since=9, until=99, new="--exclude-weakdeps"
    ),
    OptionChange(
        command="%packages", option="--exclude-weakdeps", since=8, until=9, new="--excludeWeakdeps"
    ),
    OptionChange(
        command="%packages",
        option="--excludeWeakdeps",
        since=7,
        until=8,
        new=None,
        reason="packages have no weak dependencies",
    ),
    OptionChange(
        command="%packages",
        option="--exclude-weakdeps",
        since=7,
        until=8,
        new=None,
        reason="packages have no weak dependencies",
    ),
    OptionChange(
        command="%packages",
        option="--instLangs",
        since=9,
        until=99,
        new="--inst-langs",
        has_value=True,
    ),
    OptionChange(
        command="%packages",
        option="--inst-langs",
        since=7,
        until=9,
        new="--instLangs",
        has_value=True,
    ),
    OptionChange(command="%packages", option="--ignorebroken", since=7, until=11, new=""),
    OptionChange(
        command="%packages",
        option="--nobase",
        since=7,
        until=99,
        new=None,
        reason="only requested groups are installed",
    ),
)
