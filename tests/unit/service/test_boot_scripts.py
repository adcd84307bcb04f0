"""The scripts for iPXE and GRUB, and the kernel arguments of each release."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.service import boot_scripts
from ansible_collections.npaci.rocks.plugins.module_utils.service.boot_scripts import BootParameters
from ansible_collections.npaci.rocks.plugins.module_utils.service.installer_arguments import (
    INSTALLERS,
    installer_for,
)

TREE = "http://10.1.1.1/install/.generations/rocks/x86_64/4c19e0b2"
PARAMETERS = BootParameters(
    node="compute-0-0",
    mac="00:50:8b:e0:3a:a7",
    distribution="rocks",
    generation="4c19e0b2",
    url="http://10.1.1.1",
    tree=TREE,
    installer=installer_for("rhel9"),
    extra=("console=ttyS0,115200",),
)
ARGUMENTS = (
    f"inst.ks=http://10.1.1.1/rocks/kickstart inst.ks.sendmac inst.repo={TREE} inst.stage2={TREE}"
    " inst.syslog=10.1.1.1:514 ip=dhcp"
    " BOOTIF=01-00-50-8b-e0-3a-a7 inst.noninteractive console=ttyS0,115200"
)


def test_the_ipxe_script_starts_the_installer_of_the_pinned_generation() -> None:
    assert boot_scripts.install_script("ipxe", PARAMETERS) == (
        "#!ipxe\n"
        "echo compute-0-0: installing rocks 4c19e0b2\n"
        f"kernel {TREE}/images/pxeboot/vmlinuz initrd=initrd.img {ARGUMENTS}\n"
        f"initrd --name initrd.img {TREE}/images/pxeboot/initrd.img\n"
        "boot\n"
    )


def test_the_grub_script_loads_the_installer_over_http_from_the_same_generation() -> None:
    folder = "(http,10.1.1.1)/install/.generations/rocks/x86_64/4c19e0b2/images/pxeboot"
    text = boot_scripts.install_script("grub", PARAMETERS)
    assert f"linux {folder}/vmlinuz {ARGUMENTS}\n" in text
    assert f"initrd {folder}/initrd.img\n" in text


@pytest.mark.parametrize(
    ("release", "verb"), [("rhel8", "linuxefi"), ("rhel9", "linux"), ("fedora44", "linux")]
)
def test_only_old_releases_start_their_kernel_with_linuxefi(release: str, verb: str) -> None:
    lines = boot_scripts.install_script(
        "grub", PARAMETERS._replace(installer=installer_for(release))
    ).splitlines()
    assert lines[3].split()[0] == verb


@pytest.mark.parametrize("release", sorted(INSTALLERS))
def test_every_release_gets_the_urls_of_its_kickstart_and_its_tree(release: str) -> None:
    arguments = boot_scripts.kernel_arguments(PARAMETERS._replace(installer=installer_for(release)))
    assert {
        "inst.ks=http://10.1.1.1/rocks/kickstart",
        "inst.ks.sendmac",
        f"inst.repo={TREE}",
    } <= set(arguments)


def test_a_local_boot_continues_with_the_next_device_of_the_firmware() -> None:
    text = boot_scripts.local_boot_script("ipxe", "compute-0-0", "no live order")
    assert text.splitlines()[-1] == "iseq ${platform} efi && exit 1 || exit"
    assert boot_scripts.local_boot_script("grub", "compute-0-0", "no live order").splitlines()[
        -2:
    ] == [
        "  exit 1",
        "}",
    ]


def test_the_discovery_script_of_ipxe_retries_with_a_new_lease_without_a_restart() -> None:
    text = boot_scripts.discovery_script("ipxe", "10.1.2.3", "http://10.1.1.1")
    assert (
        "dhcp || exit 1\nchain --replace http://10.1.1.1/rocks/boot?form=ipxe || exit 1\n" in text
    )
    assert "reboot" not in text
    assert boot_scripts.discovery_script("grub", "10.1.2.3", "http://10.1.1.1").startswith(
        "set timeout=15\n"
    )


GRUB_SCRIPTS = {
    "install": boot_scripts.install_script("grub", PARAMETERS),
    "local": boot_scripts.local_boot_script("grub", "compute-0-0", "no live order"),
    "code": boot_scripts.install_script("grub", PARAMETERS._replace(needs_code=True)),
    "discovery": boot_scripts.discovery_script("grub", "10.1.2.3", "http://10.1.1.1"),
}


@pytest.mark.parametrize("text", GRUB_SCRIPTS.values(), ids=GRUB_SCRIPTS)
def test_a_grub_script_acts_only_in_its_menu_entry(text: str) -> None:
    # GRUB runs the rest while the file is open, and the next start would meet that connection.
    outside = re.sub(r"^menuentry .*?^}\n", "", text, flags=re.DOTALL | re.MULTILINE)
    assert re.fullmatch(r"set timeout=-?\d+\n", outside)
    assert text.count("menuentry") == 1


@pytest.mark.programs
@pytest.mark.parametrize("text", GRUB_SCRIPTS.values(), ids=GRUB_SCRIPTS)
def test_grub_script_check_accepts_every_script(text: str) -> None:
    process.run(["grub-script-check"], stdin=text, timeout=10)


@pytest.mark.parametrize(
    ("requested", "user_agent", "loader"),
    [
        ("", "iPXE/1.0.0+git-20190125", "ipxe"),
        ("", "GRUB 2.06", "grub"),
        ("grub", "curl/8.0", "grub"),
        ("", "curl/8.0", None),
        ("html", "iPXE/1.0.0", None),
    ],
)
def test_the_query_or_else_the_user_agent_names_the_loader(
    requested: str, user_agent: str, loader: str | None
) -> None:
    assert boot_scripts.choose_loader(requested, user_agent) == loader


@given(st.text(min_size=1))
def test_no_attribute_can_add_commands_to_a_script(argument: str) -> None:
    parameters = PARAMETERS._replace(extra=(argument,))
    for loader in boot_scripts.LOADERS:
        try:
            text = boot_scripts.install_script(loader, parameters)
        except DescriptionError as error:
            assert "compute-0-0" in str(error)
        else:
            assert text.count("\n") == boot_scripts.install_script(loader, PARAMETERS).count("\n")
            assert not set(argument) & set("\"'$;&|<>(){}\\` \t\n")
