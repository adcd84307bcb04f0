# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check once more, before an installation begins, that the machine is not the frontend.

A row, or the attribute ``frontend_address``, may have changed since the order was made.
"""

from __future__ import annotations

from ..install.eligibility import not_installable_reason
from ..install.frontend_machine import frontend_conflicts
from ..install.model import Candidate
from ..install.states import FAILED
from .boot_policy import INSTALL, LOCAL, Decision
from .model import Client
from .request_context import Context


def check_installable(context: Context, client: Client, decision: Decision) -> Decision:
    """Return the decision, or a refusal if the machine must not be installed."""
    if decision.action != INSTALL:
        return decision
    node = client.node
    candidate = Candidate(
        id=node.id,
        name=node.name,
        appliance=node.appliance,
        root=node.root,
        distribution=node.distribution,
        arch=node.arch,
        last=client.order,
        frontend_conflict=frontend_conflicts(context.db, [node.name]).get(node.name, ""),
    )
    reason = not_installable_reason(candidate)
    return Decision(LOCAL, FAILED, reason) if reason else decision
