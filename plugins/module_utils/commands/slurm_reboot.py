# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Slurm's RebootProgram, on the frontend: a reboot that Slurm orders is a reinstallation.

slurmctld (``SlurmctldParameters=reboot_from_controller``) names the nodes and, for a job that asked for one, the features
that they are to have: then it is the distribution of that name that is installed.

    slurm-reinstall NODE[,NODE...] [FEATURES]
"""

from __future__ import annotations

import os
import sys
from typing import Sequence

from ..errors import NotFound, RocksError
from ..install.rollout.display import format_step
from ..install.rollout.rollout import Step
from ..install.schedulers.base import SCHEDULERS
from ..install.states import FAILED
from ..reports.slurm import feature_name
from ..settings import load
from ..workflows.reinstall import SUCCESS_STEPS, default_options, reinstall

# The nodes are all free, and a job may wait for all of them: no canary, no waves, no end because of failures.
SCHEDULER = "slurm_reboot"
ALL_AT_ONCE = {"canary": 0, "serial": ["100%"], "max_failed": 0, "fail_rate": 1.0}


def main(argv: Sequence[str]) -> int:
    """Reinstall the nodes and follow them; one that does not come up is down for Slurm, with the reason."""
    nodes, features = argv[0].split(","), argv[1] if len(argv) > 1 else ""
    last: dict[str, Step] = {}
    try:
        wanted = select_distribution(features, load().distributions)
        options = default_options(
            force=True, scheduler=SCHEDULER, distribution=wanted, **ALL_AT_ONCE
        )
        for step in reinstall(options, nodes, False):
            last[step.node] = step
            sys.stdout.write(format_step(step) + "\n")
            sys.stdout.flush()
    except RocksError as error:
        sys.stderr.write(f"{error}\n")
        last.update((node, Step(node, FAILED, error.what)) for node in nodes)
    bad = [step for step in last.values() if step.state not in SUCCESS_STEPS]
    for step in bad:
        SCHEDULERS[SCHEDULER]().hold(step.node, step.message)
    return 1 if bad else 0


def select_distribution(features: str, folder: str) -> str:
    """The distribution that is meant by one of these features; empty: each node's own.

    folder  of the distributions' trees

    Raises NotFound when features are asked for and none of them is a distribution.
    """
    published = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    wanted = features.replace("&", ",").split(",")
    found = [name for name in published if feature_name(name) in wanted]
    if features and not found:
        raise NotFound(
            f"no distribution is called {features!r}", folder, f"published: {', '.join(published)}"
        )
    return found[0] if found else ""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
