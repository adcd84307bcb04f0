# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a boot needs: the product's HTTP service with its database, and the lab's boot files."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
from dataclasses import dataclass
from typing import Callable, ContextManager, Iterator

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database, connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.db_grants import grant_role
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.migrate import migrate
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders, timestamps
from ansible_collections.npaci.rocks.plugins.module_utils.install.installer_start import (
    start_installation,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Audit, Order, Pin
from lab.image.tree import tree
from support import mariadb as servers
from support.frontend import ATTRIBUTES, publish
from support.namespaces import Network
from support.site import SERVICE_UID, Site, public_folder, run_site

NODE = "compute-0-0"
PASSWORD = "lab"
MODULES = [
    "http",
    "tftp",
    "efinet",
    "net",
    "normal",
    "configfile",
    "linux",
    "echo",
    "sleep",
    "reboot",
    "test",
    "true",
    "halt",
    "minicmd",
    "serial",
    "terminal",
]
NEW_NODE = "insert into nodes (mac, name, membership, rack, `rank`, ip) values (?, ?, ?, ?, ?, ?)"
GLOBAL_ATTRIBUTE = "insert into attributes (scope, owner, name, value) values ('global', 0, ?, ?)"

Dhcp = Callable[[Network, pathlib.Path, Database], ContextManager[object]]


@dataclass(frozen=True)
class Stage:
    """The HTTP service, its database, and the pin of an order."""

    site: Site
    database: Database
    pin: Pin

    def order(self) -> Order:
        """Order the node."""
        (result,) = orders.create_orders(
            self.database, {NODE: self.pin}, by="lab", now=timestamps.now()
        )
        assert result.order is not None, result.reason
        return result.order

    def boot_decisions(self) -> list[str]:
        """Return the decisions on the requests for boot answers, in order."""
        rows = self.database.rows("select detail from audit where action = 'boot' order by id")
        return [str(detail) for (detail,) in rows]

    def addresses(self, action: str) -> list[str]:
        """Return the client addresses of such requests, in order."""
        sql = "select address from audit where action = ? order by id"
        return [str(address) for (address,) in self.database.rows(sql, (action,))]

    def start_installer(self, order: Order) -> None:
        """Do what the installer's first message does; the lab's stage 1 runs no %pre."""
        audit = Audit(actor="node", action="installing", decision="200")
        start_installation(self.database, order, now=timestamps.now(), audit=audit)

    def state(self, order: Order) -> str:
        """Return the order's state."""
        return orders.find_by_uuid(self.database, [order.uuid])[0].state


def enter(database: Database, mac: str, address: str) -> None:
    """Add the machine as a node."""
    values = {**ATTRIBUTES, "installer_console": "ttyS0,115200"}
    with database.transaction():
        database.execute(NEW_NODE, (mac, NODE, 2, 0, 0, address))
        for name, value in values.items():
            database.execute(GLOBAL_ATTRIBUTE, (name, value))


@contextlib.contextmanager
def stage(net: Network, early: str, dhcp: Dhcp) -> Iterator[Stage]:
    """Run the service on the frontend of ``net``.

    early  the first commands of the GRUB that UEFI loads (x86_64/grubx64.efi, shimx64.efi)
    dhcp   the DHCP server, given the network, the stage's folder and the database
    """
    with public_folder() as place, servers.server(place / "mariadb") as server:
        (place / "mariadb").chmod(0o755)
        with connect(server.create("cluster"), check=False) as database:
            migrate(database)
            grant_role(database, "service", "rocks_service", password=PASSWORD)
            pin = publish(place / "install")
            _images(place / "install" / ".generations" / "rocks" / "x86_64" / pin.generation)
            (place / "boot" / "x86_64").mkdir(parents=True)
            _grub(place / "boot" / "x86_64", place, early)
            settings = _settings(place, server)
            with dhcp(net, place, database), run_site(place, net.server, settings) as site:
                yield Stage(site, database, pin)


def _settings(place: pathlib.Path, server: servers.Server) -> str:
    credentials = place / "service.cnf"
    credentials.write_text(f"[client]\npassword = {PASSWORD}\n")
    os.chown(credentials, SERVICE_UID, SERVICE_UID)
    credentials.chmod(0o400)
    url = (
        f"mysql://rocks_service@localhost/cluster?socket={server.socket}&credentials={credentials}"
    )
    return f"service: {url}\ndistributions: {place}/install\nurl: http://10.1.1.1\n"


def _images(generation: pathlib.Path) -> None:
    """Copy the installer of the lab's release into the generation that the order pins."""
    shutil.copytree(tree() / "images", generation / "images")
    shutil.copy(tree() / ".treeinfo", generation)


def _grub(folder: pathlib.Path, place: pathlib.Path, early: str) -> None:
    efi_program(folder / "grubx64.efi", place, early)
    shutil.copy(folder / "grubx64.efi", folder / "shimx64.efi")


def efi_program(target: pathlib.Path, place: pathlib.Path, early: str) -> None:
    """Build a GRUB for UEFI that runs ``early``; ``place`` is a scratch folder."""
    script = place / "early.cfg"
    script.write_text(early)
    options = ["-O", "x86_64-efi", "-p", "/boot", "-c", str(script), "-o", str(target)]
    process.run(["grub-mkimage", *options, *MODULES], timeout=60)
