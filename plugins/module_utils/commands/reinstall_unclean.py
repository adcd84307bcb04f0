# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nodes that lost power are reinstalled, where the site wants that (paper, 6.3), and paced: the frontend's timer runs this.

A node whose attribute ``reinstall_on_unclean_boot`` says yes tells, when it boots, that it was not shut down.  It goes
on working; here it is ordered, a few nodes at a time, and a node that was told about once is reinstalled once.

    reinstall-unclean SCHEDULER
"""

from __future__ import annotations

import sys
from typing import Sequence

from ..attribute_values import is_true
from ..cluster.attributes import effective_for_nodes
from ..cluster.database import Database, connect
from ..cluster.nodes import list_nodes as find_nodes
from ..errors import RocksError
from ..install.order_history import UNCLEAN
from ..install.rollout.display import format_step
from ..install.states import ENDED_BADLY
from ..settings import load
from ..workflows.reinstall import default_options, reinstall

ATTRIBUTE = "reinstall_on_unclean_boot"
# A new order ends it, so that nobody is reinstalled twice for one power cut, nor again when the first one failed.
UNCLEAN_NODES = (
    "select distinct n.name from nodes n join installs i on i.node = n.id join install_events e on e.install = i.id"
    " where e.phase = ? and i.state = 'up' and i.id = (select max(id) from installs where node = n.id) order by n.name"
)
# Nodes at a time; the first one alone, since what cut the power may still be there.
WAVE_OPTIONS = {"canary": 1, "serial": ["16"], "max_failed": 3, "fail_rate": 0.1}


def main(argv: Sequence[str]) -> int:
    """Reinstall them all, with the scheduler of this name."""
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
    """The nodes that told of an unclean boot since they were installed, and whose attribute still says yes."""
    told = [name for (name,) in database.rows(UNCLEAN_NODES, (UNCLEAN,))]
    found = find_nodes(database, told) if told else []
    attributes = effective_for_nodes(database, found) if found else {}
    values = {
        name: one[ATTRIBUTE].value if ATTRIBUTE in one else "" for name, one in attributes.items()
    }
    return [node.name for node in found if is_true(values[node.name])]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
