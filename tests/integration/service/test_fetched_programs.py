"""An installation fetches its programs from nginx, and ends before it changes a disk otherwise.

The scripts are those of our node files, and run as the installer runs them.
"""

from __future__ import annotations

import pathlib
from typing import Callable

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order
from support.first_scripts import FirstScripts, first_scripts
from support.frontend import publish
from support.profiles import XML, fetched_programs, shipped_files
from support.waiting import until

from .conftest import Stage

SECONDS = 120.0
GRAPH = """<graph>
  <attribute name="install_source" default="network">The source of packages.</attribute>
  <attribute name="frontend_authority" default="">The certificate of the authority.</attribute>
  <edge from="compute"><to>base</to><to>install-order</to><to>progress</to><to>disks</to></edge>
  <edge from="progress" to="programs"/>
  <order head="install-order" tail="programs"/>
  <order head="programs" tail="progress"/>
  <order head="progress" tail="disks"/>
</graph>
"""
DISKS = "<kickstart><pre>\ntouch /run/disks-are-partitioned\n</pre></kickstart>\n"
NODES = ("install-order", "programs", "progress")
REASON = "cannot fetch the installation's programs from http://10.1.1.1/install/.generations/rocks/"


def order_with_programs(stage: Stage, generation: str, node: str = "compute-0-0") -> Order:
    """Publish a generation whose profile has our first scripts, and order a node to install it."""
    files = {name: text for name, text in shipped_files().items() if name.startswith("programs/")}
    for name in NODES:
        files[f"nodes/{name}.xml"] = pathlib.Path(XML, "nodes", f"{name}.xml").read_text("utf-8")
    files.update({"graphs/default/base.xml": GRAPH, "nodes/disks.xml": DISKS})
    orders.cancel(stage.database, orders.list_live(stage.database), by="root", now=timestamps.now())
    pin = publish(stage.site.folder / "install", generation, files=files, current=False)
    (verdict,) = orders.create_orders(
        stage.database, {node: pin}, by="root", now=timestamps.now(), force=True
    )
    assert verdict.order is not None, verdict.reason
    return verdict.order


def program(stage: Stage, order: Order, name: str) -> pathlib.Path:
    """Return the file of a program in the generation of an order."""
    pin = order.pin
    folder = stage.site.folder / "install/.generations" / pin.distribution / pin.arch
    return folder / pin.generation / "build/programs" / name


def is_partitioned(scripts: FirstScripts) -> bool:
    return (scripts.run / "disks-are-partitioned").exists()


def test_the_programs_are_fetched_and_report_the_installation(
    stage: Stage, tmp_path: pathlib.Path
) -> None:
    order = order_with_programs(stage, "5e1f")
    text = stage.node.curl("/rocks/kickstart").text
    with first_scripts(stage.node.namespace, tmp_path, text) as scripts:
        assert (scripts.status, is_partitioned(scripts)) == (0, True)
        assert scripts.programs == fetched_programs(text)
        assert stage.current(order).state == "installing"


@pytest.mark.parametrize(
    ("generation", "damage", "reason"),
    [
        ("5e20", lambda path: path.write_text("#!/bin/sh\n"), "wrong SHA-256 of progress"),
        ("5e21", pathlib.Path.unlink, "404"),
    ],
)
def test_without_its_programs_an_installation_ends_before_the_disks_change(
    stage: Stage,
    tmp_path: pathlib.Path,
    generation: str,
    damage: Callable[[pathlib.Path], object],
    reason: str,
) -> None:
    order = order_with_programs(stage, generation)
    damage(program(stage, order, "progress"))
    text = stage.node.curl("/rocks/kickstart").text
    with first_scripts(stage.node.namespace, tmp_path, text) as scripts:
        assert (scripts.status, is_partitioned(scripts)) == (1, False)
        until(lambda: stage.current(order).state == "failed", SECONDS, "the report")
    reported = stage.current(order).reason
    assert REASON in reported and reported.endswith(reason)
    assert f"The installation stopped: {reported}" in scripts.console.read_text(encoding="utf-8")
