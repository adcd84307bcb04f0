# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The steps of one machine's story on a frontend, each with its checks and its duration."""

from __future__ import annotations

from dataclasses import dataclass

from support.waiting import until

from ..evidence import Laps
from ..machine.machine import Machine
from .frontend import Frontend, playbook

NAME = "compute-0-0"
ADDRESS = "10.1.255.254"
SECONDS = 180.0
INSTALL_SECONDS = 1200.0
STATES = ("ordered", "booted", "installing", "installed", "up")
STATE = "/state/partition1/kept"
# The console starts in %pre, shortly after the order becomes "installing".
TELNET = f"""\
until (exec 3<>/dev/tcp/{ADDRESS}/8000) 2>/dev/null; do sleep 1; done
sleep infinity | telnet {ADDRESS} 8000
"""


@dataclass(frozen=True)
class Story:
    """A frontend, its first machine, and a stopwatch."""

    fe: Frontend
    node: Machine
    laps: Laps

    def integrate(self) -> None:
        """Switch the machine on once while insert-ethers watches; wait until it is up."""
        argv = playbook(
            "insert-ethers", {"count": 1, "seconds": INSTALL_SECONDS, "wait_for_kickstart": True}
        )
        with self.fe.daemon(argv, "insert-ethers.log") as watching:
            watching.wait_for("reading DHCP requests from", SECONDS)
            self.laps.restart()
            self.node.power_on()
            watching.wait_for(f"{NAME} is {self.node.mac}, {ADDRESS}", SECONDS)
            self.lap("entered")
            until(
                lambda: not watching.alive(),
                INSTALL_SECONDS,
                "insert-ethers to see the request for the kickstart",
            )
            assert watching.process.returncode == 0, watching.output()
        for state in ("installing", "installed", "up"):
            self.wait_for(state)

    def wait_for(self, state: str) -> None:
        """Wait until the last order has reached this state or a later one."""
        self.node.wait(
            lambda: self._has_reached(state), INSTALL_SECONDS, f"the order to be {state}"
        )
        self.lap(state)

    def check(self, version: str) -> None:
        """Check an installed node: no failed unit, our package's version, idle in Slurm, runs a
        job.
        """
        assert self.ssh("systemctl is-system-running --wait") == "running\n", self.ssh(
            "systemctl --failed"
        )
        assert self.ssh("hostname") == f"{NAME}\n"
        assert self.ssh("rpm -q --queryformat %{VERSION} site-settings") == version
        until(lambda: self.in_slurm() == "idle\n", SECONDS, f"{NAME} to be idle")
        self.lap("idle in Slurm")
        assert self.fe.run("srun", "--nodes=1", "--chdir=/tmp", "hostname") == f"{NAME}\n"
        self.lap("a job has run")

    def mark(self) -> None:
        """Write a file on the preserved partition, and one on root."""
        self.ssh(f"echo state >{STATE}; echo soft >/root/gone; sync")

    def check_marks(self) -> None:
        """Check that the state is preserved and the operating system is new."""
        assert self.ssh(f"cat {STATE}; test -e /root/gone || echo clean") == "state\nclean\n"

    def reinstall(self) -> None:
        """Run ``rocks_reinstall`` for all compute nodes, while a client watches the console."""
        argv = ["ansible", "compute", "-m", "rocks_reinstall", "-a", "scheduler=slurm"]
        self.laps.restart()
        with self.fe.daemon(argv, "reinstall.log") as running:
            running.wait_for(f"{NAME} sent", SECONDS)
            assert self.in_slurm().startswith("drain")
            self.wait_for("installing")
            with self.fe.daemon(["bash", "-c", TELNET], "telnet.log") as watching:
                self.node.wait(
                    lambda: "Installing " in watching.output(),
                    INSTALL_SECONDS,
                    "packages to be seen on the console",
                )
                self.lap("packages seen by telnet")
            self.fe.picture("page.png")
            self.fe.picture("node.png", f"/rocks/nodes/{NAME}")
            self.wait_for("up")
            self.node.wait(lambda: not running.alive(), SECONDS, "rocks_reinstall to end")
            assert running.process.returncode == 0, running.output()

    def in_slurm(self) -> str:
        """Return the node's state in Slurm."""
        return self.fe.run("sinfo", "--noheader", "--nodes", NAME, "--format=%T")

    def ssh(self, text: str) -> str:
        """Run a line of shell on the node over ssh, as root on the frontend."""
        options = [
            "-o",
            "StrictHostKeyChecking=accept-new",
            "-o",
            "ConnectTimeout=20",
            "-o",
            "BatchMode=yes",
        ]
        return self.fe.run("ssh", *options, f"root@{NAME}", text)

    def _has_reached(self, state: str) -> bool:
        node = f"(select id from nodes where name = '{NAME}')"
        query = f"select state, reason from installs where node = {node}"
        ((now, reason),) = self.fe.sql(f"{query} order by id desc limit 1")
        if now not in STATES:
            raise RuntimeError(f"the order is {now}: {reason}")
        return STATES.index(now) >= STATES.index(state)

    def lap(self, what: str) -> None:
        """Record that this has happened to the machine now."""
        self.laps.lap(what, self.node.cpu_seconds())
