# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask a live node over ssh what it has.  It is told to read, and nothing else."""

from __future__ import annotations

from ... import process
from ...errors import CommandError
from ...process import Run
from ..drift import NodeReport
from .boot_target import BootTarget
from .ssh_boot import SSH

SECONDS = 60.0
FILES_SECONDS = 1800.0  # every file of every package is read
PART_MARK = "==rocks== "
# A changed time alone is no change, and configuration files are what %post writes.
VERIFY_FILES = "rpm --verify --all --nomtime | awk '$2 !~ /^[cgd]$/'"
SCRIPT = """
say() { printf '\\n==rocks== %s\\n' "$1"; }
say generation; cat /etc/rocks/generation
say profile; cat /etc/rocks/profile
say installed; cat /etc/rocks/manifest
say packages; rpm -qa --queryformat '%{NAME}-%{EVR}.%{ARCH}\\n' | LC_ALL=C sort || exit 1
say files; <files>
say end
"""


def query_node(target: BootTarget, *, files: bool = False, run: Run = process.run) -> NodeReport:
    """What the node says of itself; with ``files`` it checks the content of every packaged file.

    Raises CommandError when it does not answer to the end.
    """
    script = SCRIPT.replace("<files>", VERIFY_FILES if files else "true")
    argv = [*SSH, target.address, "sh", "-s"]
    said = run(argv, stdin=script, timeout=FILES_SECONDS if files else SECONDS).stdout
    parts = {
        part.split("\n", 1)[0]: part.split("\n", 1)[1].split("\n")
        for part in said.split(PART_MARK)[1:]
    }
    if "end" not in parts:
        raise CommandError("the node's answer is cut off", target.node)
    lines = {name: [line for line in some if line] for name, some in parts.items()}
    first = {name: (lines[name] or [""])[0] for name in ("generation", "profile")}
    return NodeReport(
        first["generation"], first["profile"], lines["installed"], lines["packages"], lines["files"]
    )
