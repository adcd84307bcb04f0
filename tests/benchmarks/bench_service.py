"""The HTTP service as a site runs it (nginx, gunicorn, MariaDB that flushes every commit), under a cluster that comes at once.

10,000 nodes ask for their kickstart in the same moment; 500 requests a second while 10,000 nodes are in the database;
1,000 nodes that report every second while the page is open; a start.  The machines' side runs on the same processors.
Beside ours: a compile of the profile in every request, as the original's CGI did it.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import sys
import time
from typing import Any, Iterator, NamedTuple, Sequence

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.db_grants import grant_role
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order, Pin
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output import (
    profile_store,
    serialization,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import (
    referenced_attributes,
    render,
)
from support import load
from support.kickstarts import write_library
from support.mariadb import server
from support.measure import figure
from support.namespaces import Network, network
from support.site import (
    ROOT,
    SERVICE_ACCOUNT,
    SERVICE_PASSWORD,
    Site,
    public_folder,
    run_service,
    run_site,
    service_settings,
)
from support.waiting import until

NODES, RATE, RATE_SECONDS, REPORTING, REPORT_SECONDS, WALKS = 10_000, 500, 15, 1_000, 20, 60
GENERATION = "4c19e0b2aa17"
# Unlike the tests' server: what is committed is on the disk, as the server's own default has it.
DURABLE = (
    *(
        "--innodb-flush-log-at-trx-commit=1",
        "--innodb-flush-method=O_DIRECT",
        "--innodb-doublewrite=1",
        "--sync-frm=1",
    ),
    *("--innodb-log-file-size=96M", "--innodb-buffer-pool-size=256M", "--max-connections=151"),
)
XML, RELEASE = str(ROOT / "xml"), "rhel9"
COMPUTE_0_0 = {
    **{
        "hostname": "compute-0-0",
        "rack": "0",
        "rank": "0",
        "ip": "10.64.0.1",
        "mac": "02:00:00:00:00:00",
    },
    **{"arch": "x86_64", "membership": "Compute", "appliance": "compute", "distribution": "rocks"},
}
TICKS = os.sysconf("SC_CLK_TCK")


class Cluster(NamedTuple):
    """10,000 nodes and their frontend."""

    site: Site
    network: Network
    database: Database
    database_pid: int
    pin: Pin
    kickstart: int


def publish(install: pathlib.Path) -> tuple[Pin, int]:
    """The profile of our own compute node as a generation; and how long its kickstart is."""
    profiles = install / ".generations" / "rocks" / "x86_64" / GENERATION / "build" / "profiles"
    profiles.mkdir(parents=True)
    profile = compile_profile(XML, "compute", COMPUTE_0_0, RELEASE)
    write_library(profile_store.ProfileLibrary({"compute": (profile,)}), profiles)
    late = {
        name: "x" * 36
        for name in referenced_attributes(profile)
        if name.startswith("install_") or name == "frontend_url"
    }
    return Pin("rocks", "x86_64", GENERATION, serialization.profile_sha256(profile)), len(
        render(profile, {**COMPUTE_0_0, **late})
    )


def address(number: int) -> str:
    return f"10.{64 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"


def name(number: int) -> str:
    return f"compute-{number // 40}-{number % 40}"


def mac(number: int) -> str:
    return f"02:00:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def fill(database: Database) -> None:
    with database.transaction():
        database.execute_many(
            "insert into nodes (mac, name, membership, rack, `rank`, ip) values (?, ?, 2, ?, ?, ?)",
            [(mac(n), name(n), n // 40, n % 40, address(n)) for n in range(NODES)],
        )


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    with (
        public_folder() as place,
        server(place / "mariadb", *DURABLE) as started,
        network("10.1.1.1/16") as net,
    ):
        (place / "mariadb").chmod(0o755)
        url = started.create("cluster")
        with connect(url, check=False) as database:
            migrate(database)
            fill(database)
            grant_role(database, "service", SERVICE_ACCOUNT, password=SERVICE_PASSWORD)
            pin, length = publish(place / "install")
            net.server.ip("route", "add", "local", "10.64.0.0/15", "dev", "lo")
            rocks_yml = service_settings(place, f"localhost/cluster?socket={started.socket}")
            with run_site(
                place, net.server, rocks_yml, {"frontend_nginx_access_log": "off"}
            ) as site:
                yield Cluster(
                    site, net, database, int((place / "mariadb" / "pid").read_text()), pin, length
                )


def order_all(given: Cluster, count: int = NODES) -> list[Order]:
    """Every node ordered anew."""
    orders.cancel(
        given.database, orders.list_live(given.database), by="bench", now=timestamps.now()
    )
    wanted = dict.fromkeys(map(name, range(count)), given.pin)
    said = orders.create_orders(
        given.database, wanted, by="bench", now=timestamps.now(), force=True
    )
    return [one.order for one in said if one.order]


def crowd(
    given: Cluster, clients: list[dict[str, Any]], *, every: float = 0.0, low: bool = False
) -> dict[str, Any]:
    """Let the machines loose; what became of them."""
    job = json.dumps({"clients": clients, "every": every, "low": low})
    argv = [sys.executable, load.__file__]
    done = given.network.server.run(
        argv, timeout=300, stdin=job, env={"PYTHONPATH": str(ROOT / "tests")}
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def ask(number: int, path: str = "/rocks/kickstart") -> str:
    header = f"X-RHN-Provisioning-MAC-0: eth0 {mac(number)}"
    return f"GET {path} HTTP/1.1\r\nHost: 10.1.1.1\r\nUser-Agent: curl/7.76.1\r\n{header}\r\nConnection: close\r\n\r\n"


def kickstarts(numbers: Sequence[int], spacing: float = 0.0) -> list[dict[str, Any]]:
    return [
        {"address": address(n), "due": spacing * place, "requests": [ask(n)], "want": f"{name(n)}"}
        for place, n in enumerate(numbers)
    ]


def good(result: dict[str, Any], count: int) -> int:
    """How many did not get their own, whole answer."""
    whole = int(result["statuses"].get("200", 0))
    return count - whole + int(result["wrong"])


def percentile(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def used(site: Site, *more: int) -> float:
    """CPU seconds of nginx, gunicorn and what else is named, with all that they started."""
    total = 0.0
    for pid in (site.nginx.pid, site.gunicorn.pid, *more):
        for one in (pid, *children(pid)):
            fields = pathlib.Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


def children(pid: int) -> list[int]:
    found: list[int] = []
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for text in path.read_text().split():
            found += [int(text), *children(int(text))]
    return found


def storm(given: Cluster) -> list[bool]:
    """Every node of the cluster in one moment."""
    order_all(given)
    before = used(given.site, given.database_pid)
    result = crowd(given, kickstarts(range(NODES)))
    failed = good(result, NODES)
    states: dict[str, int] = dict(
        given.database.rows("select state, count(*) from installs where live = 1 group by state")
    )
    audited = given.database.row(
        "select count(*) from audit where action = 'kickstart' and decision = '200'"
    )
    cpu = used(given.site, given.database_pid) - before
    return [
        figure(
            f"{NODES:,} kickstarts at once, state, order and audit row", result["seconds"], "s", 15.0,
            f"nginx, gunicorn, MariaDB {cpu:.1f} s CPU, the machines {result['cpu']:.1f} s",
        ),
        figure("… that failed", failed + result["failed"].get("x", 0), "", 0, f"{result['statuses']} {result['failed']}"),
        figure("… orders that are not installing", NODES - states.get("installing", 0), "", 0),
        figure("… without an audit row", NODES - (audited[0] if audited else 0), "", 0),
    ]  # fmt: skip


def steady(given: Cluster) -> list[bool]:
    """Requests at a constant rate, whatever becomes of those before."""
    count = RATE * RATE_SECONDS
    order_all(given)
    result = crowd(given, kickstarts(range(count), 1.0 / RATE))
    latencies = [1000 * second for second in result["latencies"]]
    return [
        figure(
            f"{RATE} kickstarts/s, p99", percentile(latencies, 0.99), "ms", 20.0,
            f"median {percentile(latencies, 0.5):.1f}, longest {latencies[-1]:.1f} ms",
        ),
        figure("… that failed", good(result, count), "", 0, str(result["statuses"])),
    ]  # fmt: skip


def reporting(given: Cluster) -> list[bool]:
    """Nodes that install and report every second, and a page that is open."""
    made = order_all(given, REPORTING)
    crowd(given, kickstarts(range(REPORTING)))
    clients = []
    for number, order in enumerate(made):
        messages = []
        for second in range(REPORT_SECONDS):
            told = {
                "phase": "install",
                "done": second,
                "total": 400,
                "message": f"Installing package{second}.x86_64",
            }
            body = json.dumps({**told, "order": order.uuid})
            head = (
                f"POST /rocks/events HTTP/1.1\r\nHost: 10.1.1.1\r\nContent-Length: {len(body)}\r\n"
            )
            messages.append(f"{head}Content-Type: application/json\r\n\r\n{body}")
        clients.append(
            {
                "address": address(number),
                "due": number / REPORTING,
                "requests": messages,
                "want": "{}",
            }
        )
    watcher = watch(given.network)
    before, started = used(given.site, given.database_pid), time.monotonic()
    with watcher as seen:
        result = crowd(given, clients, every=1.0, low=True)
    cores = (used(given.site, given.database_pid) - before) / (time.monotonic() - started)
    news = json.loads(seen[-1][1])
    late = [
        REPORT_SECONDS - 1 - node["done"] for node in news["nodes"] if node["state"] == "installing"
    ]
    return [
        figure(
            f"{REPORTING:,} nodes report every second: cores", cores, "", 0.5,
            "nginx, gunicorn and MariaDB together, the page open",
        ),
        figure("… reports that failed", good(result, REPORTING * REPORT_SECONDS), "", 0, str(result["statuses"])),
        figure("… the page's news, longest answer", max(1000 * second for second, _text in seen), "ms", 500.0,
               f"{len(seen)} answers, at the end {max(late)} s behind"),
    ]  # fmt: skip


def starting(given: Cluster) -> list[bool]:
    """The service started anew, until it answers."""
    given.site.gunicorn.stop()
    probe = ["curl", "-sf", "-m", "5", "http://127.0.0.1/rocks/health"]
    started = time.monotonic()
    with run_service(given.site.folder, given.site.namespace):
        until(
            lambda: given.site.namespace.run(probe, timeout=10, ok=range(256)).status == 0,
            20.0,
            "the service to answer",
        )
        return [
            figure("the service starts, until it answers", time.monotonic() - started, "s", 1.0)
        ]


@contextlib.contextmanager
def watch(net: Network) -> Iterator[list[tuple[float, str]]]:
    """A page that asks for news every two seconds; what it got, with the seconds that it took."""
    import threading

    seen: list[tuple[float, str]] = []
    ended = threading.Event()

    def look() -> None:
        since, revision = "", ""
        while True:
            query = f"?since={since.replace(' ', '%20')}&revision={revision}" if since else ""
            argv = [
                "curl",
                "-s",
                "-m",
                "20",
                "-w",
                "\n%{time_total}",
                f"http://127.0.0.1/rocks/status{query}",
            ]
            text, _line, seconds = net.server.run(argv, timeout=30).stdout.rpartition("\n")
            news = json.loads(text)
            since, revision = news["now"], str(news["revision"])
            seen.append((float(seconds), text))
            if ended.wait(2.0):
                return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.wait(1.5)  # what came last is written a moment later
        ended.set()
        thread.join()


def walking() -> float:
    """Seconds of CPU for one kickstart when each request compiles it, as the original's CGI."""
    started = time.process_time()
    for _number in range(WALKS):
        compile_profile(XML, "compute", COMPUTE_0_0, RELEASE)
    return (time.process_time() - started) / WALKS


def main() -> int:
    with cluster() as given:
        print(
            f"service: {NODES:,} nodes, a kickstart has {given.kickstart:,} bytes, all on {os.cpu_count()} cores"
        )
        kept = storm(given) + steady(given) + reporting(given) + starting(given)
    walk = walking()
    print(
        f"  a graph walk in each request instead: {walk * 1000:.0f} ms CPU, {NODES * walk / (os.cpu_count() or 1):,.0f} s for {NODES:,}"
    )
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
