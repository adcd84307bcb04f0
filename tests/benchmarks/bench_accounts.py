# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One more user among 1,000: from /etc/passwd on the frontend to /etc/passwd on each of 60 nodes.

Each node is the real program in its own network namespace; the frontend runs the real publisher and
nginx with the role's configuration. A node's time is the modification time of its new file. The
baselines are the published figures of Rocks' 411 (mean 10 s and worst 3 min on 60 nodes), and the
same nodes without notifications, as if every datagram were lost.
"""

from __future__ import annotations

import contextlib
import pathlib
import statistics
import sys
import tempfile
import time
from typing import Iterator, Sequence

from support.accounts import Machine, Person, Publisher, publisher
from support.daemons import Daemon
from support.measure import figure
from support.namespaces import network
from support.site import ROOT, public_folder
from support.waiting import until

NODES = 60
USERS = 1000
ROUNDS = 8
# Limits, in seconds.
NOTIFIED = 5.0
NOT_NOTIFIED = 60.0
PUBLISH = """
import sys
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.watcher import watch_accounts
from ansible_collections.npaci.rocks.plugins.module_utils.accounts.model import AccountPaths
for message in watch_accounts(AccountPaths(*sys.argv[1:4]), sys.argv[4:]):
    print(message, flush=True)
"""


def people(count: int) -> list[Person]:
    return [Person(f"user{number}", 1000 + number, f"User {number}") for number in range(count)]


@contextlib.contextmanager
def publishing(stage: Publisher, networks: Sequence[str]) -> Iterator[Daemon]:
    """Run the publisher of a frontend, which notifies these networks."""
    paths = stage.frontend.paths
    argv = [sys.executable, "-c", PUBLISH, paths.etc, paths.bundle, paths.key, *networks]
    env = {"PYTHONPATH": str(ROOT / ".collections"), "PYTHONDONTWRITEBYTECODE": "1"}
    with stage.network.server.daemon(argv, stage.scratch / "publisher.log", env=env) as running:
        yield running


def spread_of(stage: Publisher, nodes: Sequence[Machine], count: int) -> list[float]:
    """Change the frontend's users; return the seconds until each node has them."""
    started = time.time()
    stage.frontend.have(*people(count))
    newest = people(count)[-1].name
    until(
        lambda: all(node.has(newest) for node in nodes), 2 * NOT_NOTIFIED, f"{newest} on all nodes"
    )
    return [(node.root / "etc" / "passwd").stat().st_mtime - started for node in nodes]


def print_times(what: str, seconds: Sequence[float], limit: float, baseline: str) -> bool:
    """Print the mean and the maximum; return whether the limit is kept."""
    figure(f"{what}, mean", statistics.mean(seconds), "s")
    return figure(
        f"{what}, worst of {len(seconds)}", max(seconds), "s", limit=limit, baseline=baseline
    )


def cost_of_polling(stage: Publisher) -> float:
    """Return the milliseconds of CPU of one request without a new bundle."""
    node = stage.machine(NODES + 1)
    log = pathlib.Path(stage.frontend.paths.bundle).parents[3] / "log" / "access.log"

    def responses() -> int:
        return sum(
            line.startswith(f"10.255.0.{NODES + 1} ") and " 304 " in line for line in log.open()
        )

    with node.follow("--interval", "0.1") as service:

        def cpu_ticks() -> int:
            fields = (
                pathlib.Path(f"/proc/{service.pid}/stat").read_text().rpartition(")")[2].split()
            )
            return int(fields[11]) + int(fields[12])  # user and system, in 10 ms

        until(lambda: responses() >= 5, 60, "the first requests")
        first_response = responses()
        first_tick = cpu_ticks()
        until(lambda: responses() >= first_response + 100, 60, "100 requests")
        return (cpu_ticks() - first_tick) * 10 / (responses() - first_response)


def main() -> int:
    print(f"accounts: one more user among {USERS:,}, on {NODES} nodes")
    with contextlib.ExitStack() as inside:
        place = inside.enter_context(public_folder())
        scratch = pathlib.Path(
            inside.enter_context(tempfile.TemporaryDirectory(prefix="rocks-bench-"))
        )
        stage = inside.enter_context(
            publisher(place, inside.enter_context(network("10.1.1.1/8")), scratch)
        )
        stage.frontend.publish(*people(USERS))
        nodes = [stage.machine(number) for number in range(1, NODES + 1)]
        for node in nodes:
            inside.enter_context(node.follow())
        until(
            lambda: all(node.has(f"user{USERS - 1}") for node in nodes),
            120,
            "all nodes to have their first bundle",
        )
        with publishing(stage, ["10.0.0.0/8"]):
            notified = [spread_of(stage, nodes, USERS + turn) for turn in range(1, ROUNDS + 1)]
        with publishing(stage, []):
            not_notified = spread_of(stage, nodes, USERS + ROUNDS + 1)
        polling = cost_of_polling(stage)
    within_limits = print_times(
        "with notifications",
        [seconds for turn in notified for seconds in turn],
        NOTIFIED,
        "411: mean 10 s, worst 180 s",
    )
    within_limits &= print_times("without notifications", not_notified, NOT_NOTIFIED, "")
    figure("a request once a minute, CPU of the node", polling, "ms")
    return 0 if within_limits else 1


if __name__ == "__main__":
    sys.exit(main())
