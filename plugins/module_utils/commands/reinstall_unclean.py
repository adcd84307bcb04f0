# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reinstall nodes that lost power, if the site enables it (paper, 6.3).

A timer of the frontend runs this program:

    reinstall-unclean SCHEDULER

A node with a true attribute ``reinstall_on_unclean_boot`` reports an unclean shutdown when it
boots, and continues to work.  This program orders such nodes in small waves.  Each report causes
one reinstallation.
"""

from __future__ import annotations

import sys
from typing import Sequence

from ..attribute_values import is_true
from ..cluster.database import Database, connect
from ..cluster.nodes import list_nodes
from ..cluster.values.attributes import effective_for_nodes
from ..errors import RocksError
from ..install.order_history import UNCLEAN
from ..install.rollout.display import format_step
from ..install.states import ENDED_BADLY
from ..settings import load
from ..workflows.reinstall import default_options, reinstall

ATTRIBUTE = "reinstall_on_unclean_boot"
# Only the latest order of a node counts, so a power failure causes one reinstallation, even if that
# reinstallation fails.
UNCLEAN_NODES = (
    "select distinct n.name from nodes n"
    " join installs i on i.node = n.id join install_events e on e.install = i.id"
    " where e.phase = ? and i.state = 'up'"
    " and i.id = (select max(id) from installs where node = n.id) order by n.name"
)
# The canary goes first, because the cause of the power failure can still be present.
WAVE_OPTIONS = {"canary": 1, "serial": ["16"], "max_failed": 3, "fail_rate": 0.1}


def main(argv: Sequence[str]) -> int:
    """Reinstall the selected nodes, with the scheduler ``argv[0]``."""
    failed = False
    try:
        with connect(load().database) as database:
            names = select_nodes(database)
        options = default_options(force=True, scheduler=argv[0], **WAVE_OPTIONS)
        for step in reinstall(options, names, False) if names else ():
            sys.stdout.write(format_step(step) + "\n")
            sys.stdout.flush()
            failed = failed or step.state in ENDED_BADLY
    except RocksError as error:
        sys.stderr.write(f"{error}\n")
        failed = True
    return 1 if failed else 0


def select_nodes(database: Database) -> list[str]:
    """Return the nodes that reported an unclean boot since their installation.

    Nodes whose attribute is not true any more are left out.
    """
    names = [name for (name,) in database.rows(UNCLEAN_NODES, (UNCLEAN,))]
    if not names:
        return []
    nodes = list_nodes(database, names)
    attributes = effective_for_nodes(database, nodes)
    return [
        node.name
        for node in nodes
        if ATTRIBUTE in attributes[node.name] and is_true(attributes[node.name][ATTRIBUTE].value)
    ]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
