# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``GET /rocks/boot``: install with a live order, else the local disk; unknown machines retry."""

from __future__ import annotations

from ...errors import Conflict
from ...install import orders, timestamps
from ...install.model import Order
from .. import boot_policy, boot_scripts
from ..boot_scripts import BootParameters, Loader
from ..identify import ETHERNET_MAC, identify, is_privileged
from ..install_check import check_installable
from ..installer_arguments import installer_for
from ..model import Client, Denied, Request, Response
from ..node_values import effective_values, tree_url
from ..request_context import Context, audit_record

MAX_ATTEMPTS = 3  # when another request changes the order at the same time
DISCOVERY = "discovery"
COUNT_DISCOVERY_RESPONSES = (
    "select count(*) from audit where at >= ? and action = 'boot' and detail = ? and address = ?"
)


def get_boot(context: Context, request: Request) -> Response:
    """Return the script for the boot loader that sent the request.

    Raises Denied (400) for a client that is not a known boot loader.
    """
    loader = boot_scripts.choose_loader(request.query.get("form", ""), request.user_agent)
    if loader is None:
        raise Denied(
            400,
            "the client is neither iPXE nor GRUB",
            request.address,
            "add ?form=ipxe or ?form=grub",
        )
    for _attempt in range(MAX_ATTEMPTS):
        try:
            client = identify(context, request, attributes=True)
            return _answer_node(context, request, client, loader)
        except Conflict:
            continue  # the order was changed between reading and writing it
        except Denied as error:
            if error.status != 404:
                raise
            return _answer_unknown(context, request, loader)
    raise Conflict("the order is changed by other requests", request.address, "try again")


def _answer_unknown(context: Context, request: Request, loader: Loader) -> Response:
    """Let the machine wait until it is added, for a limited number of requests in the audit."""
    since = timestamps.add_seconds(context.now, -boot_scripts.DISCOVERY_WINDOW)
    row = context.db.row(COUNT_DISCOVERY_RESPONSES, (since, DISCOVERY, request.address))
    count = row[0] if row else 0
    if count < boot_scripts.DISCOVERY_TRIES[loader]:
        text = boot_scripts.discovery_script(loader, request.address, context.settings.plain_url)
        return Response(200, text.encode(), audit_detail=DISCOVERY)
    reason = f"no node has this address after {count} requests"
    text = boot_scripts.local_boot_script(loader, request.address, reason)
    return Response(200, text.encode(), audit_detail=reason)


def _answer_node(context: Context, request: Request, client: Client, loader: Loader) -> Response:
    is_machine = boot_scripts.is_boot_loader(request.user_agent) or is_privileged(request)
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
            audit=audit_record(request, "boot", 200, bytes=len(text)),
            reason=decision.reason,
        )
        return Response(200, text.encode())
    return Response(200, text.encode(), audit_detail=decision.action, audit_node=client.node.name)


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
    )
