# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The machines of make try: QEMU accepts their command lines, and only sockets join them."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
import sys
import tempfile
from typing import Iterator

import pytest
from lab.machine.hardware import BIOS, OVMF, TCG, UEFI_SECURE, Flash
from tryout import __main__ as command
from tryout import host
from tryout.answers import FRONTEND
from tryout.machines import Place, Sizes, assemble_site
from tryout.medium import Medium, Vendor
from tryout.site import NODES, Settings, Site

SMALL = Sizes(frontend_memory=64, frontend_disk=1, node_memory=64, node_disk=1)
PROGRAMS = ("qemu-system-x86_64", "xorriso", "ssh-keygen")
pytestmark = [
    pytest.mark.programs,
    pytest.mark.skipif(
        sys.version_info < (3, 10),
        reason="it builds the collection, which a module's Python cannot",
    ),
    pytest.mark.skipif(
        not all(shutil.which(program) for program in PROGRAMS), reason="requires QEMU and xorriso"
    ),
]


@contextlib.contextmanager
def site(firmware: str, flash: Flash) -> Iterator[Site]:
    """Assemble the machines in a folder with a short name; sockets cannot have long ones."""
    with tempfile.TemporaryDirectory(prefix="try-") as name:
        folder = pathlib.Path(name)
        image = folder / "dvd.iso"
        image.write_bytes(b"\0" * 65536)
        settings = Settings(
            medium=Medium(image, Vendor("Lab", ""), "9.4"),
            firmware=firmware,
            frontend_attributes={},
        )
        try:
            yield assemble_site(Place(folder / "try", flash, TCG, SMALL), settings)
        finally:
            command.clean(folder / "try")


def firmwares() -> list[tuple[str, Flash]]:
    secure = host.find_flash()
    if secure and shutil.which("swtpm"):
        return [(BIOS, OVMF), (UEFI_SECURE, secure)]
    return [(BIOS, OVMF)]


def test_qemu_accepts_the_machines_and_cleaning_switches_them_off() -> None:
    for firmware, flash in firmwares():
        with site(firmware, flash) as assembled:
            assert assembled.machine is not None
            machines = (assembled.machine, *assembled.nodes)
            for machine in machines:
                machine.power_on()
            assert all(machine.is_on() for machine in machines), firmware
            assembled.nodes[0].power_cycle()
            assert assembled.nodes[0].is_on(), firmware
            command.clean(assembled.folder)
            assert not any(machine.is_on() for machine in machines), firmware
            assert not assembled.folder.exists()


def test_the_nodes_have_no_network_but_sockets_of_the_folder_and_names_follow_from_slots() -> None:
    with site(BIOS, OVMF) as assembled:
        words = {
            name: json.loads((assembled.folder / name / "qemu.json").read_text())
            for name in ("frontend", *NODES)
        }
        links = {
            name: [argv[number + 1] for number, word in enumerate(argv) if word == "-netdev"]
            for name, argv in words.items()
        }
        for name in NODES:
            (link,) = links[name]
            assert link.startswith("stream,") and str(assembled.folder) in link
        outside, inside, *cables = links["frontend"]
        assert "hostfwd=tcp:127.0.0.1:" in outside and inside.startswith("hubport,")
        assert all(str(assembled.folder) in link or link.startswith("hubport,") for link in cables)
        cards = [word for word in words["frontend"] if word.startswith("virtio-net-pci")]
        interface = FRONTEND["frontend_private_interface"]
        assert f"addr={int(interface.removeprefix('enp0s')):#x}" in cards[1]
        assert (assembled.folder / "key").stat().st_mode & 0o077 == 0
