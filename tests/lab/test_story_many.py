# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many nodes at once: the paper's Table I, on its link and with its nodes' demand, at a fifth of
its data.

Light nodes install from the real frontend: lease, boot answer, kickstart, secrets, packages by dnf,
"installed". The installation is small, because all nodes share this machine's processors, and most
of the data is noise: so the test measures the frontend. The nodes' times are longer than the
model's, because they share the processors.
"""

from __future__ import annotations

import pathlib
import re
import statistics
from concurrent.futures import ThreadPoolExecutor
from typing import Sequence

import pytest

from lab import evidence
from lab.evidence import Laps
from lab.light.node import LightNode, light_node
from lab.story import table
from lab.story.frontend import Frontend, frontend
from lab.story.meter import Meter, measure_link, uptime
from lab.story.table import Model, Row
from support import rpms
from support.namespaces import Network
from support.waiting import until

COUNTS = (1, 2, 4, 8, 16, 32)
PICTURED = 16  # the run with a picture of the page; its times are not checked exactly
# The paper's link of 100 Mbit/s, and the demand of its nodes, 1 MB per second.
LINK = 100e6 / 8
DEMAND = 1e6
SMALL = pathlib.Path(__file__).parent / "story/small"
BALLAST = rpms.Rpm("ballast", summary="Noise to fetch", padding=34_000_000)
MEMBERSHIP = "Small"
SECONDS = 120.0
INSTALL_SECONDS = 900.0
FETCHING = re.compile(
    r"^\[anaconda \+([\d.]+)\] Downloading (?:packages|\d+ RPMs, .*\(100%\) done\.)\r?$",
    re.MULTILINE,
)


def describe(fe: Frontend) -> None:
    """Add a small appliance, its profile and the data that it fetches."""
    fe.add_profiles(SMALL)
    fe.add_package(BALLAST)
    fe.module("rocks_appliance", name="small", root="small")
    fe.module(
        "rocks_membership", name=MEMBERSHIP, appliance="small", distribution="rocks", compute=False
    )


def test_the_papers_table_1_nodes_that_install_at_once_share_the_link_and_fill_it(
    net: Network, folder: pathlib.Path, laps: Laps
) -> None:
    macs = [f"52:54:00:00:01:{number:02x}" for number in range(sum(COUNTS))]
    with frontend(net, folder / "frontend", describe=describe) as fe:
        laps.lap("the frontend has converged and published a distribution")
        fe.playbook("insert-ethers", {"source": macs, "count": len(macs), "membership": MEMBERSHIP})
        net.limit(f"{LINK * 8:.0f}bit")
        nodes = iter(
            [
                light_node(net, folder / f"n{number}", mac, rate=f"{DEMAND * 8:.0f}bit")
                for number, mac in enumerate(macs)
            ]
        )
        measured = {}
        size = 0.0
        for count in COUNTS:
            with measure_link(net) as meter, ThreadPoolExecutor(1) as aside:
                chosen = [next(nodes) for _ in range(count)]
                picture = aside.submit(look, fe) if count == PICTURED else None
                measured[count] = install(chosen, meter)
            if picture:
                picture.result()
            size = size or meter.bytes(meter.moments[0], meter.moments[-1])
            laps.lap(f"{count} nodes are installed in {measured[count].seconds:.1f} s")
        states = fe.sql("select state, count(*) from installs group by state")
    model = Model(measured[1].seconds - size / DEMAND, size, DEMAND, LINK)
    save(table.text(measured, model), table.plot(measured, model))
    assert states == [("installed", str(len(macs)))]
    assert measured[32].share >= 0.95
    for count in (2, 4, 8):
        assert measured[count].fetching == pytest.approx(measured[1].fetching, rel=0.05), (
            "one more node does not slow the others down"
        )
    # Nodes do not start fetching at the same time.
    late = {
        count: row.fetching
        for count, row in measured.items()
        if row.fetching > 1.1 * model.fetching(count)
    }
    assert not late, "only the link limits the nodes"


def install(nodes: Sequence[LightNode], meter: Meter) -> Row:
    """Switch on all nodes at once, and wait until the last one is installed."""
    with ThreadPoolExecutor(len(nodes)) as power:
        started = uptime()
        assert set(power.map(lambda node: node.run(INSTALL_SECONDS), nodes)) == {"reboot"}
        seconds = uptime() - started
    begun, ended = zip(*(map(float, FETCHING.findall(node.console_text())) for node in nodes))
    fetching = statistics.mean(ended) - statistics.mean(begun)
    # From when half of the nodes have started until half have finished.
    share = meter.rate(statistics.median(begun), statistics.median(ended)) / LINK
    return Row(seconds, fetching, share)


def look(fe: Frontend) -> None:
    """Take a picture of the page while nodes install packages."""
    counted = "select count(*) from installs where live = 1 and state = 'installing' and done > 0"
    until(
        lambda: int(fe.sql(counted)[0][0]) >= PICTURED / 2,
        INSTALL_SECONDS,
        "half of the nodes to report their progress",
    )
    fe.picture("page.png")


def save(text: str, plot: str) -> None:
    folder = evidence.OUTPUT / "table-1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.txt").write_text(text)
    (folder / "plot.svg").write_text(plot)
    print(text)
