# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An unknown machine becomes compute-0-0, works, and is reinstalled with newer software."""

from __future__ import annotations

import pathlib
from dataclasses import replace

from lab.distribution.sources import LOCAL
from lab.evidence import Laps
from lab.machine.hardware import Hardware
from lab.machine.machine import machine
from lab.story.frontend import frontend
from lab.story.steps import Story
from support.namespaces import Network

NODE = Hardware("52:54:00:00:00:01")
NEWER = replace(LOCAL, version="1.1")


def test_an_unknown_bios_machine_becomes_a_compute_node_works_and_is_reinstalled(
    net: Network, folder: pathlib.Path, laps: Laps
) -> None:
    with frontend(net, folder / "frontend") as fe, machine(net, folder / "node", NODE) as node:
        laps.lap("the frontend has converged and published a distribution")
        story = Story(fe, node, laps)
        story.integrate()
        story.check(LOCAL.version)

        story.mark()
        fe.add_package(NEWER)
        assert "1 upgraded" in fe.publish()
        story.reinstall()
        story.check(NEWER.version)
        story.check_marks()
