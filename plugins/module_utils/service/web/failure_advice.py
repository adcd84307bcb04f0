# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The likely cause of a failed installation, and the command that helps, by the order's reason.

The reasons are those of the service, of the installer (xml/programs/installer_screen.py) and of the
programs for nodes.
"""

from __future__ import annotations

import re
from typing import NamedTuple

DETAILS = "ansible localhost -m rocks_install_info -a 'name={node} limit=1' -v"
AGAIN = "ansible {node} -m rocks_reinstall"


class Advice(NamedTuple):
    """What probably went wrong, and a command; {node} is the name of the node."""

    cause: str
    command: str


# The first pattern that is part of the reason counts.
ADVICE = tuple(
    (re.compile(pattern, re.IGNORECASE), Advice(cause, command))
    for pattern, cause, command in (
        (
            r"^suspect:",
            "Another machine may use the node's address. Compare the two requests in the audit,"
            " then vouch for the machine.",
            AGAIN + " -a rearm=true",
        ),
        (
            r"machine restarted",
            "The machine lost power, crashed, or was switched off during the installation.",
            AGAIN,
        ),
        (
            r"came up with",
            "The machine booted another system than the one that was installed. Check its boot"
            " order and its disks.",
            AGAIN,
        ),
        (
            r"^%pre partition failed.*(?:contains|wipe: true)",
            "A disk contains data that is not the cluster's, or an old layout. Nothing was changed."
            " If the data can be deleted, permit it, and restart the machine.",
            "ansible localhost -m rocks_install -a 'name={node} state=wipe_permitted'",
        ),
        (
            r"no space left|not enough (?:free )?space|enospc|too small",
            "The disk or a partition is too small for the profile.",
            "ansible localhost -m rocks_profile_info -a 'node={node}'",
        ),
        (
            r"missing package|no match(?:es)?(?: found)? for|no such package|nothing provides",
            "The distribution lacks a package that the profile requires. Add its source, build the"
            " distribution, and order the node again.",
            "ansible localhost -m rocks_dist_info -a name=rocks",
        ),
        (
            r"cannot fetch the installation's programs",
            "The node's generation is not reachable over HTTP, or a file in it was changed. Compare"
            " it with its checksums.",
            "ansible localhost -m rocks_dist_info -a 'name=rocks verify=true'",
        ),
        (
            r"%(?:pre|post)\S* .* failed|exit status",
            "A script of the profile failed. Its last lines are in the log; the kickstart page"
            " names the file of each line.",
            DETAILS,
        ),
        (
            r"driver .* (?:was )?not built",
            "The driver does not compile for the installed kernel.",
            DETAILS,
        ),
        (
            r"kickstart",
            "The installer does not accept a line of the kickstart. The kickstart page names its"
            " file.",
            "ansible localhost -m rocks_kickstart -a 'node={node} dest=/tmp/{node}.ks'",
        ),
        (
            r"frontend",
            "The row of the node describes the frontend itself.",
            "ansible localhost -m rocks_node_info -a 'name={node}'",
        ),
    )
)
DEFAULT = Advice("The log on the node's page shows the installer's last lines.", DETAILS)


def advise(reason: str) -> Advice:
    """Return the advice for the reason of a failed order."""
    return next((advice for pattern, advice in ADVICE if pattern.search(reason)), DEFAULT)
