"""What a user without root privileges sends from a node never changes how its machine installs."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Optional

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order
from support.waiting import until

from .conftest import CurlResponse, Machine, Stage

NOBODY = 65534
MAC_HEADER = ("-H", "X-RHN-Provisioning-MAC-0: eth0 00:50:8b:e0:3a:a7")
KICKSTART = re.compile(r"inst\.ks=http://[^/ ]+(\S+)")
AS_IPXE = ("-A", "iPXE/1.21.1")
AS_GRUB = ("-A", "GRUB 2.06")
AS_FIRMWARE = ("-A", "UefiHttpBoot/1.0")  # Red Hat's GRUB, over the firmware's HTTP client
AS_ROOT = ("--local-port", "600-1023")  # the script of kexec and grub (install/power/ssh_boot.py)
# Each way to the installer: the path and the options with which the machine requests its boot
# answer.  A boot medium requests none.
WAYS: dict[str, tuple[str, ...]] = {
    "ipxe": ("/rocks/boot", *AS_IPXE),
    "ipxe-script": ("/rocks/boot?form=ipxe", *AS_IPXE),
    "grub": ("/rocks/boot?form=grub", *AS_GRUB),
    "grub-configuration": ("/boot/x86_64/grub.cfg", *AS_GRUB),
    "grub-of-debian": ("/grub/grub.cfg", *AS_GRUB),
    "http-boot": ("/boot/x86_64/grub.cfg", *AS_FIRMWARE),
    "kexec": ("/rocks/boot?form=ipxe", *AS_ROOT),
    "medium": (),
}


def request_everything(machine: Machine, order: Order) -> list[CurlResponse]:
    """Send what a user can: every boot request, the kickstart that it names, and every message."""

    def get(path: str, *options: str) -> CurlResponse:
        return machine.curl(path, *options, user=NOBODY)

    responses = [get("/rocks/boot")]
    for way in filter(None, WAYS.values()):
        if AS_ROOT[0] not in way:
            response = get(*way)
            responses += [response, *(get(path) for path in KICKSTART.findall(response.text))]
    responses += [get("/rocks/kickstart"), get("/rocks/kickstart", *MAC_HEADER)]
    responses.append(machine.post("/rocks/secrets", ports="", user=NOBODY, order=order.uuid))
    for phase in ("installing", "hardware", "install", "installed", "failed", "up"):
        responses.append(
            machine.post("/rocks/events", ports="", user=NOBODY, order=order.uuid, phase=phase)
        )
    return responses


def curl(machine: Machine, path: str, *options: str, user: int = 0) -> CurlResponse:
    """Send a request, again while the limit of the machine's address refuses it."""

    def send() -> Optional[CurlResponse]:
        response = machine.curl(path, *options, user=user)
        return response if response.status != 429 else None

    response = until(send, 60.0, "a request within the limit")
    assert response is not None
    return response


def post(machine: Machine, path: str, **message: Any) -> CurlResponse:
    """Send a message as root, again while the limit of the machine's address refuses it."""
    return curl(machine, path, *AS_ROOT, "--json", json.dumps(message))


def boot(machine: Machine, way: tuple[str, ...]) -> str:
    """Start the machine in this way, and return the path of its kickstart."""
    if not way:
        return "/rocks/kickstart"
    (path,) = set(KICKSTART.findall(curl(machine, *way).text))
    return str(path)


def install(stage: Stage, order: Order, kickstart: str, disturb: Callable[[], object]) -> None:
    """Go through an installation as the profile's programs do."""
    assert curl(stage.node, kickstart, *MAC_HEADER).status == 200
    disturb()
    for path, phase in (
        ("/rocks/events", "installing"),
        ("/rocks/secrets", "secrets"),
        ("/rocks/events", "install"),
        ("/rocks/events", "installed"),
    ):
        assert post(stage.node, path, order=order.uuid, phase=phase).status == 200
    disturb()
    response = post(
        stage.node,
        "/rocks/events",
        order=order.uuid,
        phase="up",
        profile=order.pin.profile,
        generation=order.pin.generation,
    )
    assert response.status == 200


@pytest.mark.parametrize("name", WAYS)
def test_a_user_cannot_use_up_the_order_of_the_node(stage: Stage, name: str) -> None:
    order = stage.order()

    def disturb() -> None:
        assert all(
            response.status in (200, 400, 403, 409, 429)
            for response in request_everything(stage.node, order)
        )

    disturb()
    assert stage.current(order).state in ("ordered", "booted")
    kickstart = boot(stage.node, WAYS[name])
    disturb()
    install(stage, order, kickstart, disturb)
    disturb()
    current = stage.current(order)
    assert (current.state, current.suspect) == ("up", False)


@pytest.mark.parametrize(
    "path", ["/rocks/boot?form=ipxe", "/rocks/boot?form=grub", "/grub/grub.cfg", "/rocks/kickstart"]
)
def test_a_request_that_is_not_from_firmware_or_root_does_not_change_an_order(
    stage: Stage, path: str
) -> None:
    order = stage.order()
    assert curl(stage.node, path, user=NOBODY).status == 200
    assert stage.current(order) == order


@pytest.mark.parametrize("name", [name for name in WAYS if WAYS[name]])
def test_a_request_of_firmware_or_root_marks_the_order_as_booted(stage: Stage, name: str) -> None:
    order = stage.order()
    boot(stage.node, WAYS[name])
    assert stage.current(order).state == "booted"


def test_a_machine_that_restarts_before_its_installer_has_started_boots_it_again(
    stage: Stage,
) -> None:
    order = stage.order()
    for _start in range(3):
        kickstart = boot(stage.node, WAYS["grub"])
        assert curl(stage.node, kickstart, *MAC_HEADER).status == 200
    assert post(stage.node, "/rocks/events", order=order.uuid, phase="installing").status == 200
    assert "inst.ks" not in curl(stage.node, *WAYS["grub"]).text
    assert stage.current(order).state == "failed"
