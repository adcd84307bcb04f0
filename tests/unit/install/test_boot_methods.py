"""How a node is sent into the installer: the first way that works, and every reason when none does."""

from __future__ import annotations

from typing import Any, Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    CommandError,
    DescriptionError,
    Unavailable,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.power.boot_methods import (
    BOOT_METHODS,
    boot_installer,
    choose_boot_methods,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.power.boot_target import (
    BootTarget,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.power.ssh_boot import SCRIPTS
from ansible_collections.npaci.rocks.plugins.module_utils.process import ProgramResult


def target(bmc: str = "", **attributes: str) -> BootTarget:
    return BootTarget(
        "compute-0-3", "10.255.255.242", attributes, bmc, "admin", "secret-of-the-bmc"
    )


class Programs:
    """Records what is run; what it names in ``dead`` does not answer."""

    def __init__(self, *dead: str) -> None:
        self.dead, self.ran = dead, []  # type: ignore[var-annotated]

    def __call__(self, argv: Sequence[str], **options: Any) -> ProgramResult:
        self.ran.append((list(argv), options))
        if argv[0] in self.dead:
            raise CommandError("did not answer", " ".join(argv))
        return ProgramResult(0, "Chassis Power is off\n", "", 0.0)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (target(), ("reboot",)),
        (target(boots_from="disk"), ("bootnext", "kexec", "grub")),
        (target("10.2.0.3"), ("reboot", "ipmi")),
        (target("10.2.0.3", bmc_protocol="redfish"), ("reboot", "redfish")),
        (target(outlet_command="powerman --cycle {node}"), ("reboot", "outlet")),
        (target("10.2.0.3", reinstall_by="redfish, kexec"), ("redfish", "kexec")),
    ],
)
def test_the_ways_follow_from_what_is_known_of_a_node(
    one: BootTarget, expected: tuple[str, ...]
) -> None:
    assert choose_boot_methods(one) == expected


@pytest.mark.parametrize(
    ("attribute", "known"),
    [("reinstall_by", "reboot, bootnext, kexec, grub"), ("bmc_protocol", "ipmi, redfish")],
)
def test_a_way_that_does_not_exist_is_told_with_its_attribute_and_those_that_do(
    attribute: str, known: str
) -> None:
    with pytest.raises(
        DescriptionError,
        match=f"compute-0-3: the attribute {attribute} names 'wish'; it knows {known}",
    ):
        choose_boot_methods(target("10.2.0.3", **{attribute: "wish"}))


def test_an_outlet_command_that_no_shell_would_read_is_told() -> None:
    programs = Programs()
    with pytest.raises(
        Unavailable, match=r"outlet: outlet_command \"o'clock\": No closing quotation"
    ):
        boot_installer(target(reinstall_by="outlet", outlet_command="o'clock"), run=programs)
    assert not programs.ran


def test_a_live_node_is_rebooted_over_ssh() -> None:
    programs = Programs()
    assert boot_installer(target(), run=programs) == "reboot"
    argv, options = programs.ran[0]
    assert (argv[0], argv[-3:]) == ("ssh", ["10.255.255.242", "sh", "-s"])
    assert "systemctl reboot" in options["stdin"]


def test_a_dead_node_goes_to_its_bmc_and_no_password_stands_in_an_argument() -> None:
    programs = Programs("ssh")
    assert boot_installer(target("10.2.0.3", firmware="uefi"), run=programs) == "ipmi"
    words = [argv for argv, _options in programs.ran]
    assert words[1][-4:] == ["chassis", "bootdev", "pxe", "options=efiboot"]
    assert words[-1][-3:] == ["chassis", "power", "on"]  # it was off
    assert not [word for argv in words for word in argv if "secret" in word]
    assert programs.ran[-1][1]["env"] == {"IPMI_PASSWORD": "secret-of-the-bmc"}


def test_power_alone_is_used_when_asked_for() -> None:
    programs = Programs()
    assert boot_installer(target("10.2.0.3"), run=programs, power_only=True) == "ipmi"
    assert "ssh" not in [argv[0] for argv, _options in programs.ran]


def test_an_outlet_is_a_command_without_a_shell() -> None:
    programs = Programs("ssh")
    boot_installer(target(outlet_command="powerman --cycle '{node} x'"), run=programs)
    assert programs.ran[-1][0] == ["powerman", "--cycle", "compute-0-3 x"]


def test_when_no_way_works_each_says_why() -> None:
    with pytest.raises(
        Unavailable, match=r"compute-0-3: reboot: did not answer; ipmi: did not answer"
    ):
        boot_installer(target("10.2.0.3"), run=Programs("ssh", "ipmitool"))


def test_every_script_leaves_the_machine_alone_when_a_step_fails() -> None:
    for way, script in SCRIPTS.items():
        steps = script.split("setsid")[0].strip().splitlines()
        for line in steps:
            if line.startswith(("curl", "kexec", "grub", "efibootmgr", "[")):
                assert "exit 1" in line, (way, line)
    assert set(SCRIPTS) < set(BOOT_METHODS)
