# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many nodes at once: the paper's Table I, on its link and with its nodes' demand, at a fifth of its data.

Light nodes install from the real frontend: lease, boot answer, kickstart, secrets, packages by dnf, "installed".  What
they install is small, since all of them share this machine's processors, and what they fetch is mostly noise: so the
frontend is measured.  How long nodes take beside that is theirs, and their times here are longer than the model by what
the processors are shared.
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
from lab.story.meter import Meter, metered, uptime
from lab.story.table import Model, Row
from support import rpms
from support.namespaces import Network
from support.waiting import until

COUNTS = (1, 2, 4, 8, 16, 32)
LOOKED_AT = 16  # of which nothing is demanded to the percent
# The paper's link of 100 Mbit/s, and its nodes, which took 1 MB a second.
LINK, DEMAND = 100e6 / 8, 1e6
SMALL = pathlib.Path(__file__).parent / "story/small"
BALLAST = rpms.Rpm("ballast", summary="Noise to be fetched", padding=34_000_000)
MEMBERSHIP = "Small"
SECONDS, INSTALL_SECONDS = 120.0, 900.0
FETCHING = re.compile(
    r"^\[anaconda \+([\d.]+)\] Downloading (?:packages|\d+ RPMs, .*\(100%\) done\.)\r?$",
    re.MULTILINE,
)


def describe(fe: Frontend) -> None:
    """An appliance of the site's own that is small, and what it has to fetch."""
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
        measured, size = {}, 0.0
        for count in COUNTS:
            with metered(net) as meter, ThreadPoolExecutor(1) as aside:
                chosen = [next(nodes) for _ in range(count)]
                seen = aside.submit(look, fe) if count == LOOKED_AT else None
                measured[count] = install(chosen, meter)
            if seen:
                seen.result()
            size = size or meter.bytes(meter.moments[0], meter.moments[-1])
            laps.lap(f"{count} nodes are installed in {measured[count].seconds:.1f} s")
        states = fe.sql("select state, count(*) from installs group by state")
    model = Model(measured[1].seconds - size / DEMAND, size, DEMAND, LINK)
    keep(table.text(measured, model), table.plot(measured, model))
    assert states == [("installed", str(len(macs)))]
    assert measured[32].share >= 0.95
    for count in (2, 4, 8):
        assert measured[count].fetching == pytest.approx(measured[1].fetching, rel=0.05), (
            "one more costs others nothing"
        )
    # Nodes do not begin in the same moment, so that some fetch while others do not yet.
    late = {
        count: row.fetching
        for count, row in measured.items()
        if row.fetching > 1.1 * model.fetching(count)
    }
    assert not late, "nobody waits for more than the link"


def install(nodes: Sequence[LightNode], meter: Meter) -> Row:
    """Press all power buttons at once, and wait until the last node is installed."""
    with ThreadPoolExecutor(len(nodes)) as power:
        started = uptime()
        assert set(power.map(lambda node: node.run(INSTALL_SECONDS), nodes)) == {"reboot"}
        seconds = uptime() - started
    begun, ended = zip(*(map(float, FETCHING.findall(node.said())) for node in nodes))
    fetching = statistics.mean(ended) - statistics.mean(begun)
    # Half of the nodes have begun, and half of them are not through.
    share = meter.rate(statistics.median(begun), statistics.median(ended)) / LINK
    return Row(seconds, fetching, share)


def look(fe: Frontend) -> None:
    """A picture of the page while nodes are at their packages."""
    counted = "select count(*) from installs where live = 1 and state = 'installing' and done > 0"
    until(
        lambda: int(fe.sql(counted)[0][0]) >= LOOKED_AT / 2,
        INSTALL_SECONDS,
        "half of the nodes to tell their progress",
    )
    fe.picture("page.png")


def keep(text: str, plot: str) -> None:
    place = evidence.OUTPUT / "table-1"
    place.mkdir(parents=True, exist_ok=True)
    (place / "table.txt").write_text(text)
    (place / "plot.svg").write_text(plot)
    print(text)
