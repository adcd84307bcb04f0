# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The last check before an installation begins: the frontend is never installed.

A row, or the attribute ``frontend_address``, may have changed since the order was made.
"""

from __future__ import annotations

from ..install.eligibility import not_installable_reason
from ..install.frontend_machine import frontend_conflicts
from ..install.model import Candidate
from ..install.states import FAILED
from .boot_policy import INSTALL, LOCAL, Decision
from .model import Asker
from .request_context import Service


def checked(service: Service, asker: Asker, decision: Decision) -> Decision:
    """The decision; for a machine that may not be ordered it is a refusal, which ends the order."""
    if decision.answer != INSTALL:
        return decision
    node = asker.node
    candidate = Candidate(
        id=node.id,
        name=node.name,
        appliance=node.appliance,
        root=node.root,
        distribution=node.distribution,
        arch=node.arch,
        last=asker.order,
        frontend_conflict=frontend_conflicts(service.db, [node.name]).get(node.name, ""),
    )
    reason = not_installable_reason(candidate)
    return Decision(LOCAL, FAILED, reason) if reason else decision
