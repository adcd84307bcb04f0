# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Redfish emulator of sushy-tools, with a machine of the lab behind it.

python -m lab.machine.redfish FOLDER ADDRESS PORT
"""

from __future__ import annotations

import json
import operator
import pathlib
import ssl
import sys
import uuid
from typing import Any, Callable

import flask
from sushy_tools import error
from sushy_tools.emulator import main as emulator
from sushy_tools.emulator.resources.systems.base import AbstractSystemsDriver

from .chassis import Chassis, open_chassis

# Redfish's boot sources, and the lab's.
SOURCES = {"Pxe": "network", "Hdd": "disk"}
STATES: dict[str, Callable[[Chassis], None]] = {
    "On": operator.methodcaller("power_on"),
    "ForceOn": operator.methodcaller("power_on"),
    "ForceOff": operator.methodcaller("power_off"),
    "ForceRestart": operator.methodcaller("reset"),
    "GracefulShutdown": operator.methodcaller("press_button"),
    "GracefulRestart": operator.methodcaller("reset"),
}


class Driver(AbstractSystemsDriver):
    """The single system: the machine of the folder."""

    def __init__(self, chassis: Chassis) -> None:
        super().__init__()
        self._chassis = chassis
        self._uuid = str(uuid.uuid5(uuid.NAMESPACE_URL, str(chassis.folder)))
        self._mode = "UEFI" if (chassis.folder / "variables").exists() else "Legacy"

    @property
    def driver(self) -> str:
        return "<lab>"

    @property
    def systems(self) -> list[str]:
        return [self._uuid]

    def uuid(self, identity: str) -> str:
        self._check(identity)
        return self._uuid

    def name(self, identity: str) -> str:
        self._check(identity)
        return self._chassis.folder.name

    def get_power_state(self, identity: str) -> str:
        self._check(identity)
        return "On" if self._chassis.is_on() else "Off"

    def set_power_state(self, identity: str, state: str) -> None:
        self._check(identity)
        if state not in STATES:
            raise error.BadRequest(f"unknown reset type {state}")
        STATES[state](self._chassis)

    def get_boot_device(self, identity: str) -> str:
        self._check(identity)
        first = self._chassis.next_boot() or self._chassis.order()[0]
        return next(source for source, device in SOURCES.items() if device == first)

    def set_boot_device(self, identity: str, boot_source: str) -> None:
        self._check(identity)
        if boot_source not in SOURCES:
            raise error.BadRequest(f"the machine cannot boot from {boot_source}")
        # sushy-tools does not pass on for how many starts it applies.
        holds = flask.request.get_json().get("Boot", {}).get("BootSourceOverrideEnabled", "Once")
        if holds == "Disabled":
            self._chassis.forget_once()
        else:
            others = [device for device in SOURCES.values() if device != SOURCES[boot_source]]
            self._chassis.boot_from(SOURCES[boot_source], *others, once=holds == "Once")

    def get_boot_mode(self, identity: str) -> str:
        self._check(identity)
        return self._mode

    def set_boot_mode(self, identity: str, boot_mode: str) -> None:
        if boot_mode != self._mode:
            raise error.BadRequest(f"the machine's firmware supports {self._mode} only")

    def get_nics(self, identity: str) -> list[dict[str, str]]:
        self._check(identity)
        argv = json.loads((self._chassis.folder / "qemu.json").read_text())
        (mac,) = (
            word.partition("mac=")[2].split(",")[0]
            for word in argv
            if word.startswith("virtio-net-pci")
        )
        return [{"id": mac, "mac": mac}]

    def _check(self, identity: str) -> None:
        if identity != self._uuid:
            raise error.NotFound(f"unknown system {identity}")


class Systems:
    """The class from which the emulator gets its driver."""

    chassis: Chassis

    @classmethod
    def initialize(cls, config: Any, logger: Any) -> Any:
        return lambda: Driver(cls.chassis)


def main(folder: pathlib.Path, address: str, port: int) -> None:
    """Serve until killed."""
    Systems.chassis = open_chassis(folder)
    emulator.fakedriver.FakeDriver = Systems
    service_folder = folder / "redfish"
    (service_folder / "state").mkdir(exist_ok=True)
    emulator.app.configure(
        extra_config={
            "SUSHY_EMULATOR_FAKE_DRIVER": True,
            "SUSHY_EMULATOR_AUTH_FILE": str(service_folder / "users"),
            "SUSHY_EMULATOR_STATE_DIR": str(service_folder / "state"),
        }
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(service_folder / "certificate.pem", service_folder / "key.pem")
    emulator.app.run(host=address, port=port, ssl_context=context)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
