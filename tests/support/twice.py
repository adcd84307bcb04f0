# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run each script of a kickstart twice in a scratch root; return how it ends and what changes.

Programs and libraries are the host's. There are stand-ins for what only Red Hat's or a running
system has: systemctl, authselect and the firewall's tool record their arguments, lsblk lists two
blank disks, and a server on loopback sends secrets once, like the frontend. Scripts of the
installer have a path with the programs of its image only.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import textwrap
from typing import Iterable, NamedTuple

from . import installer_image, scratch
from .profiles import PROGRAMS, Section

FRONTEND = "http://127.0.0.1:80"
TREE = "file:///tree"
SECRETS = {
    "munge_key": "m" * 64,
    "node_key": "n" * 64,
    "console_key": "c" * 16,
    "sssd_conf": "[sssd]\n",
}
FOLDERS = ("run", "mnt", "state/partition1", "var/lib", "usr")
# Files of packages that scripts change.
PACKAGE_FILES = {
    "etc/pbs.conf": "PBS_EXEC=/opt/pbs\nPBS_SERVER=CHANGE_THIS_TO_PBS_SERVER_HOSTNAME\n",
    "etc/yum.repos.d/vendor.repo": "[baseos]\n",
    "etc/sysconfig/network": "",
    "etc/munge/README": "",
    "etc/sssd/README": "",
    "etc/ssh/sshd_config": "Port 22\n",
    "etc/security/limits.conf": "",
}
STAND_INS = {
    "systemctl": """\
        #!/bin/sh
        [ "$1" = enable ] || exit 64
        shift
        mkdir -p /etc/systemd/system/enabled
        for unit; do touch "/etc/systemd/system/enabled/$unit"; done
        """,
    "authselect": """\
        #!/bin/sh
        echo "$*" >/etc/authselect.conf
        """,
    "firewall-offline-cmd": """\
        #!/bin/sh
        case $* in
        *--query-*) grep -qxF -- "${*#*query-}" /etc/firewall-rules 2>/dev/null ;;
        *--add-*) echo "${*#*add-}" >>/etc/firewall-rules ;;
        *) exit 64 ;;
        esac
        """,
    "udevadm": "#!/bin/sh\n",
    "lsblk": """\
        #!/bin/sh
        facts='"type": "disk", "size": 107374182400, "ro": false, "rm": false, "tran": "virtio",
        "wwn": null, "serial": null, "mountpoint": null'
        for disk in vda vdb; do
            disks="${disks:+$disks, }{\\"name\\": \\"$disk\\", \\"kname\\": \\"$disk\\", $facts}"
        done
        echo "{\\"blockdevices\\": [$disks]}"
        """,
}
DISK_BYTES = 100 << 30
# The path of scripts: in the installer, only the programs that its image has in every release.
IMAGE = "/opt/bin:/opt/image"
NEW_ROOT = "/opt/bin:/usr/sbin:/usr/bin"

# Runs in the scratch root, with the standard library of the host's Python.
DRIVER = """
import hashlib, http.server, json, os, subprocess, sys, threading

WATCHED = (
    "/etc", "/run", "/state", "/var/lib", "/usr/libexec/rocks", "/root", "/export", "/opt", "/boot",
)
VOLATILE = (".log", ".pid")  # of background programs
job = json.load(open("/scripts/job"))
sent = []

class Frontend(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b"{}"
        if self.path == "/rocks/secrets":
            if sent:
                self.send_error(410)
                return
            sent.append(self.path)
            body = json.dumps({"secrets": job["secrets"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

def snapshot():
    files_by_path = {}
    for top in WATCHED:
        for folder, folders, files in os.walk(top):
            for name in folders + files:
                path = os.path.join(folder, name)
                if path.startswith("/run/") and path.endswith(VOLATILE):
                    continue
                state = os.lstat(path)
                content = os.readlink(path) if os.path.islink(path) else ""
                if os.path.isfile(path) and not os.path.islink(path):
                    content = hashlib.sha256(open(path, "rb").read()).hexdigest()
                files_by_path[path] = [state.st_mode, state.st_uid, state.st_gid, content]
    return files_by_path

server = http.server.ThreadingHTTPServer(("127.0.0.1", 80), Frontend)
threading.Thread(target=server.serve_forever, daemon=True).start()
results = []
for number, (script, folders) in enumerate(job["scripts"]):
    path = "/scripts/%02d" % number
    open(path, "w").write(script)
    runs, states = [], []
    for _run in range(2):
        log = open("/scripts/log", "w+")
        env = {"PATH": folders, "HOME": "/root", "LANG": "C.UTF-8"}
        status = subprocess.run(
            ["/bin/bash", path], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env
        ).returncode
        log.seek(0)
        runs.append([status, log.read()])
        states.append(snapshot())
    first, second = states
    changed = sorted(name for name in {*first, *second} if first.get(name) != second.get(name))
    results.append({"runs": runs, "changed": changed, "files": len(second)})
print(json.dumps(results))
"""


class ScriptResult(NamedTuple):
    """The result of a script.

    The statuses and the output of both runs, the files that the second run changed, and the number
    of files.
    """

    node: str
    statuses: tuple[int, int]
    output: str
    changed: tuple[str, ...]
    files: int


def outside(script: Section) -> bool:
    """Return whether a script runs in the installer, not in the installed system."""
    return script.kind != "post" or not script.in_chroot


def run(folder: pathlib.Path, scripts: Iterable[Section]) -> list[ScriptResult]:
    """Run the scripts, except %onerror, in a new scratch root under ``folder``."""
    selected = [script for script in scripts if script.kind != "onerror"]
    root = scratch.make(folder)
    for name in (*FOLDERS, "scripts", "opt/bin"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "mnt/sysimage").symlink_to("/")
    shutil.copytree(PROGRAMS, root / "tree/build/programs")
    for name, text in PACKAGE_FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for name, text in STAND_INS.items():
        program = root / "opt/bin" / name
        program.write_text(textwrap.dedent(text))
        program.chmod(0o755)
    (root / "opt/image").mkdir()
    for name in frozenset.intersection(*map(installer_image.programs, installer_image.RELEASES)):
        path = shutil.which(name)
        if path:
            (root / "opt/image" / name).symlink_to(path)
    job = {
        "secrets": SECRETS,
        "scripts": [[script.text, IMAGE if outside(script) else NEW_ROOT] for script in selected],
    }
    (root / "scripts/job").write_text(json.dumps(job))
    (root / "scripts/driver.py").write_text(DRIVER)
    finished = scratch.run(
        root, f"truncate --size={DISK_BYTES} /dev/vda /dev/vdb; python3 /scripts/driver.py", 120
    )
    assert finished.stdout, finished.stderr
    return [
        ScriptResult(
            node=script.node,
            statuses=(result["runs"][0][0], result["runs"][1][0]),
            output="\n".join(text for _status, text in result["runs"]),
            changed=tuple(result["changed"]),
            files=result["files"],
        )
        for script, result in zip(selected, json.loads(finished.stdout))
    ]
