# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controllers switch a machine through IPMI and Redfish, tested with independent clients."""

from __future__ import annotations

import pathlib
from typing import Iterator

import pytest
import sushy
from sushy.auth import BasicAuth

from lab.machine.bmc import Controller, ipmi, redfish
from lab.machine.hardware import Hardware
from lab.machine.machine import Machine, machine
from support.namespaces import Network
from support.waiting import until

ADDRESS = "10.1.3.1"
SECONDS = 60.0


@pytest.fixture
def node(net: Network, folder: pathlib.Path) -> Iterator[Machine]:
    with machine(net, folder / "node", Hardware("52:54:00:00:00:01", memory=256, disk=1)) as new:
        yield new


class TestIpmi:
    """ipmitool against ipmi_sim."""

    @pytest.fixture
    def controller(self, net: Network, node: Machine) -> Iterator[Controller]:
        with ipmi(net, node, ADDRESS) as controller:
            yield controller

    def ipmitool(self, net: Network, controller: Controller, *words: str) -> str:
        login = [
            "-I",
            "lanplus",
            "-C",
            "3",
            "-H",
            controller.address,
            "-U",
            controller.user,
            "-P",
            controller.password,
        ]
        return net.server.run(["ipmitool", *login, *words], timeout=SECONDS).stdout

    def test_power_is_switched_and_reported(
        self, net: Network, node: Machine, controller: Controller
    ) -> None:
        assert self.ipmitool(net, controller, "power", "status") == "Chassis Power is off\n"
        self.ipmitool(net, controller, "power", "on")
        until(node.is_on, SECONDS, "the machine to run")
        assert self.ipmitool(net, controller, "power", "status") == "Chassis Power is on\n"
        before = (node.folder / "pid").read_text()
        self.ipmitool(net, controller, "power", "cycle")
        until(
            lambda: node.is_on() and (node.folder / "pid").read_text() != before,
            SECONDS,
            "another start",
        )
        self.ipmitool(net, controller, "power", "off")
        until(lambda: not node.is_on(), SECONDS, "the machine to be off")

    def test_only_the_next_boot_is_from_the_network(
        self, net: Network, node: Machine, controller: Controller
    ) -> None:
        node.boot_from("disk", "network")
        self.ipmitool(net, controller, "chassis", "bootdev", "pxe")
        assert node.next_boot() == "network"
        self.ipmitool(net, controller, "power", "on")
        until(node.is_on, SECONDS, "the machine to run")
        until(lambda: node.next_boot() == "", SECONDS, "the override to be used up")
        assert node.order() == ["disk", "network"]

    def test_a_wrong_password_switches_nothing(
        self, net: Network, node: Machine, controller: Controller
    ) -> None:
        stranger = Controller(controller.address, controller.port, controller.user, "wrong")
        with pytest.raises(Exception, match="Unable to establish IPMI v2"):
            self.ipmitool(net, stranger, "power", "on")
        assert not node.is_on()


class TestRedfish:
    """OpenStack's client against OpenStack's emulator."""

    @pytest.fixture
    def controller(self, net: Network, node: Machine) -> Iterator[Controller]:
        with redfish(net, node, ADDRESS) as controller:
            yield controller

    def system(self, controller: Controller) -> sushy.resources.system.system.System:
        root = sushy.Sushy(
            f"https://{controller.address}/redfish/v1/",
            auth=BasicAuth(controller.user, controller.password),
            verify=False,
        )
        return root.get_system_collection().get_members()[0]

    @pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
    def test_power_is_switched_and_reported(
        self, net: Network, node: Machine, controller: Controller
    ) -> None:
        def switch() -> None:
            system = self.system(controller)
            assert system.power_state == sushy.PowerState.OFF
            system.set_system_boot_options(
                sushy.BootSource.PXE, enabled=sushy.BootSourceOverrideEnabled.ONCE
            )
            assert node.next_boot() == "network"
            system.reset_system(sushy.ResetType.ON)
            assert node.is_on() and node.next_boot() == ""
            system.refresh(force=True)
            assert system.power_state == sushy.PowerState.ON
            system.reset_system(sushy.ResetType.FORCE_RESTART)
            assert node.is_on()
            system.reset_system(sushy.ResetType.FORCE_OFF)
            assert not node.is_on()

        net.server.call(switch)

    @pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
    def test_a_continuous_boot_source_changes_the_order_of_all_boots(
        self, net: Network, node: Machine, controller: Controller
    ) -> None:
        def order() -> None:
            system = self.system(controller)
            system.set_system_boot_options(
                sushy.BootSource.HDD, enabled=sushy.BootSourceOverrideEnabled.CONTINUOUS
            )
            assert node.order() == ["disk", "network"]
            assert node.next_boot() == ""

        net.server.call(order)

    @pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
    def test_a_wrong_password_switches_nothing(
        self, net: Network, node: Machine, controller: Controller
    ) -> None:
        stranger = Controller(controller.address, controller.port, controller.user, "wrong")
        with pytest.raises(sushy.exceptions.AccessError):
            net.server.call(self.system, stranger)
        assert not node.is_on()
