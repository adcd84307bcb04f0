# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``GET /rocks/boot``: install with a live order, else the local disk; unknown machines retry."""

from __future__ import annotations

from flask import Blueprint, Response, request

from ...errors import Conflict
from ...install import orders, timestamps
from ...install.install_codes import code_of
from ...install.model import Order
from ...install.order_records import add_audit
from .. import boot_policy, boot_scripts
from ..boot_scripts import BootParameters, Loader
from ..identify import identify
from ..install_check import check_installable
from ..installer_arguments import installer_for
from ..model import Client, Denied
from ..node_values import effective_values, tree_url
from ..request_context import (
    Context,
    add_limited_audit,
    audit_record,
    audited,
    current_context,
)
from ..sender import ETHERNET_MAC, is_privileged

blueprint = Blueprint("boot", __name__)
MAX_ATTEMPTS = 3  # when another request changes the order at the same time
DISCOVERY = "discovery"
COUNT_DISCOVERY_RESPONSES = (
    "select count(*) from audit where at >= ? and action = 'boot' and detail = ? and address = ?"
)


@blueprint.get("/rocks/boot")
@audited("boot")
def get_boot() -> Response:
    """Return the script for the boot loader that sent the request.

    Raises Denied (400) for a client that is not a known boot loader.
    """
    context = current_context()
    loader = boot_scripts.choose_loader(
        request.args.get("form", ""), request.headers.get("User-Agent", "")
    )
    if loader is None:
        raise Denied(
            400,
            "the client is neither iPXE nor GRUB",
            context.sender.address,
            "add ?form=ipxe or ?form=grub",
        )
    for _attempt in range(MAX_ATTEMPTS):
        try:
            client = identify(context, attributes=True)
            return _answer_node(context, client, loader)
        except Conflict:
            continue  # the order was changed between reading and writing it
        except Denied as error:
            if error.status != 404:
                raise
            return _answer_unknown(context, loader)
    raise Conflict("the order is changed by other requests", context.sender.address, "try again")


def _answer_unknown(context: Context, loader: Loader) -> Response:
    """Let the machine wait until it is added, for a limited number of requests in the audit."""
    address = context.sender.address
    since = timestamps.add_seconds(context.now, -boot_scripts.DISCOVERY_WINDOW)
    row = context.db.row(COUNT_DISCOVERY_RESPONSES, (since, DISCOVERY, address))
    count = row[0] if row else 0
    if count < boot_scripts.DISCOVERY_TRIES[loader]:
        text = boot_scripts.discovery_script(loader, address, context.settings.plain_url)
        return _audited_script(context, text, detail=DISCOVERY)
    reason = f"no node has this address after {count} requests"
    text = boot_scripts.local_boot_script(loader, address, reason)
    return _audited_script(context, text, detail=reason)


def _answer_node(context: Context, client: Client, loader: Loader) -> Response:
    user_agent = request.headers.get("User-Agent", "")
    is_machine = boot_scripts.is_boot_loader(user_agent) or is_privileged(context.sender)
    decision = boot_policy.decide_boot(client.order, context.now, is_machine=is_machine)
    decision = check_installable(context, client, decision)
    if decision.action == boot_policy.INSTALL and client.order is not None:
        parameters = _boot_parameters(context, client, client.order)
        text = boot_scripts.install_script(loader, parameters)
    else:
        text = boot_scripts.local_boot_script(loader, client.node.name, "no live order")
    if decision.next_state and client.order is not None:
        orders.advance(
            context.db,
            client.order,
            decision.next_state,
            now=context.now,
            audit=audit_record(context.sender, "boot", 200, bytes=len(text)),
            reason=decision.reason,
        )
        return Response(text, mimetype="text/plain")
    return _audited_script(context, text, detail=decision.action, node=client.node.name)


def _audited_script(context: Context, text: str, *, detail: str, node: str = "") -> Response:
    """Respond with a script that changes no order, and add its audit row."""
    record = audit_record(context.sender, "boot", 200, node=node, detail=detail)
    if detail == DISCOVERY:  # its rows are counted, and so limited already
        add_audit(context.db, record, context.now)
    else:
        add_limited_audit(context, record, kind="boot")
    return Response(text, mimetype="text/plain")


def _boot_parameters(context: Context, client: Client, order: Order) -> BootParameters:
    attributes = effective_values(context.db, context.attribute_cache, client)
    consoles = attributes.get("installer_console", "").split()
    further_arguments = attributes.get("installer_arguments", "").split()
    mac = client.interface_mac
    return BootParameters(
        node=client.node.name,
        mac=mac if ETHERNET_MAC.fullmatch(mac) else "",
        distribution=order.pin.distribution,
        generation=order.pin.generation,
        url=context.settings.plain_url,
        tree=tree_url(context.settings, order.pin),
        installer=installer_for(context.profiles.load(order.pin).release),
        extra=(*(f"console={device}" for device in consoles), *further_arguments),
        needs_code=code_of(context.db, order.id) is not None,
    )
