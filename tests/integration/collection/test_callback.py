# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The callback prints the results of ad-hoc commands for people."""

from __future__ import annotations

import json
import pathlib
import subprocess

import pytest

from support.ansible import command

NODE = "name=frontend-0 membership=Frontend ip=10.1.1.1"


@pytest.fixture
def env(tmp_path: pathlib.Path) -> dict[str, str]:
    """The environment of a separate cluster, with the output that the clone configures."""
    config = tmp_path / "rocks.yml"
    config.write_text(f"database: sqlite://{tmp_path}/cluster.sqlite\n")
    env = {"ROCKS_CONFIG": str(config), "ANSIBLE_STDOUT_CALLBACK": "summary"}
    assert run(env, "rocks_database").returncode == 0
    network = run(env, "rocks_network", "-a", "name=private subnet=10.1.0.0/16")
    assert network.stdout.splitlines() == ["private: 10.1.0.0/255.255.0.0, changed"]
    return env


def run(env: dict[str, str], module: str, *words: str) -> subprocess.CompletedProcess[str]:
    return command("ansible", "localhost", "-m", module, *words, env=env)


def test_a_result_is_printed_as_lines(env: dict[str, str]) -> None:
    added = run(env, "rocks_node", "-a", NODE)
    assert added.stdout.split() == ["frontend-0", "10.1.1.1", "added"]
    assert run(env, "rocks_node", "-a", NODE).stdout.split()[-1] == "unchanged"


def test_verbose_output_and_other_modules_have_the_result_as_json(env: dict[str, str]) -> None:
    for module, words, flags in (("rocks_node", ["-a", NODE], ["-v"]), ("ping", [], [])):
        output = run(env, module, *words, *flags).stdout
        assert "changed" in json.loads(output[output.index("{") : output.rindex("}") + 1])


def test_a_failure_is_printed_as_its_message_and_the_command_fails(env: dict[str, str]) -> None:
    failed = run(env, "rocks_node", "-a", "name=x membership=Bogus")
    assert failed.returncode != 0
    (line,) = failed.stdout.splitlines()
    assert line.startswith("localhost | FAILED! => ")
    assert "Bogus" in line


def test_a_difference_is_shown(env: dict[str, str]) -> None:
    changed = run(env, "rocks_attribute", "-a", "name=timezone value=Europe/Zurich", "--diff")
    assert "Europe/Zurich" in changed.stdout
    assert "+++ after" in changed.stdout


def test_a_failed_batch_is_not_attributed_to_its_first_host(
    env: dict[str, str], tmp_path: pathlib.Path
) -> None:
    """Without a distribution both nodes are refused; Ansible's result is that of the first."""
    for number in (0, 1):
        run(env, "rocks_node", "-a", f"mac=52:54:00:00:00:0{number}")
    inventory = tmp_path / "rocks.yml.rocks.yml"
    inventory.write_text("plugin: npaci.rocks.rocks\n")
    words = ("compute", "-i", str(inventory), "-m", "rocks_reinstall", "--check")
    options = ("-a", "scheduler=none")
    output = command("ansible", *words, *options, env=env).stdout
    (line,) = (line for line in output.splitlines() if "FAILED" in line)
    assert line.startswith("rocks_reinstall | FAILED! => 2 nodes: 2 refused (compute-0-0, ")
