#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_insert_ethers
short_description: Give new machines a name, a place and an address as they ask for one
version_added: 0.1.0
description:
  - Watches for DHCP requests of machines that nobody knows. Each gets the next name of its rack, the highest free
    address of the network, a row in the cluster database, and an order to be installed; then the services learn of it.
  - Switch the machines of a rack on one after another, from the bottom to the top, and their names say where they
    stand. Where that does not matter, or where a list or a table says it, switch them on all at once.
  - On the frontend itself, at a terminal, it shows a table that grows as machines appear, and ends when V(q) or Ctrl-C
    is pressed. Everywhere else it works silently and needs O(count) or O(timeout).
  - Machines that any node of the database has, on whichever of its interfaces, are left alone.
options:
  membership:
    description: What the machines are; memberships whose appliance has no root (switches, power units) get no order.
    type: str
    default: Compute
  rack:
    description: The rack that they stand in.
    type: int
    default: 0
  rank:
    description:
      - The first rank to give; ranks that are taken are passed over.
      - Without it, the rank after the highest of the rack.
    type: int
  fill_gaps:
    description: Give the lowest free rank of the rack.
    type: bool
    default: false
  network:
    description: The network that addresses are taken from, instead of the membership's own.
    type: str
  arch:
    description: The architecture of machines whose firmware does not tell it.
    type: str
    default: x86_64
  comment:
    description: The comment of the nodes.
    type: str
    default: ""
  replace:
    description:
      - A node whose machine was exchanged. The next new machine takes over its name, place and address, and is
        installed; the old MAC is forgotten everywhere.
    type: str
  remove:
    description: Names of nodes to forget, with everything that belongs to them. Nothing else is done then.
    type: list
    elements: str
  source:
    description:
      - Where requests are seen. V(wire) listens on the network beside any DHCP server. V(journal), or the path of a
        log file, reads what Kea, ISC dhcpd or dnsmasq write. V(udp://HOST:PORT) and V(unix:///PATH) receive syslog.
      - A list of machines is entered at once, without waiting. Its items are MACs, or mappings with C(mac), C(switch),
        C(port), C(rack), C(rank), C(name), C(ip), C(membership). V(table) enters all machines of O(table) that have
        a MAC.
      - Without it, the wire where it may be listened to (as root), otherwise the journal or the system's log.
    type: raw
  table:
    description:
      - A CSV file that tells where each machine stands. Its first line names its columns, as in a list of O(source);
        C(mac), or C(switch) and C(port) as a DHCP relay reports them (option 82), tell which machine is meant.
      - Machines that stand in no line are not entered.
    type: path
  interface:
    description:
      - The interface to listen on, instead of the one whose address is in the network.
      - Machines that a log tells to ask on another one are not entered.
    type: str
  replay:
    description: Read a log, or the journal since the machine started, from its beginning and not from now on.
    type: bool
    default: false
  firmware_only:
    description: Enter only what asks as booting firmware does; not BMCs, switches and running systems.
    type: bool
    default: false
  count:
    description: End after so many nodes.
    type: int
  timeout:
    description: End after so many seconds.
    type: float
  wait_for_kickstart:
    description: Count a node only when its installer has asked for its kickstart.
    type: bool
    default: false
  install:
    description: Order the machines to be installed. Otherwise they get a name and an address, and boot what they have.
    type: bool
    default: true
  wipe:
    description: The first installation may wipe disks that are not blank.
    type: bool
    default: false
notes:
  - In check mode a log or the journal is read to its present end, whatever O(replay) says, and the answer is what
    would be entered. The wire is listened to until O(count) or O(timeout) is reached.
  - While the database does not answer, or a service does not take its new file, what was seen is kept and tried again.
  - Kill it at any moment, and what was entered is entered with its order; the services are told by the next run, or by
    M(npaci.rocks.rocks_report).
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: The machines of rack 0, one after another
  npaci.rocks.rocks_insert_ethers:
    rack: 0
    count: 32

- name: The switch of rack 0, which is not installed
  npaci.rocks.rocks_insert_ethers:
    membership: Ethernet Switches
    count: 1
    timeout: 300

- name: Machines whose places the delivery note tells, all switched on at once
  npaci.rocks.rocks_insert_ethers:
    table: /root/rack-7.csv
    count: 40
    timeout: 1800
    wait_for_kickstart: true

- name: Two machines that run already, and keep what they run
  npaci.rocks.rocks_insert_ethers:
    membership: NFS Server
    source:
      - 00:50:8b:a5:4d:b2
      - mac: 00:50:8b:a5:4d:b3
        name: nfs-archive
    install: false

- name: A new machine for a broken one
  npaci.rocks.rocks_insert_ethers:
    replace: compute-0-3
    timeout: 600

- name: Forget two nodes
  npaci.rocks.rocks_insert_ethers:
    remove: [compute-0-4, compute-0-5]
"""

RETURN = r"""
nodes:
  description: The nodes that were entered, in the order in which their machines asked.
  returned: always
  type: list
  elements: dict
  contains:
    name: {description: Its name., type: str, sample: compute-0-4}
    mac: {description: Its MAC., type: str, sample: "00:50:8b:e0:40:96"}
    ip: {description: Its address., type: str, sample: 10.255.255.254}
    membership: {description: Its membership., type: str, sample: Compute}
    appliance: {description: Its appliance., type: str, sample: compute}
    rack: {description: The rack it stands in., type: int, sample: 0}
    rank: {description: Its place in the rack., type: int, sample: 4}
    arch: {description: Its architecture., type: str, sample: x86_64}
    state: {description: The state of its install order; empty when it has none., type: str, sample: installing}
    vendor: {description: What its firmware calls itself., type: str, sample: "PXEClient:Arch:00007:UNDI:003000"}
    uuid: {description: The machine's UUID., type: str, sample: 4c4c4544-004d-3210-8047-b8c04f4b4832}
    interface: {description: The interface of the frontend on which it asked., type: str, sample: eth1}
    relay: {description: The DHCP relay that passed its request on., type: str, sample: 10.2.0.1}
    switch: {description: The switch that its cable ends in; a relay tells it., type: str, sample: switch-0}
    port: {description: The port of that switch., type: str, sample: ge-0/0/7}
known:
  description:
    - Machines that asked and that the database knew already, with the names of their nodes.
    - RV(known[].problem) is why this interface cannot boot, and the remedy; empty when it can.
  returned: always
  type: list
  elements: dict
  sample: [{mac: "00:50:8b:e0:40:93", name: compute-0-3, problem: ""}]
refused:
  description: Machines that asked and were not entered, each with the reason.
  returned: always
  type: list
  elements: dict
  sample: [{mac: "00:50:8b:e0:40:97", reason: stands in no line of the table}]
reports:
  description: The services that were told of the nodes.
  returned: always
  type: list
  elements: str
  sample: [hosts, kea]
removed:
  description: The nodes that were forgotten.
  returned: always
  type: list
  elements: str
  sample: [compute-0-4]
waited_for:
  description: What did not work at once and was tried again.
  returned: always
  type: list
  elements: str
  sample: []
source:
  description: Where the requests were seen.
  returned: always
  type: str
  sample: the wire at eth1
ended:
  description: Why it ended; V(count), V(timeout), V(stopped), or V(all) when nothing more could come.
  returned: always
  type: str
  sample: count
"""

import select
import signal
import sys

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert_options import (
    options_from_params,
)
from ansible_collections.npaci.rocks.plugins.module_utils.discovery.insert_result import RunResult
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.insert_ethers import (
    argument_spec,
    insert_ethers,
)


def _output_closed() -> bool:
    """Whether the connection that the result would be sent through is closed."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)  # poll(2) reports errors and hang-ups without a request
    return any(flags & (select.POLLERR | select.POLLHUP) for _descriptor, flags in poll.poll(0))


def main() -> None:
    """Run until the stop condition holds, or a signal; return what was added, also on failure."""
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    result = RunResult()
    signals: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: signals.append(received))
    try:
        options_from_params(module.params).require_stop_condition(module.check_mode)
        for event in insert_ethers(
            module.params,
            dry_run=module.check_mode,
            stop=lambda: bool(signals) or _output_closed(),
        ):
            result.add(event)
    except RocksError as error:
        module.fail_json(**{**result.to_data(), "msg": str(error)})
    module.exit_json(**result.to_data())


if __name__ == "__main__":
    main()
