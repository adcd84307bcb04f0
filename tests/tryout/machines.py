# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The virtual machines: a frontend with two network cards, and two nodes behind it.

The nodes' network is a hub in the frontend's QEMU, and its cables are Unix sockets in the folder of
the try. Nothing outside has access to it, and none of this needs root. The frontend reaches the
internet through QEMU's own network, and this machine reaches the frontend through one of its ports.
"""

from __future__ import annotations

import pathlib
import socket
from dataclasses import dataclass

from lab.machine.hardware import BIOS, Flash, Hardware, command_line
from lab.machine.machine import assemble

from ansible_collections.npaci.rocks.plugins.module_utils import files

from .answers import build_collection, frontend_kickstart, make_image
from .frontend import SshFrontend, new_key
from .site import NODES, Settings, Site

FRONTEND_MACS = ("52:54:00:52:00:01", "52:54:00:52:00:02")
NODE_MAC = "52:54:00:52:01:{:02x}"
HUB = 1
SSH_CONFIG = """\
Host frontend
    HostName 127.0.0.1
    Port {port}
    User root
    IdentityFile {key}
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
"""


@dataclass(frozen=True)
class Sizes:
    """Memory in MiB, disks in GiB (which take the space that is written)."""

    frontend_memory: int = 4096
    frontend_disk: int = 100
    node_memory: int = 3072
    node_disk: int = 60


@dataclass(frozen=True)
class Place:
    """Where and how machines run."""

    folder: pathlib.Path
    flash: Flash
    accelerator: str
    sizes: Sizes = Sizes()


def assemble_site(place: Place, settings: Settings) -> Site:
    """Assemble the frontend and its nodes, which are off.

    Raises CommandError or DescriptionError if the kickstart or its image cannot be made.
    """
    folder = place.folder
    folder.mkdir(parents=True)
    key = new_key(folder)
    port = free_port()
    files.replace(str(folder / "ssh_config"), SSH_CONFIG.format(port=port, key=key))
    attributes = {
        "mac": FRONTEND_MACS[0],
        "root_public_key": key.with_suffix(".pub").read_text().strip(),
        "scheduler": settings.scheduler,
        **settings.frontend_attributes,
    }
    kickstart = frontend_kickstart(
        folder, settings.medium.release, settings.medium.repositories(), attributes
    )
    answers = make_image(folder, kickstart, build_collection(folder))
    sockets = [folder / f"cable-{number}" for number in range(len(NODES))]
    frontend = _frontend_hardware(place, settings, answers)
    argv = [
        *command_line(
            frontend,
            folder / "frontend",
            [f"user,hostfwd=tcp:127.0.0.1:{port}-:22", f"hubport,hubid={HUB}"],
            place.accelerator,
        ),
        *_cables(sockets),
    ]
    machine = assemble(frontend, folder / "frontend", argv, ("disk", "medium"))
    nodes = []
    for number, name in enumerate(NODES):
        hardware = _node_hardware(place, settings, number)
        link = f"stream,server=off,addr.type=unix,addr.path={sockets[number]}"
        argv = command_line(hardware, folder / name, [link], place.accelerator)
        nodes.append(assemble(hardware, folder / name, argv))
    return Site(
        settings=settings,
        folder=folder,
        frontend=SshFrontend(port, key),
        nodes=nodes,
        machine=machine,
    )


def free_port() -> int:
    """Return a TCP port of this machine that no program uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _frontend_hardware(place: Place, settings: Settings, answers: pathlib.Path) -> Hardware:
    return Hardware(
        mac=FRONTEND_MACS[0],
        second_mac=FRONTEND_MACS[1],
        firmware=settings.firmware,
        memory=place.sizes.frontend_memory,
        disk=place.sizes.frontend_disk,
        flash=place.flash,
        ipv6=False,
        medium=settings.medium.path,
        answers=answers,
        tpm=_has_tpm(settings, place),
    )


def _node_hardware(place: Place, settings: Settings, number: int) -> Hardware:
    return Hardware(
        mac=NODE_MAC.format(number + 1),
        firmware=settings.firmware,
        memory=place.sizes.node_memory,
        disk=place.sizes.node_disk,
        flash=place.flash,
        ipv6=False,
        tpm=_has_tpm(settings, place),
    )


def _has_tpm(settings: Settings, place: Place) -> bool:
    return settings.firmware != BIOS and place.flash.needs_smm


def _cables(sockets: list[pathlib.Path]) -> list[str]:
    """Return QEMU's options for the sockets of the nodes, all on one hub."""
    words = []
    for number, path in enumerate(sockets):
        cable = f"stream,id=cable{number},server=on,addr.type=unix,addr.path={path}"
        port = f"hubport,id=port{number},hubid={HUB},netdev=cable{number}"
        words += ["-netdev", cable, "-netdev", port]
    return words
