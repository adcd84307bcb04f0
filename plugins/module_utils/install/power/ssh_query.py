# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the installation and the packages of a running node over ssh.  The script only reads."""

from __future__ import annotations

from ... import process
from ...errors import CommandError
from ...process import Run
from ...visible_text import visible_text
from ..drift import NodeReport
from .boot_target import BootTarget
from .ssh_boot import SSH

SECONDS = 60.0
FILES_SECONDS = 1800.0  # rpm reads every file of every package
PART_MARK = "==rocks== "
# A changed time alone is ignored, and so are configuration files, which %post writes.
VERIFY_FILES = "rpm --verify --all --nomtime | awk '$2 !~ /^[cgd]$/'"
SCRIPT = """
part() { printf '\\n==rocks== %s\\n' "$1"; }
part generation; cat /etc/rocks/generation
part profile; cat /etc/rocks/profile
part installed; cat /etc/rocks/manifest
part packages; rpm -qa --queryformat '%{NAME}-%{EVR}.%{ARCH}\\n' | LC_ALL=C sort || exit 1
part files; <files>
part end
"""


def query_node(target: BootTarget, *, files: bool = False, run: Run = process.run) -> NodeReport:
    """Read the node's report; with ``files`` it verifies the content of every packaged file.

    Raises CommandError if the node does not answer, or if its answer is incomplete.
    """
    script = SCRIPT.replace("<files>", VERIFY_FILES if files else "true")
    argv = [*SSH, target.address, "sh", "-s"]
    output = run(argv, stdin=script, timeout=FILES_SECONDS if files else SECONDS).stdout
    output = visible_text(output)
    parts: dict[str, list[str]] = {}
    for part in output.split(PART_MARK)[1:]:
        name, _newline, text = part.partition("\n")
        parts[name] = [line for line in text.split("\n") if line]
    if "end" not in parts:
        raise CommandError("the node's answer is incomplete", target.node)
    return NodeReport(
        generation=next(iter(parts["generation"]), ""),
        profile=next(iter(parts["profile"]), ""),
        installed=parts["installed"],
        packages=parts["packages"],
        files=parts["files"],
    )
