"""The table of releases is that of pykickstart, command by command and option by option."""

from __future__ import annotations

import pytest
from pykickstart.base import DeprecatedCommand, RemovedCommand
from pykickstart.errors import KickstartError
from pykickstart.version import makeVersion, versionMap

from ansible_collections.npaci.rocks.plugins.module_utils.profile import releases
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.release_rules import (
    Command,
    translate_commands,
    translate_options,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.model import ERROR, Origin, Remark
from ansible_collections.npaci.rocks.plugins.module_utils.profile.releases import (
    DEPRECATED,
    KNOWN,
    OPTION_CHANGES,
    UNKNOWN,
    command_status,
    find_release,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml.conditions import (
    TrackedAttributes,
)
from support.kickstarts import parse_strictly

HERE = Origin("x.xml", 1)
# pykickstart warns about these when they are parsed, not by the class of the command.
REFUSED_ALREADY = {("nvdimm", "f44")}  # deprecated there, gone before and after
WARNS = {("auth", "rhel8"), ("auth", "rhel9"), ("authconfig", "rhel8"), ("authconfig", "rhel9")}


@pytest.mark.parametrize("name", releases.RELEASES)
def test_the_status_of_every_command_is_that_of_pykickstart(name: str) -> None:
    release = find_release(name)
    theirs = {}
    for command, handler in makeVersion(versionMap[release.handler]).commands.items():
        removed = isinstance(handler, RemovedCommand)
        deprecated = isinstance(handler, DeprecatedCommand)
        theirs[command] = (
            UNKNOWN if removed else DEPRECATED if deprecated or (command, name) in WARNS else KNOWN
        )
        if (command, name) in REFUSED_ALREADY:
            theirs[command] = UNKNOWN
    ours = {
        command: command_status(command, release)
        for command in releases.COMMANDS
        if command != "%include"
    }
    assert {command: state for command, state in ours.items() if state != UNKNOWN} == {
        command: state for command, state in theirs.items() if state != UNKNOWN
    }


SAMPLES = {
    "timezone --isUtc": "timezone --isUtc Etc/UTC",
    "logging --level": "logging --level=info --host=h",
    "repo --ignoregroups": "repo --name=a --baseurl=http://h --ignoregroups=true",
    "rootpw --allow-ssh": "rootpw --lock --allow-ssh",
    "reboot --kexec": "reboot --kexec",
    "text --non-interactive": "text --non-interactive",
    "bootloader --sdboot": "bootloader --sdboot",
    "autopart --hibernation": "autopart --hibernation",
    "%packages --excludeWeakdeps": "%packages --excludeWeakdeps",
    "%packages --exclude-weakdeps": "%packages --exclude-weakdeps",
    "%packages --instLangs": "%packages --instLangs=en_US",
    "%packages --inst-langs": "%packages --inst-langs=en_US",
    "%packages --ignorebroken": "%packages --ignorebroken",
    "%packages --nobase": "%packages --nobase",
}


def is_valid(line: str, release: str) -> bool:
    text = f"{line}\n%end\n" if line.startswith("%packages") else f"{line}\n"
    try:
        parse_strictly(text, release)
    except (KickstartError, Warning):
        return False
    return True


def test_every_option_change_has_a_sample() -> None:
    assert {f"{row.command} {row.option}" for row in OPTION_CHANGES} == set(SAMPLES)


@pytest.mark.parametrize("name", releases.RELEASES)
@pytest.mark.parametrize("sample", SAMPLES.values(), ids=str)
def test_a_translated_option_is_valid_for_the_release(sample: str, name: str) -> None:
    command, _, text = sample.partition(" ")
    remarks: list[Remark] = []
    translated = translate_options(Command(command, text, HERE), find_release(name), remarks)
    if any(remark.severity == ERROR for remark in remarks):
        assert not is_valid(sample, name)
        return
    line = f"{translated.name} {translated.text}".strip()
    assert is_valid(line, name)
    assert (line == sample) == is_valid(sample, name) or sample == "timezone --isUtc Etc/UTC"


def commands(text: str, release: str, **attributes: str) -> list[str]:
    inputs = [Command(*line.partition(" ")[::2], HERE) for line in text.splitlines()]
    result = translate_commands(inputs, find_release(release), TrackedAttributes(attributes))
    assert not [remark for remark in result.remarks if remark.severity == ERROR]
    return [f"{command.name} {command.text}".strip() for command in result.commands]


NEW = ["timezone --utc Etc/UTC", "timesource --ntp-server=10.1.1.1", "timesource --ntp-server=b"]
OLD = ["timezone --utc Etc/UTC --ntpservers=10.1.1.1,b"]


@pytest.mark.parametrize("release", releases.RELEASES)
@pytest.mark.parametrize(
    "form",
    [NEW, OLD, ["timezone --isUtc --ntpservers=10.1.1.1,b Etc/UTC"]],
    ids=["new", "old", "older"],
)
def test_time_servers_are_valid_for_each_release(form: list[str], release: str) -> None:
    lines = commands("\n".join(form), release)
    assert sorted(" ".join(lines).split()) == sorted(
        " ".join(NEW if find_release(release).age >= 9 else OLD).split()
    )
    parse_strictly("\n".join(lines) + "\n", release)


@pytest.mark.parametrize("release", releases.RELEASES)
def test_disabled_time_servers_are_valid_for_each_release(release: str) -> None:
    for form in ("timezone --nontp Etc/UTC", "timezone Etc/UTC\ntimesource --ntp-disable"):
        parse_strictly("\n".join(commands(form, release)) + "\n", release)


def test_a_list_of_servers_in_an_attribute_is_part_of_the_shape() -> None:
    attributes = TrackedAttributes({"ntp": "a, b"})
    form = Command("timezone", "Etc/UTC --ntpservers=\ue000ntp\ue001", HERE)
    result = translate_commands([form], find_release("rhel9"), attributes)
    assert [command.text for command in result.commands] == [
        "Etc/UTC",
        "--ntp-server=a",
        "--ntp-server=b",
    ]
    assert attributes.used == {"ntp": "a, b"}


@pytest.mark.parametrize(
    ("line", "release", "expected"),
    [
        ("install", "rhel7", ["install"]),
        ("install", "rhel8", []),
        ("unsupported_hardware", "rhel9", []),
        ("interactive", "rhel7", []),
        ("mouse none", "rhel8", []),
        ("langsupport --default=en_US", "rhel7", []),
        ("lilo --location=mbr", "rhel8", ["bootloader --location=mbr"]),
        ("zerombr yes", "rhel7", ["zerombr"]),
        (
            "auth --enableshadow --passalgo=sha512",
            "rhel7",
            ["auth --enableshadow --passalgo=sha512"],
        ),
        ("auth --enableshadow --passalgo=sha512", "rhel9", []),
        ("authconfig --useshadow --enablemd5", "rhel10", []),
    ],
)
def test_commands_that_newer_installers_do_not_need_are_omitted(
    line: str, release: str, expected: list[str]
) -> None:
    assert commands(line, release) == expected


@pytest.mark.parametrize(
    ("line", "release", "rule"),
    [
        ("auth --enablenis --nisdomain=x", "rhel10", "unknown-command"),
        ("btrfs none --label=x", "rhel10", "unknown-command"),
        ("syspurpose --role=x", "f45", "unknown-command"),
        ("timesource --ntp-server=a --nts", "rhel8", "unknown-command"),
        ("bootloader --sdboot", "rhel9", "unknown-option"),
        ("nonsense", "rhel9", "unknown-command"),
    ],
)
def test_a_command_that_a_release_rejects_is_an_error_with_its_place(
    line: str, release: str, rule: str
) -> None:
    name, _, text = line.partition(" ")
    result = translate_commands(
        [Command("timezone", "Etc/UTC", HERE), Command(name, text, HERE)],
        find_release(release),
        TrackedAttributes({}),
    )
    assert [
        (remark.rule, remark.origin) for remark in result.remarks if remark.severity == ERROR
    ] == [(rule, HERE)]


def test_a_release_matches_its_family_and_an_alias_its_release() -> None:
    assert releases.selector_names("rhel9") == ("rhel9", "rhel")
    assert releases.selector_names(find_release("fedora").name)[1] == "fedora"
    assert releases.selector_names("Manzanita") == ("Manzanita",)
