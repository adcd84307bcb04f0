"""A frontend that does not answer at the end of an installation: the node reports it at first boot.

The last script of the kickstart and the first boot's program run in a mount namespace with folders
of their own; the time that the script waits is a few seconds instead of an hour.
"""

from __future__ import annotations

import http.server
import json
import pathlib
import shlex
import socket
import subprocess
import sys
import threading
from typing import Any, ClassVar

from support.profiles import PROGRAMS, fetched_programs, kickstart, scripts

RELEASE = "rhel9"
SECONDS = 120
WAIT = 2
OWN_FOLDERS = ("/run/rocks", "/mnt", "/etc/rocks", "/usr/libexec/rocks")


def run(folder: pathlib.Path, command: str) -> int:
    """Run a command with the node's folders; return its exit status."""
    mounts = ""
    for path in OWN_FOLDERS:
        (folder / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
        mounts += f"mkdir -p {path}; mount --bind {folder}{path} {path}; "
    return subprocess.run(
        ["unshare", "--mount", "bash", "-c", f"{mounts} {command}"], timeout=SECONDS, check=False
    ).returncode


def program(folder: pathlib.Path, path: str, text: str) -> None:
    """Write an executable of the node."""
    file = folder / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)


def node(folder: pathlib.Path, url: str) -> str:
    """Write the programs of an installed node, and return the last script of its kickstart."""
    text = kickstart("compute", RELEASE, installed_report_seconds=str(WAIT))
    sections = scripts(text, RELEASE)
    python = f"exec {shlex.quote(sys.executable)} "
    frontend = f'--url {url} --order 1 "$@"\n'
    program(
        folder,
        "/run/rocks/bin/installation",
        f"#!/bin/sh\n{python}{PROGRAMS}/installation.py {frontend}",
    )
    program(
        folder,
        "/usr/libexec/rocks/progress",
        f"#!/bin/sh\n{python}{PROGRAMS}/progress.py {frontend}",
    )
    program(folder, "/usr/libexec/rocks/manifest", "#!/bin/sh\necho bash-5.1.8-9.el9.x86_64\n")
    program(folder, "/run/rocks/bin/script-end", fetched_programs(text)["script-end"])
    program(folder, "/usr/libexec/rocks/report-up", fetched_programs(text)["report-up"])
    for name in ("profile", "generation"):
        (folder / "etc/rocks").mkdir(parents=True, exist_ok=True)
        (folder / "etc/rocks" / name).write_text("0123456789ab\n")
    (folder / "mnt/sysimage/etc/rocks").mkdir(parents=True)
    (last,) = [section for section in sections if "installed --seconds" in section.text
               and section.kind == "post" and not section.in_chroot]  # fmt: skip
    return last.text


class Frontend(http.server.BaseHTTPRequestHandler):
    """Records the phases of the reports."""

    phases: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        event: Any = json.loads(body)
        self.phases.append(event.get("phase", "hardware") if isinstance(event, dict) else "")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_a_node_that_could_not_report_its_installation_does_so_at_its_first_boot(
    tmp_path: pathlib.Path,
) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    script = node(tmp_path, f"http://127.0.0.1:{port}")

    (tmp_path / "script").write_text(script)
    assert run(tmp_path, f"exec bash {tmp_path}/script") == 0, "the installation ends well"
    late = tmp_path / "mnt/sysimage/etc/rocks/report-installed"
    assert late.exists()

    late.rename(tmp_path / "etc/rocks/report-installed")
    Frontend.phases = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Frontend)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        assert run(tmp_path, "exec /usr/libexec/rocks/report-up") == 0
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert Frontend.phases[0] == "installed" and Frontend.phases[-1] == "up"
    assert (tmp_path / "etc/rocks/reported").exists()
