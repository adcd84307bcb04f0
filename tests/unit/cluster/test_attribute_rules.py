# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The values of attributes that the frontend itself reads."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.networking.networks import (
    put_network,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attribute_rules import (
    public_key,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    get_attribute,
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, RocksError

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMBAnCmeOcMIsMQExU6ygiGyW7k5YUmtBxBUJ4lEX2Qi"


@pytest.mark.parametrize(
    ("name", "value", "fact"),
    [
        ("network", "moon", "no network .moon.; known: private"),
        ("frontend_address", "frontend", "'frontend' is not a valid IPv4"),
        ("frontend_address", "10.255.255.245", "belongs to compute-0-0"),
        ("frontend_address", "10.255.255.200", "in the DHCP pool"),
        ("power_unit", "power 1", "'power 1' is not one word"),
        ("power_outlet", '3"', "not one word"),
        ("power_device", "../apc", "not one word"),
        ("ssh_host_rsa_key", KEY[:-4], "ssh_host_rsa_key: .*not a public key"),
        ("ssh_host_rsa_key", KEY.replace("ed25519", "rsa"), "not a public key"),
        ("ssh_host_ed25519_key", "-----BEGIN OPENSSH PRIVATE KEY-----", "_key.pub"),
    ],
)
def test_a_value_that_the_frontend_cannot_use_is_refused(
    table_ii: Database, name: str, value: str, fact: str
) -> None:
    put_network(table_ii, "private", pool_first="10.255.255.200", pool_last="10.255.255.210")
    with pytest.raises(RocksError, match=fact):
        set_attribute(table_ii, name, value)
    assert get_attribute(table_ii, name) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network", "private"),
        ("network", ""),
        ("frontend_address", "10.1.1.1"),
        ("frontend_address", "192.0.2.1"),
        ("ssh_host_ed25519_key", f"{KEY} root@compute-0-0\n"),
        ("ssh_host_ed25519_key", ""),
        ("power_outlet", "3"),
    ],
)
def test_a_value_that_the_frontend_can_use_is_accepted(
    table_ii: Database, name: str, value: str
) -> None:
    set_attribute(table_ii, name, value)
    assert get_attribute(table_ii, name) == value


@pytest.mark.programs
@pytest.mark.parametrize(
    ("kind", "bits"),
    [("ed25519", 0), ("rsa", 1024), ("rsa", 3072), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521)],
)
def test_the_keys_of_ssh_keygen_are_accepted_and_cut_keys_are_not(
    tmp_path: pathlib.Path, kind: str, bits: int
) -> None:
    options = ["-b", str(bits)] if bits else []
    process.run(
        ["ssh-keygen", "-q", "-t", kind, *options, "-N", "", "-f", f"{tmp_path}/key"], timeout=60
    )
    line = (tmp_path / "key.pub").read_text()
    assert public_key(line) == " ".join(line.split()[:2])
    with pytest.raises(DescriptionError):
        public_key(" ".join((line.split()[0], line.split()[1][:-8])))
