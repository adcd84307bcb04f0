"""The boot methods of a node: the first one that works, or the error of each."""

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
        node="compute-0-3",
        address="10.255.255.242",
        attributes=attributes,
        bmc=bmc,
        bmc_user="admin",
        bmc_password="secret-of-the-bmc",
    )


class Programs:
    """Records the programs that are run; those in ``dead`` fail."""

    def __init__(self, *dead: str) -> None:
        self.dead = dead
        self.calls: list[tuple[list[str], dict[str, Any]]] = []

    def __call__(self, argv: Sequence[str], **options: Any) -> ProgramResult:
        self.calls.append((list(argv), options))
        if argv[0] in self.dead:
            raise CommandError("did not answer", " ".join(argv))
        return ProgramResult(0, "Chassis Power is off\n", "", 0.0)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (target(), ("reboot",)),
        (target(boots_from="disk"), ("bootnext", "kexec", "grub")),
        (target("10.2.0.3"), ("reboot", "ipmi")),
        (target("10.2.0.3", bmc_protocol="redfish"), ("reboot", "redfish")),
        (target(outlet_command="powerman --cycle {node}"), ("reboot", "outlet")),
        (target("10.2.0.3", reinstall_by="redfish, kexec"), ("redfish", "kexec")),
    ],
)
def test_the_attributes_of_a_node_select_its_boot_methods(
    node: BootTarget, expected: tuple[str, ...]
) -> None:
    assert choose_boot_methods(node) == expected


@pytest.mark.parametrize(
    ("attribute", "allowed"),
    [("reinstall_by", "reboot, bootnext, kexec, grub"), ("bmc_protocol", "ipmi, redfish")],
)
def test_the_error_about_an_unknown_method_names_the_attribute_and_the_allowed_methods(
    attribute: str, allowed: str
) -> None:
    with pytest.raises(
        DescriptionError,
        match=f"compute-0-3: .*'typo'.*{attribute}; .*{allowed}",
    ):
        choose_boot_methods(target("10.2.0.3", **{attribute: "typo"}))


def test_an_outlet_command_with_an_open_quotation_is_an_error_and_is_not_run() -> None:
    programs = Programs()
    with pytest.raises(
        Unavailable, match=r"outlet: outlet_command \"o'clock\": No closing quotation"
    ):
        boot_installer(target(reinstall_by="outlet", outlet_command="o'clock"), run=programs)
    assert not programs.calls


def test_a_running_node_is_rebooted_over_ssh() -> None:
    programs = Programs()
    assert boot_installer(target(), run=programs) == "reboot"
    argv, options = programs.calls[0]
    assert (argv[0], argv[-3:]) == ("ssh", ["10.255.255.242", "sh", "-s"])
    assert "systemctl reboot" in options["stdin"]


def test_the_bmc_boots_a_node_without_ssh_and_its_password_is_not_an_argument() -> None:
    programs = Programs("ssh")
    assert boot_installer(target("10.2.0.3", firmware="uefi"), run=programs) == "ipmi"
    words = [argv for argv, _options in programs.calls]
    assert words[1][-4:] == ["chassis", "bootdev", "pxe", "options=efiboot"]
    assert words[-1][-3:] == ["chassis", "power", "on"]  # it was off
    assert not [word for argv in words for word in argv if "secret" in word]
    assert programs.calls[-1][1]["env"] == {"IPMI_PASSWORD": "secret-of-the-bmc"}


def test_power_only_skips_ssh() -> None:
    programs = Programs()
    assert boot_installer(target("10.2.0.3"), run=programs, power_only=True) == "ipmi"
    assert "ssh" not in [argv[0] for argv, _options in programs.calls]


def test_an_outlet_command_runs_without_a_shell() -> None:
    programs = Programs("ssh")
    boot_installer(target(outlet_command="powerman --cycle '{node} x'"), run=programs)
    assert programs.calls[-1][0] == ["powerman", "--cycle", "compute-0-3 x"]


def test_the_error_of_a_node_contains_the_error_of_each_method() -> None:
    with pytest.raises(
        Unavailable, match=r"compute-0-3: reboot: did not answer; ipmi: did not answer"
    ):
        boot_installer(target("10.2.0.3"), run=Programs("ssh", "ipmitool"))


def test_a_failed_step_ends_every_script_before_the_machine_goes_down() -> None:
    for method, script in SCRIPTS.items():
        joined = script.replace("\\\n", "").replace("|\n", "|")
        steps = joined.split("setsid")[0].strip().splitlines()
        for line in steps:
            if line.startswith(("curl", "kexec", "grub", "efibootmgr", "[")):
                assert "exit 1" in line, (method, line)
    assert set(SCRIPTS) < set(BOOT_METHODS)
