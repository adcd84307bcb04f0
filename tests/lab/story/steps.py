# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What happens to one machine of a frontend, step by step, each with its proof and its time."""

from __future__ import annotations

from dataclasses import dataclass

from support.waiting import until

from ..evidence import Laps
from ..machine.machine import Machine
from .frontend import Frontend, playbook

NAME, ADDRESS = "compute-0-0", "10.1.255.254"
SECONDS, INSTALL_SECONDS = 180.0, 1200.0
STATES = ("ordered", "booted", "installing", "installed", "up")
STATE = "/state/partition1/kept"
# The console is there from %pre on, a moment after the order says that the node installs.
TELNET = f"""\
until (exec 3<>/dev/tcp/{ADDRESS}/8000) 2>/dev/null; do sleep 1; done
sleep infinity | telnet {ADDRESS} 8000
"""


@dataclass(frozen=True)
class Story:
    """A frontend, the first machine that it will ever see, and a watch."""

    fe: Frontend
    node: Machine
    laps: Laps

    def integrate(self) -> None:
        """The machine is switched on once, while insert-ethers watches; all else follows."""
        argv = playbook(
            "insert-ethers", {"count": 1, "timeout": INSTALL_SECONDS, "wait_for_kickstart": True}
        )
        with self.fe.daemon(argv, "insert-ethers.log") as watching:
            watching.wait_for("reading DHCP requests from", SECONDS)
            self.laps.restart()
            self.node.power_on()
            watching.wait_for(f"added {NAME}: {self.node.mac}, {ADDRESS}", SECONDS)
            self.lap("entered")
            until(
                lambda: not watching.alive(),
                INSTALL_SECONDS,
                "insert-ethers to see the kickstart asked for",
            )
            assert watching.process.returncode == 0, watching.output()
        for state in ("installing", "installed", "up"):
            self.wait_for(state)

    def wait_for(self, state: str) -> None:
        """Wait until the last order has come to this state, or beyond."""
        self.node.wait(lambda: self._reached(state), INSTALL_SECONDS, f"the order to be {state}")
        self.lap(state)

    def check(self, version: str) -> None:
        """What an installed node must be: whole, with our package in this version, idle in the scheduler, and useful."""
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
        """Leave a file on the partition that is kept, and one on root."""
        self.ssh(f"echo state >{STATE}; echo soft >/root/gone; sync")

    def check_marks(self) -> None:
        """State is kept, the operating system is new."""
        assert self.ssh(f"cat {STATE}; test -e /root/gone || echo clean") == "state\nclean\n"

    def reinstall(self) -> None:
        """``rocks_reinstall`` for the group of all compute nodes, while somebody watches the console."""
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
        """The node's state as Slurm tells it."""
        return self.fe.run("sinfo", "--noheader", "--nodes", NAME, "--format=%T")

    def ssh(self, text: str) -> str:
        """Run a line of shell on the node, as root on the frontend does it."""
        options = [
            "-o",
            "StrictHostKeyChecking=accept-new",
            "-o",
            "ConnectTimeout=20",
            "-o",
            "BatchMode=yes",
        ]
        return self.fe.run("ssh", *options, f"root@{NAME}", text)

    def _reached(self, state: str) -> bool:
        query = f"select state, reason from installs where node = (select id from nodes where name = '{NAME}')"
        ((now, reason),) = self.fe.sql(f"{query} order by id desc limit 1")
        if now not in STATES:
            raise RuntimeError(f"the order has {now}: {reason}")
        return STATES.index(now) >= STATES.index(state)

    def lap(self, what: str) -> None:
        """Note that this has happened to the machine now."""
        self.laps.lap(what, self.node.cpu_seconds())
