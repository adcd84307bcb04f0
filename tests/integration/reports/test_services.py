# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Running daemons reload their reports; a daemon that rejects its file gets its old one."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
from typing import Any, Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.cluster import node_changes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.model import NewNode
from ansible_collections.npaci.rocks.plugins.module_utils.errors import CommandError
from ansible_collections.npaci.rocks.plugins.module_utils.reports import write as report_writer
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings
from support.daemons import Daemon, daemon
from support.namespaces import Namespace, Network, network
from support.reporting import serving
from support.reports import into, write
from support.waiting import until

READY_SECONDS = 15.0


@pytest.fixture
def net() -> Iterator[Network]:
    """Yield the paper's network, 10.0.0.0/8."""
    with network("10.1.1.1/8") as net:
        yield net


def site_with(name: str, folder: pathlib.Path, **options: Any) -> Settings:
    """Return a site with one report; its files are in ``folder``."""
    return Settings(reports={name: into(folder, name, **options)})


def dig(server: Namespace, *words: str) -> str:
    return server.run(
        ["dig", "+short", "+tries=1", "+time=2", "@127.0.0.1", "-p", "5353", *words], timeout=10
    ).stdout.strip()


@contextlib.contextmanager
def named(net: Network, folder: pathlib.Path) -> Iterator[tuple[Daemon, list[str]]]:
    """Run BIND on the zones of the report; yield the daemon and the rndc command."""
    folder.chmod(0o755)
    (folder / "key").write_text(
        'key "k" { algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"; };\n'
    )
    (folder / "named.conf").write_text(
        f'include "{folder}/key"; options {{ directory "{folder}"; listen-on port 5353 {{'
        f" 127.0.0.1; }};\n"
        f" listen-on-v6 {{ none; }}; pid-file none; session-keyfile none; recursion no;"
        f' dnssec-validation no; managed-keys-directory "{folder}"; }};\n'
        f'controls {{ inet 127.0.0.1 port 9953 allow {{ any; }} keys {{ "k"; }}; }};\n'
        f'zone "." {{ type hint; file "/dev/null"; }}; include "{folder}/named.rocks.conf";\n'
    )
    rndc = net.server.argv(["rndc", "-k", f"{folder}/key", "-s", "127.0.0.1", "-p", "9953"])
    with net.server.daemon(
        ["named", "-g", "-c", f"{folder}/named.conf"], folder / "named.log"
    ) as handle:
        handle.wait_for("all zones loaded", READY_SECONDS)
        yield handle, rndc


def test_named_resolves_a_new_node_after_a_reload(
    net: Network, described: Database, tmp_path: pathlib.Path
) -> None:
    write(described, site_with("bind", tmp_path, alive=["false"]))
    with named(net, tmp_path) as (handle, rndc):
        site = site_with("bind", tmp_path, alive=[*rndc, "status"], reload=[*rndc, "reload"])
        assert dig(net.server, "compute-0-0.cluster", "A") == "10.255.255.245"
        before = int(dig(net.server, "cluster", "SOA").split()[2])
        node_changes.add_nodes(described, [NewNode()])
        (outcome,) = write(described, site)
        assert outcome.reloaded and len(outcome.files) == 2
        until(
            lambda: dig(net.server, "compute-0-4.cluster", "A") == "10.255.255.254",
            5,
            "the new name",
        )
        assert dig(net.server, "-x", "10.255.255.254") == "compute-0-4.cluster."
        assert int(dig(net.server, "cluster", "SOA").split()[2]) > before
        assert handle.alive()


def test_unbound_resolves_a_new_node_after_a_reload(
    net: Network, described: Database, tmp_path: pathlib.Path
) -> None:
    write(described, site_with("unbound", tmp_path, alive=["false"]))
    (tmp_path / "unbound.conf").write_text(
        f'server:\n  interface: 127.0.0.1\n  port: 5353\n  chroot: ""\n  username: ""\n'
        f'  directory: "{tmp_path}"\n'
        f'  pidfile: "{tmp_path}/pid"\n  do-daemonize: no\n  use-syslog: no\n'
        f"  do-not-query-localhost: no\n"
        f'include: "{tmp_path}/rocks.conf"\n'
        f"remote-control:\n  control-enable: yes\n  control-interface: {tmp_path}/control\n"
        f"  control-use-cert: no\n"
    )
    control = ["unbound-control", "-c", f"{tmp_path}/unbound.conf"]
    with net.server.daemon(
        ["unbound", "-d", "-c", f"{tmp_path}/unbound.conf"], tmp_path / "log"
    ) as handle:
        handle.wait_for("start of service", READY_SECONDS)
        assert dig(net.server, "compute-0-0.cluster", "A") == "10.255.255.245"
        node_changes.add_nodes(described, [NewNode()])
        (outcome,) = write(
            described,
            site_with("unbound", tmp_path, alive=[*control, "status"], reload=[*control, "reload"]),
        )
        assert outcome.reloaded
        until(
            lambda: dig(net.server, "compute-0-4.cluster", "A") == "10.255.255.254",
            5,
            "the new name",
        )
        assert dig(net.server, "-x", "10.255.255.254") == "compute-0-4.cluster."
        assert handle.alive()


def test_nginx_knows_a_new_node_after_a_reload(
    net: Network, described: Database, tmp_path: pathlib.Path
) -> None:
    write(described, site_with("nginx", tmp_path, alive=["false"]))
    (tmp_path / "nginx.conf").write_text(
        f"user root; daemon off; pid {tmp_path}/pid; error_log stderr; events {{ }}\nhttp {{"
        f" include {tmp_path}/rocks-nodes.conf;\n"
        f"access_log off; server {{ listen 10.1.1.1:8080; return 200 $rocks_node; }} }}\n"
    )
    machine = net.client()
    machine.ip("address", "add", "10.255.255.245/8", "dev", "eth0")
    machine.ip("address", "add", "10.255.255.254/8", "dev", "eth0")

    def name(ip: str) -> str:
        return machine.run(
            ["curl", "-s", "-m", "5", "--interface", ip, "http://10.1.1.1:8080/"], timeout=10
        ).stdout

    with net.server.daemon(["nginx", "-c", f"{tmp_path}/nginx.conf"], tmp_path / "log") as handle:
        until((tmp_path / "pid").exists, READY_SECONDS, "nginx to start")
        assert (name("10.255.255.245"), name("10.255.255.254")) == ("compute-0-0", "-")
        node_changes.add_nodes(described, [NewNode()])
        hangup = ["sh", "-c", f"kill -HUP $(cat {tmp_path}/pid)"]
        (outcome,) = write(described, site_with("nginx", tmp_path, alive=["true"], reload=hangup))
        assert outcome.reloaded
        until(lambda: name("10.255.255.254") == "compute-0-4", 5, "the new name")
        assert handle.alive()


@contextlib.contextmanager
def slurmctld(folder: pathlib.Path) -> Iterator[None]:
    """Run Slurm's controller and munge on this host; the controller is restarted when it exits."""
    folder.chmod(0o755)
    (folder / "key").write_bytes(os.urandom(1024))
    (folder / "key").chmod(0o600)
    (folder / "state").mkdir()
    files = [
        f"--{name}={folder}/munge.{name}"
        for name in ("socket", "pid-file", "log-file", "seed-file")
    ]
    (folder / "slurm.conf").write_text(
        f"ClusterName=c\nSlurmctldHost={socket.gethostname()}(127.0.0.1)\nSlurmctldPort=27817\n"
        f"SlurmdPort=27818\n"
        f"AuthInfo=socket={folder}/munge.socket\nSlurmUser=root\nStateSaveLocation={folder}/state\n"
        f"SlurmctldPidFile={folder}/pid\nMailProg=/bin/true\ninclude {folder}/rocks-nodes.conf\n"
    )
    # It resolves the name of every node, hence it runs with the hosts file of the report.
    controller = (
        f"unshare -m sh -c 'mount --bind {folder}/hosts /etc/hosts"
        f" && exec slurmctld -D -i -f {folder}/slurm.conf'"
    )
    with (
        daemon(
            ["munged", "-F", "--force", f"--key-file={folder}/key", *files], folder / "munged.log"
        ) as munged,
        daemon(["sh", "-c", f"while :; do {controller}; done"], folder / "slurmctld.log") as handle,
    ):
        munged.wait_for("Created 2 work threads", READY_SECONDS)
        handle.wait_for("Running as primary controller", READY_SECONDS)
        yield


def test_slurm_knows_a_new_node_with_its_hardware(
    described: Database, tmp_path: pathlib.Path
) -> None:
    env = {"SLURM_CONF": f"{tmp_path}/slurm.conf"}
    alive = ["env", f"SLURM_CONF={tmp_path}/slurm.conf", "scontrol", "ping"]
    restart = ["sh", "-c", f"kill $(cat {tmp_path}/pid)"]

    def reports(**commands: list[str]) -> Settings:
        return Settings(
            reports={"slurm": into(tmp_path, "slurm", **commands), "hosts": into(tmp_path, "hosts")}
        )

    def sinfo() -> str:
        return process.run(
            ["sinfo", "-h", "-N", "-o", "%N %c %m %f"], timeout=20, env=env, ok=(0, 1)
        ).stdout

    write(described, reports(alive=["false"]))
    with slurmctld(tmp_path):
        assert "compute-0-0 16 63360 x86_64,rack0\n" in sinfo() and "compute-0-4" not in sinfo()
        node_changes.add_nodes(described, [NewNode()])
        described.execute(
            "insert into hardware (node, cpus, sockets, cores, threads, memory, counted)"
            " select id, 4, 1, 4, 1, 8000, '2026-11-22 09:14:05' from nodes where name ="
            " 'compute-0-4'"
        )
        _, outcome = write(described, reports(alive=alive, reload=restart))
        assert outcome.reloaded
        until(lambda: "compute-0-4 4 7920" in sinfo(), READY_SECONDS, "the new node")


def test_a_dhcpd_that_stops_gets_its_old_file_and_is_restarted(
    net: Network, described: Database, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_writer, "ALIVE_SECONDS", 2.0)
    with serving("dhcpd", net, tmp_path, described) as site:
        before = (tmp_path / "dhcpd.conf").read_text()
        node_changes.add_nodes(described, [NewNode(mac="52:54:00:00:00:99")])
        # Its check passes but the service stops, as with a full disk or a security policy.
        stop = ["sh", "-c", f"kill $(cat {tmp_path}/pid); : > {tmp_path}/pid; rm {tmp_path}/leases"]
        revive = ["sh", "-c", f"touch {tmp_path}/leases"]
        options = {**site.settings.reports["dhcpd"], "reload": stop, "start": revive}
        with pytest.raises(
            CommandError,
            match=r"not running 2 s .*was restarted",
        ):
            net.server.call(
                _write, Settings(database=described.location.url, reports={"dhcpd": options})
            )
        assert (tmp_path / "dhcpd.conf").read_text() == before
        site.server.wait_for("Server starting service", READY_SECONDS)


def _write(site: Settings) -> None:
    with connect(site.database) as database:
        write(database, site)
