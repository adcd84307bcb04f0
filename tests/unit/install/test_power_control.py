# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""rocks_power switches nodes, and installs and interrupts nothing."""

from __future__ import annotations

import pathlib
from typing import Any, Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.errors import CommandError, Unavailable
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Pin
from ansible_collections.npaci.rocks.plugins.module_utils.install.power.boot_target import (
    BootTarget,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.power.power_control import (
    ACTIONS,
    PowerResult,
    choose_methods,
    control_power,
    read_status,
)
from ansible_collections.npaci.rocks.plugins.module_utils.process import ProgramResult
from support.modules import run

NODE = "compute-0-0"
NOW = "2026-11-22 09:14:05"


def target(bmc: str = "", **attributes: str) -> BootTarget:
    return BootTarget(node=NODE, address="10.1.2.3", attributes=attributes, bmc=bmc)


class Machine:
    """Answers as the programs do that reach a machine, and records what they do."""

    def __init__(self, *, ssh: bool, on: bool = True) -> None:
        self.ssh = ssh
        self.on = on
        self.calls: list[str] = []

    def __call__(self, argv: Sequence[str], **options: Any) -> ProgramResult:
        words = f"{argv[0]} {' '.join(argv[-2:])} {options.get('stdin', '')}"
        self.calls.append(words)
        if argv[0] == "ssh" and not self.ssh:
            raise CommandError("timed out", "ssh")
        return ProgramResult(0, f"Chassis Power is {'on' if self.on else 'off'}\n", "", 0.0)

    def programs(self) -> list[str]:
        return [call.split()[0] for call in self.calls]


@pytest.mark.parametrize(
    ("node", "action", "expected"),
    [
        (target(), "on", ()),
        (target(), "off", ("ssh",)),
        (target(), "identify", ()),
        (target("10.2.0.3"), "on", ("ipmi",)),
        (target("10.2.0.3"), "cycle", ("ssh", "ipmi")),
        (target("10.2.0.3", bmc_protocol="redfish"), "identify", ("redfish",)),
        (target("10.2.0.3", reinstall_by="reboot"), "on", ("ipmi",)),
        (target(outlet_command="powerman --cycle {node}"), "cycle", ("ssh", "outlet")),
        (target(outlet_command="powerman --cycle {node}"), "on", ()),
        (target(outlet_command="powerman --{action} {node}"), "on", ("outlet",)),
    ],
)
def test_the_attributes_of_a_node_select_its_methods(
    node: BootTarget, action: Any, expected: tuple[str, ...]
) -> None:
    assert choose_methods(node, action) == expected
    assert choose_methods(node, action, power_only=True) == tuple(
        name for name in expected if name != "ssh"
    )


@pytest.mark.parametrize("action", ["on", "off"])
def test_a_node_in_the_requested_state_is_left_alone(action: Any) -> None:
    machine = Machine(ssh=False, on=action == "on")
    assert control_power(target("10.2.0.3"), action, run=machine) == PowerResult(action)
    assert len(machine.calls) == 1


def test_the_system_is_shut_down_before_its_power_is_cut() -> None:
    machine = Machine(ssh=True)
    assert control_power(target("10.2.0.3"), "off", run=machine) == PowerResult("on", "ssh")
    assert "systemctl poweroff" in machine.calls[-1]
    hanging = Machine(ssh=False)
    assert control_power(target("10.2.0.3"), "off", run=hanging) == PowerResult("on", "ipmi")
    assert "power off" in hanging.calls[-1]
    hanging = Machine(ssh=True)
    result = control_power(target("10.2.0.3"), "cycle", run=hanging, power_only=True)
    assert result.method == "ipmi" and "ssh" not in hanging.programs()


def test_a_led_that_cannot_be_lit_forever_is_lit_as_long_as_possible() -> None:
    class Old(Machine):
        def __call__(self, argv: Sequence[str], **options: Any) -> ProgramResult:
            result = super().__call__(argv, **options)
            if argv[-1] == "force":
                raise CommandError("Chassis may not support Force Identify On", "ipmitool")
            return result

    machine = Old(ssh=False)
    assert control_power(target("10.2.0.3"), "identify", run=machine).method == "ipmi"
    assert "identify 255" in machine.calls[-1]


def test_without_a_bmc_only_an_answer_is_proof() -> None:
    assert read_status(target(), run=Machine(ssh=True)) == "on"
    assert read_status(target(), run=Machine(ssh=False)) == "unknown"
    assert read_status(target("10.2.0.3"), run=Machine(ssh=True, on=False)) == "off"


@pytest.mark.parametrize("action", [name for name in ACTIONS if name != "status"])
def test_the_error_contains_each_failure_or_the_remedy(action: Any) -> None:
    with pytest.raises(Unavailable, match=f"{NODE}: .*(BMC|ssh: timed out)"):
        control_power(target(), action, run=Machine(ssh=False))


@pytest.mark.programs
class TestModule:
    """The module, with an outlet that is a real program."""

    @pytest.fixture(autouse=True)
    def outlet(self, table_ii: Database, tmp_path: pathlib.Path) -> pathlib.Path:
        """The file in which the outlets record what they do."""
        record = tmp_path / "outlets"
        command = f"sh -c 'echo $0 $1 >>{record}' {{action}} {{node}}"
        set_attribute(table_ii, "outlet_command", command, Scope())
        return record

    def power(self, database: Database, state: str, **options: Any) -> dict[str, Any]:
        url = database.location.url
        nodes = options.pop("nodes", [NODE, "compute-0-1"])
        return run("rocks_power", nodes=nodes, state=state, power=True, database=url, **options)

    def test_every_node_is_switched_and_the_audit_names_the_user(
        self, table_ii: Database, outlet: pathlib.Path
    ) -> None:
        result = self.power(table_ii, "on")
        assert sorted(outlet.read_text().splitlines()) == ["on compute-0-0", "on compute-0-1"]
        assert result["changed"] and result["msg"] == "2 nodes: 2 done"
        rows = table_ii.rows("select node, action, detail from audit order by node")
        expected = [(name, "power on", "by outlet") for name in (NODE, "compute-0-1")]
        assert [tuple(row) for row in rows] == expected

    def test_check_mode_switches_nothing(self, table_ii: Database, outlet: pathlib.Path) -> None:
        result = self.power(table_ii, "cycle", check=True)
        assert result["nodes"][NODE]["message"] == "cycle by outlet"
        assert result["changed"] and not outlet.exists()

    def test_the_frontend_is_not_switched(self, table_ii: Database, outlet: pathlib.Path) -> None:
        result = self.power(table_ii, "off", nodes=["frontend-0", NODE])
        assert result["failed"] and result["nodes"]["frontend-0"]["state"] == "refused"
        assert outlet.read_text() == f"off {NODE}\n"

    def test_an_installation_is_neither_started_nor_interrupted(
        self, table_ii: Database, outlet: pathlib.Path, pin: Pin
    ) -> None:
        orders.create_orders(table_ii, {NODE: pin}, by="root", now=NOW)
        for state in ("on", "off", "cycle"):
            result = self.power(table_ii, state, nodes=[NODE])
            assert "rocks_install" in result["nodes"][NODE]["message"]
        assert not outlet.exists()
        self.power(table_ii, "cycle", nodes=[NODE], force=True)
        assert outlet.read_text() == f"cycle {NODE}\n"

    def test_an_unknown_node_is_an_error_and_nothing_is_switched(
        self, table_ii: Database, outlet: pathlib.Path
    ) -> None:
        assert "compute-9-9" in self.power(table_ii, "on", nodes=[NODE, "compute-9-9"])["msg"]
        assert not outlet.exists()
