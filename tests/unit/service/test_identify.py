"""A client is identified by its source address alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order
from ansible_collections.npaci.rocks.plugins.module_utils.service.audit_limit import AuditLimit
from ansible_collections.npaci.rocks.plugins.module_utils.service.identify import identify
from ansible_collections.npaci.rocks.plugins.module_utils.service.model import Denied, Sender
from ansible_collections.npaci.rocks.plugins.module_utils.service.node_values import AttributeCache
from ansible_collections.npaci.rocks.plugins.module_utils.service.profile_cache import ProfileCache
from ansible_collections.npaci.rocks.plugins.module_utils.service.report_interval import (
    ReportInterval,
)
from ansible_collections.npaci.rocks.plugins.module_utils.service.request_context import Context
from ansible_collections.npaci.rocks.plugins.module_utils.service.sender import (
    normalize_address,
    parse_mac_headers,
    require_privileged_port,
)
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings
from support.frontend import NOW

MAC = "00:50:8b:e0:3a:a7"


@pytest.fixture
def context(cluster: Database) -> Context:
    return Context(
        db=cluster,
        now=NOW,
        settings=Settings(),
        profiles=ProfileCache("/nowhere"),
        attribute_cache=AttributeCache(),
        report_interval=ReportInterval(),
        audit_limit=AuditLimit(),
        sender=sender(),
    )


def sender(address: str = "10.255.255.245", port: int = 700, macs: tuple[str, ...] = ()) -> Sender:
    return Sender(address=address, port=port, macs=macs)


def test_a_node_is_identified_by_its_address(context: Context, cluster: Database) -> None:
    client = identify(context)
    assert (client.node.name, client.order) == ("compute-0-0", None)


def test_an_order_is_read_whatever_characters_its_texts_contain(
    context: Context, cluster: Database, order: Order
) -> None:
    reason = 'it\'s \x1f 100% "ü" | ?'
    cluster.execute("update installs set reason = ?, message = ?", (reason, "\x1f"))
    assert identify(context).order == order._replace(
        reason=reason.replace("\x1f", " "), message=" "
    )


def test_a_membership_that_was_inserted_by_hand_is_found(
    context: Context, cluster: Database
) -> None:
    identify(context)
    cluster.execute(
        "insert into memberships (id, name, appliance, distribution) values (99, 'GPU', 2, 'cuda')"
    )
    cluster.execute("update nodes set membership = 99 where id = 4")
    node = identify(context).node
    assert (node.membership, node.appliance, node.root, node.distribution) == (
        "GPU",
        "compute",
        "compute",
        "cuda",
    )


def test_an_unknown_address_is_refused(context: Context, cluster: Database) -> None:
    with pytest.raises(Denied, match=r"10\.9\.9\.9: no node has this address") as raised:
        identify(context._replace(sender=sender("10.9.9.9")))
    assert raised.value.status == 404


def test_a_machine_that_uses_another_nodes_address_is_refused(
    context: Context, cluster: Database
) -> None:
    with pytest.raises(Denied) as raised:
        identify(context._replace(sender=sender(macs=("00:50:8b:e0:44:5e",))))
    assert raised.value.status == 403


def test_one_matching_mac_is_enough(context: Context, cluster: Database) -> None:
    assert (
        identify(context._replace(sender=sender(macs=("02:00:00:00:00:01", MAC)))).node.name
        == "compute-0-0"
    )


def test_a_node_is_identified_with_its_own_attributes(context: Context, cluster: Database) -> None:
    for name in ("a", "b"):
        cluster.execute(
            "insert into attributes (scope, node, owner, name, value)"
            " values ('node', 4, 4, ?, 'x')",
            (name,),
        )
    assert identify(context, attributes=True).attributes == {"a": "x", "b": "x"}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.255.255.245", "10.255.255.245"),
        ("::ffff:10.255.255.245", "10.255.255.245"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_ipv4_address_in_ipv6_form_becomes_ipv4(text: str, address: str) -> None:
    assert normalize_address(text) == address


@pytest.mark.parametrize("text", ["", "compute-0-0", "10.1.1", "10.1.1.1, 10.1.1.2", "0x7f000001"])
def test_a_malformed_address_is_refused(text: str) -> None:
    with pytest.raises(Denied):
        normalize_address(text)


def test_the_installers_headers_name_an_interface_and_its_mac() -> None:
    assert parse_mac_headers(["eth0 00:50:8B:E0:3A:A7", "eth1 02:00:00:00:00:01"]) == (
        MAC,
        "02:00:00:00:00:01",
    )


def test_an_infiniband_address_is_skipped() -> None:
    assert parse_mac_headers(
        ["ib0 80:00:02:08:fe:80:00:00:00:00:00:00:f4:52:14:03:00:7b:cb:a1", f"eth0 {MAC}"]
    ) == (MAC,)


@pytest.mark.parametrize(
    "header",
    [
        MAC,
        f"eth0 {MAC},eth0 {MAC}",
        "eth0",
        "eth0 00:50:8b:e0:3a",
        f"eth0 {MAC} x",
        "eth0 zz:50:8b:e0:3a:a7",
        "",
    ],
)
def test_a_malformed_mac_header_is_refused(header: str) -> None:
    with pytest.raises(Denied) as raised:
        parse_mac_headers([header])
    assert raised.value.status == 400


def test_256_mac_headers_are_refused() -> None:
    with pytest.raises(Denied, match="256 MAC headers"):
        parse_mac_headers([f"eth{number} {MAC}" for number in range(256)])


@given(st.text())
def test_any_mac_header_gives_a_mac_or_a_refusal(header: str) -> None:
    try:
        macs = parse_mac_headers([header])
    except Denied as error:
        assert error.status == 400
    else:
        assert len(macs) <= 1


@pytest.mark.parametrize("port", [0, 1024, 40000, 65535])
def test_an_unprivileged_port_is_refused(port: int) -> None:
    with pytest.raises(Denied) as raised:
        require_privileged_port(sender(port=port), "compute-0-0")
    assert raised.value.status == 403
