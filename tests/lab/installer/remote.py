# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Remote access to the installer: inst.sshd with sshpw, inst.syslog and logging --host."""

from __future__ import annotations

import pathlib
from typing import Any

from . import screen
from .programs import run

SYSLOG = """\
module(load="imfile")
template(name="lab" type="string" string="<%PRI%>%TIMESTAMP% %HOSTNAME% %syslogtag% %msg%\\n")
{inputs}
*.* action(type="omfwd" target="{host}" port="{port}" protocol="tcp" template="lab")
"""
INPUT = (
    'input(type="imfile" File="/tmp/{name}.log" Tag="{name}:" Severity="info" Facility="local1")'
)
LOGS = ("anaconda", "storage", "program", "packaging")
SSHD = ["/usr/sbin/sshd", "-o", "UsePAM=no", "-o", "PermitRootLogin=yes"]


def boot_arguments() -> list[str]:
    """Return the kernel's command line, and what dracut adds to it for the kickstart's options."""
    words = pathlib.Path("/proc/cmdline").read_text().split()
    for line in pathlib.Path("/run/install/ks.cfg").read_text().splitlines():
        if line.split()[:1] == ["text"] and "--non-interactive" in line.split():
            words.append("inst.noninteractive")
        if line.startswith("%"):
            break
    return words


def word(name: str) -> str:
    """Return the value of ``NAME=VALUE`` on the kernel's command line; "" without one."""
    values = [
        text.partition("=")[2]
        for text in pathlib.Path("/proc/cmdline").read_text().split()
        if text.startswith(f"{name}=")
    ]
    return values[-1] if values else ""


def start(kickstart: Any) -> None:
    """Start the services that the command line and the kickstart request."""
    host = kickstart.logging.host
    port = kickstart.logging.port
    if word("inst.syslog"):
        host, _, port = word("inst.syslog").partition(":")
    if host:
        _start_syslog(host, port or "514")
    if "inst.sshd" in pathlib.Path("/proc/cmdline").read_text().split():
        _start_sshd(kickstart)


def _start_syslog(host: str, port: str) -> None:
    path = pathlib.Path("/etc/rsyslog.conf")
    path.write_text(
        SYSLOG.format(
            inputs="\n".join(INPUT.format(name=name) for name in LOGS), host=host, port=port
        )
    )
    run(["rsyslogd"])
    screen.log("anaconda", f"logs go to {host}:{port}")


def _start_sshd(kickstart: Any) -> None:
    pathlib.Path("/run/sshd").mkdir(exist_ok=True)
    pathlib.Path("/etc/ssh/sshd_config").write_text("HostKey /run/sshd/key\n")
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/run/sshd/key"])
    for account in kickstart.sshpw.sshUserList:
        if account.sshkey:
            folder = pathlib.Path("/root/.ssh")
            folder.mkdir(mode=0o700, exist_ok=True)
            (folder / "authorized_keys").write_text(f"{account.password}\n")
        else:
            run(
                ["chpasswd", *(["-e"] if account.isCrypted else [])],
                stdin=f"{account.username}:{account.password}\n",
            )
    run(SSHD)
