"""The HTTP service as on a site (nginx, gunicorn, MariaDB that flushes every commit), under load.

10,000 nodes request their kickstart at the same time; 500 requests per second with 10,000 nodes in
the database; 1,000 nodes that report their progress while the page is open; a start. The clients
run on the same processors.
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
from ansible_collections.npaci.rocks.plugins.module_utils.service.report_interval import (
    interval_of,
)
from support import load
from support.kickstarts import write_library
from support.mariadb import server
from support.measure import figure
from support.namespaces import Network, network
from support.profiles import fetched_programs
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

NODES = 10_000
RATE = 500
RATE_SECONDS = 15
REPORTING = 1_000
REPORTS = 3
COMPILATIONS = 60
GENERATION = "4c19e0b2aa17"
# Unlike the tests' server, commits are flushed to the disk, as by default.
DURABLE = (
    *(
        "--innodb-flush-log-at-trx-commit=1",
        "--innodb-flush-method=O_DIRECT",
        "--innodb-doublewrite=1",
        "--sync-frm=1",
    ),
    *("--innodb-log-file-size=96M", "--innodb-buffer-pool-size=256M", "--max-connections=151"),
)
XML = [str(ROOT / "xml"), str(ROOT / "rolls" / "slurm")]
RELEASE = "rhel9"
COMPUTE_0_0 = {
    **{
        "hostname": "compute-0-0",
        "rack": "0",
        "rank": "0",
        "ip": "10.64.0.1",
        "mac": "06:00:00:00:00:00",
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
    programs: int


class Published(NamedTuple):
    """The profile of a compute node; the bytes of its kickstart and of its programs."""

    pin: Pin
    kickstart: int
    programs: int


def publish(install: pathlib.Path) -> Published:
    """Publish the profile of a compute node."""
    profiles = install / ".generations" / "rocks" / "x86_64" / GENERATION / "build" / "profiles"
    profiles.mkdir(parents=True)
    profile = compile_profile(XML, "compute", COMPUTE_0_0, RELEASE)
    write_library(profile_store.ProfileLibrary({"compute": (profile,)}), profiles)
    late = {
        name: "x" * 36
        for name in referenced_attributes(profile)
        if name.startswith("install_") or name == "frontend_url"
    }
    text = render(profile, {**COMPUTE_0_0, **late})
    programs = fetched_programs(text).values()
    return Published(
        pin=Pin("rocks", "x86_64", GENERATION, serialization.profile_sha256(profile)),
        kickstart=len(text.encode()),
        programs=sum(len(program.encode()) for program in programs),
    )


def address(number: int) -> str:
    return f"10.{64 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"


def name(number: int) -> str:
    return f"compute-{number // 40}-{number % 40}"


def mac(number: int) -> str:
    return f"06:00:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


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
            published = publish(place / "install")
            net.server.ip("route", "add", "local", "10.64.0.0/15", "dev", "lo")
            rocks_yml = service_settings(place, f"localhost/cluster?socket={started.socket}")
            with run_site(
                place, net.server, rocks_yml, {"frontend_nginx_access_log": "off"}
            ) as site:
                yield Cluster(
                    site=site,
                    network=net,
                    database=database,
                    database_pid=int((place / "mariadb" / "pid").read_text()),
                    pin=published.pin,
                    kickstart=published.kickstart,
                    programs=published.programs,
                )


def order_all(stage: Cluster, count: int = NODES) -> list[Order]:
    """Cancel all orders, and create new ones."""
    orders.cancel(
        stage.database, orders.list_live(stage.database), by="bench", now=timestamps.now()
    )
    pins = dict.fromkeys(map(name, range(count)), stage.pin)
    results = orders.create_orders(
        stage.database, pins, by="bench", now=timestamps.now(), force=True
    )
    return [result.order for result in results if result.order]


def crowd(
    stage: Cluster, clients: list[dict[str, Any]], *, every: float = 0.0, low: bool = False
) -> dict[str, Any]:
    """Run the clients; return their results."""
    job = json.dumps({"clients": clients, "every": every, "low": low})
    argv = [sys.executable, load.__file__]
    finished = stage.network.server.run(
        argv, timeout=300, stdin=job, env={"PYTHONPATH": str(ROOT / "tests")}
    )
    result: dict[str, Any] = json.loads(finished.stdout)
    return result


def request(number: int, path: str = "/rocks/kickstart") -> str:
    header = f"X-RHN-Provisioning-MAC-0: eth0 {mac(number)}"
    lines = (
        f"GET {path} HTTP/1.1",
        "Host: 10.1.1.1",
        "User-Agent: curl/7.76.1",
        header,
        "Connection: close",
    )
    return "\r\n".join(lines) + "\r\n\r\n"


def kickstarts(numbers: Sequence[int], spacing: float = 0.0) -> list[dict[str, Any]]:
    return [
        {
            "address": address(n),
            "due": spacing * place,
            "requests": [request(n)],
            "want": f"{name(n)}",
        }
        for place, n in enumerate(numbers)
    ]


def count_failed(result: dict[str, Any], count: int) -> int:
    """Return the number of requests without a complete answer of their own."""
    whole = int(result["statuses"].get("200", 0))
    return count - whole + int(result["wrong"])


def percentile(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def cpu_seconds(site: Site, *more: int) -> float:
    """Return the CPU seconds of nginx, gunicorn and other processes, with their children."""
    total = 0.0
    for pid in (site.nginx.pid, site.gunicorn.pid, *more):
        for process_id in (pid, *children(pid)):
            fields = pathlib.Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


def children(pid: int) -> list[int]:
    pids: list[int] = []
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for text in path.read_text().split():
            pids += [int(text), *children(int(text))]
    return pids


def storm(stage: Cluster) -> list[bool]:
    """Measure the requests of all nodes at the same time."""
    order_all(stage)
    before = cpu_seconds(stage.site, stage.database_pid)
    result = crowd(stage, kickstarts(range(NODES)))
    failed = count_failed(result, NODES)
    audited = stage.database.row(
        "select count(*) from audit where action = 'kickstart' and decision = '200'"
    )
    cpu = cpu_seconds(stage.site, stage.database_pid) - before
    failed += result["failed"].get("x", 0)
    return [
        figure(
            f"{NODES:,} kickstarts at once, each with an audit row",
            result["seconds"],
            "s",
            limit=15.0,
            baseline=f"CPU: our servers {cpu:.1f} s, the machines {result['cpu']:.1f} s",
        ),
        figure(
            "… that failed",
            failed,
            "",
            limit=0,
            baseline=f"{result['statuses']} {result['failed']}",
        ),
        figure("… without an audit row", NODES - (audited[0] if audited else 0), "", limit=0),
        figure(
            "… their bytes",
            NODES * stage.kickstart / 1e6,
            "MB",
            limit=NODES * (stage.kickstart + stage.programs) / 1e6 / 5,
            baseline=f"{NODES * (stage.kickstart + stage.programs) / 1e6:,.0f} MB with the programs"
            " in each kickstart, which nginx serves as files of the tree now",
        ),
    ]


def steady(stage: Cluster) -> list[bool]:
    """Measure requests at a constant rate, independent of the earlier ones."""
    count = RATE * RATE_SECONDS
    order_all(stage)
    result = crowd(stage, kickstarts(range(count), 1.0 / RATE))
    latencies = [1000 * second for second in result["latencies"]]
    return [
        figure(
            f"{RATE} kickstarts/s, p99", percentile(latencies, 0.99), "ms", limit=20.0,
            baseline=f"median {percentile(latencies, 0.5):.1f}, longest {latencies[-1]:.1f} ms",
        ),
        figure(
            "… that failed", count_failed(result, count), "",
            limit=0, baseline=str(result["statuses"]),
        ),
    ]  # fmt: skip


def reporting(stage: Cluster) -> list[bool]:
    """Measure nodes that report as often as the service asks them to, while a page is open."""
    order_list = order_all(stage, REPORTING)
    interval = interval_of(REPORTING)
    clients = [
        {
            "address": address(number),
            "due": interval * number / REPORTING,
            "requests": [progress_request(order, interval * count) for count in range(REPORTS + 1)],
            "want": '{"next":',
        }
        for number, order in enumerate(order_list)
    ]
    watcher = watch(stage.network)
    before = cpu_seconds(stage.site, stage.database_pid)
    started = time.monotonic()
    with watcher as answers:
        result = crowd(stage, clients, every=float(interval), low=True)
    cores = (cpu_seconds(stage.site, stage.database_pid) - before) / (time.monotonic() - started)
    news = json.loads(answers[-1][1])
    late = [
        interval * REPORTS - node["done"] for node in news["nodes"] if node["state"] == "installing"
    ]
    return [
        figure(
            f"{REPORTING:,} nodes report every {interval} s: cores", cores, "", limit=0.5,
            baseline="nginx, gunicorn and MariaDB together, the page open",
        ),
        figure(
            "… reports that failed", count_failed(result, REPORTING * (REPORTS + 1)), "",
            limit=0, baseline=str(result["statuses"]),
        ),
        figure("… the page's news, longest answer",
               max(1000 * second for second, _text in answers), "ms", limit=500.0,
               baseline=f"{len(answers)} answers, at the end {max(late, default=0)} s behind"),
    ]  # fmt: skip


def progress_request(order: Order, second: int) -> str:
    """Return the message of a node that has installed one package per second."""
    step = {"phase": "install", "done": second, "total": 400}
    message = {**step, "message": f"Installing package{second}.x86_64", "order": order.uuid}
    body = json.dumps({**message, "age": 0, "steps": []})
    head = f"POST /rocks/events HTTP/1.1\r\nHost: 10.1.1.1\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/json\r\n\r\n{body}"


def starting(stage: Cluster) -> list[bool]:
    """Measure from the start of the service to its first answer."""
    stage.site.gunicorn.stop()
    probe = ["curl", "-sf", "-m", "5", "http://127.0.0.1/rocks/health"]
    started = time.monotonic()
    with run_service(stage.site.folder, stage.site.namespace):
        until(
            lambda: stage.site.namespace.run(probe, timeout=10, ok=range(256)).status == 0,
            20.0,
            "the service to answer",
        )
        return [
            figure(
                "the service starts, until it answers", time.monotonic() - started, "s", limit=1.0
            )
        ]


@contextlib.contextmanager
def watch(net: Network) -> Iterator[list[tuple[float, str]]]:
    """Poll the status every two seconds like a page; yield the seconds and texts of the answers."""
    import threading

    answers: list[tuple[float, str]] = []
    stopped = threading.Event()

    def look() -> None:
        since = ""
        revision = ""
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
            since = news["now"]
            revision = str(news["revision"])
            answers.append((float(seconds), text))
            if stopped.wait(2.0):
                return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield answers
    finally:
        stopped.wait(1.5)  # the last reports are written shortly after
        stopped.set()
        thread.join()


def compile_seconds() -> float:
    """Return the CPU seconds of a kickstart that each request compiles, as the original's CGI."""
    started = time.process_time()
    for _number in range(COMPILATIONS):
        compile_profile(XML, "compute", COMPUTE_0_0, RELEASE)
    return (time.process_time() - started) / COMPILATIONS


def main() -> int:
    with cluster() as stage:
        size = f"{NODES:,} nodes, a kickstart of {stage.kickstart:,} bytes"
        print(f"service: {size}, all on {os.cpu_count()} cores")
        figures = storm(stage) + steady(stage) + reporting(stage) + starting(stage)
    walk = compile_seconds()
    total = NODES * walk / (os.cpu_count() or 1)
    print(
        f"  a compilation in each request instead: {walk * 1000:.0f} ms CPU, "
        f"{total:,.0f} s for {NODES:,}"
    )
    return 0 if all(figures) else 1


if __name__ == "__main__":
    sys.exit(main())
