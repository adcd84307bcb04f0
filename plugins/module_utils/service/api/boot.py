# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``GET /rocks/boot``: install with a live order, else the local disk; an unknown machine waits to be entered."""

from __future__ import annotations

from ...errors import Conflict
from ...install import orders, timestamps
from ...install.model import Order
from .. import boot_policy, boot_scripts
from ..identify import ETHERNET_MAC, identify
from ..install_check import checked
from ..installer_arguments import installer
from ..model import Answer, Asker, Denied, Request
from ..node_values import tree_url, values
from ..request_context import Service, audit_of

TRIES = 3  # of a compare-and-set that another request won
EXTRA = ("installer_console", "installer_arguments")  # attributes; blanks part the arguments
DISCOVERY = "discovery"
WAITED = (
    "select count(*) from audit where at >= ? and action = 'boot' and detail = ? and address = ?"
)


def boot(service: Service, request: Request) -> Answer:
    """The script for the loader that asks.  Raises Denied (400) for a client that is no boot loader we know."""
    form = boot_scripts.form(request.query.get("form", ""), request.agent)
    if form is None:
        raise Denied(
            400, "neither iPXE nor GRUB asks", request.address, "say ?form=ipxe or ?form=grub"
        )
    for _attempt in range(TRIES):
        try:
            return _answer(service, request, identify(service, request, attributes=True), form)
        except Conflict:
            continue  # the order was changed between our reading and our writing
        except Denied as error:
            if error.status != 404:
                raise
            return _unknown(service, request, form)
    raise Conflict("the order changes all the time", request.address, "ask again")


def _unknown(service: Service, request: Request, form: str) -> Answer:
    """Wait to be entered, but not without end: what counts are the rows that the audit has of these answers."""
    since = timestamps.add_seconds(service.now, -boot_scripts.DISCOVERY_WINDOW)
    row = service.db.row(WAITED, (since, DISCOVERY, request.address))
    waited = row[0] if row else 0
    if waited < boot_scripts.DISCOVERY_TRIES[form]:
        text = boot_scripts.discovery(form, request.address, service.settings.plain_url)
        return Answer(200, text.encode(), detail=DISCOVERY)
    reason = f"no node has this address after {waited} requests"
    return Answer(200, boot_scripts.local(form, request.address, reason).encode(), detail=reason)


def _answer(service: Service, request: Request, asker: Asker, form: str) -> Answer:
    decision = checked(service, asker, boot_policy.on_boot(asker.order, service.now))
    if decision.answer == boot_policy.INSTALL and asker.order is not None:
        text = boot_scripts.install(form, _start(service, asker, asker.order))
    else:
        text = boot_scripts.local(form, asker.node.name, "no live order")
    if decision.to and asker.order is not None:
        audit = audit_of(request, "boot", 200, bytes=len(text))
        orders.advance(
            service.db,
            asker.order,
            decision.to,
            now=service.now,
            audit=audit,
            reason=decision.reason,
        )
        return Answer(200, text.encode())
    return Answer(200, text.encode(), detail=decision.answer, node=asker.node.name)


def _start(service: Service, asker: Asker, order: Order) -> boot_scripts.Start:
    attributes = values(service.db, service.shared, asker)
    console, further = (attributes.get(name, "").split() for name in EXTRA)
    return boot_scripts.Start(
        asker.node.name,
        asker.came_by if ETHERNET_MAC.fullmatch(asker.came_by) else "",
        order.pin.distribution,
        order.pin.generation,
        service.settings.plain_url,
        tree_url(service.settings, order.pin),
        installer(service.profiles.load(order.pin).release),
        (*(f"console={device}" for device in console), *further),
    )
