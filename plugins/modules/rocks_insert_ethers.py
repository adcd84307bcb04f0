#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_insert_ethers
short_description: Add new machines as nodes when they request an address
version_added: 0.1.0
description:
  - Watches for DHCP requests of unknown machines. Each machine gets the next name of its rack, the
    highest free address of the network, a row in the cluster database and an install order. Then
    the services' configuration is updated.
  - To name machines by their location, switch on those of a rack one after another, from the bottom
    to the top. If the location does not matter, or a list or a table contains it, switch them on
    all at once.
  - On the frontend itself, at a terminal, it shows a table of the new nodes until V(q) or Ctrl-C is
    pressed. Everywhere else it needs O(count) or O(timeout).
  - MAC addresses already assigned to a node are ignored.
options:
  membership:
    description:
      - The membership of the machines. Memberships whose appliance has no graph root (switches,
        power units) get no install order.
    type: str
    default: Compute
  rack:
    description: The rack of the machines. A rack in the table, or in a name in the table, takes
      precedence.
    type: int
    default: 0
  rank:
    description:
      - The first rank to assign. Ranks in use, and ranks whose names are taken, are skipped.
      - By default, the rank after the highest of the appliance in the rack.
    type: int
  fill_gaps:
    description: Assign the lowest free rank of the rack.
    type: bool
    default: false
  network:
    description: The network that addresses are allocated from, instead of the network of the
      membership.
    type: str
  arch:
    description: The architecture of machines whose requests do not contain it.
    type: str
    default: x86_64
  comment:
    description: The comment of the nodes.
    type: str
    default: ""
  replace:
    description:
      - A node whose machine was replaced. The next new machine takes over its name, location and
        address, and is installed. The old MAC is removed.
    type: str
  remove:
    description: Names of nodes to remove, with everything that belongs to them. The module then
      does nothing else.
    type: list
    elements: str
  source:
    description:
      - Where DHCP requests come from. V(wire) listens on the network, next to any DHCP server.
        V(journal), or the path of a log file, reads the messages of Kea, ISC dhcpd or dnsmasq.
        V(udp://HOST:PORT) and V(unix:///PATH) receive them by syslog.
      - The machines of a list are added at once, without waiting. Its items are MACs, or mappings
        with C(mac), C(switch), C(port), C(rack), C(rank), C(name), C(ip), C(membership). V(table)
        adds all machines of O(table) that have a MAC.
      - By default, V(wire) if it is permitted (as root), otherwise the journal or the system's log.
    type: raw
  table:
    description:
      - A CSV file with the locations of machines. Its first line names the columns, as in a list of
        O(source). C(mac), or C(switch) and C(port) as a DHCP relay reports them (option 82),
        identify the machine.
      - Machines that are not in the table are not added.
    type: path
  interface:
    description:
      - The interface to listen on, instead of the one with an address in the network.
      - Machines whose requests arrive on another interface, according to the log, are not added.
    type: str
  replay:
    description: Read a log from its start, or the journal since the machine booted, and not only
      new messages.
    type: bool
    default: false
  firmware_only:
    description: Add only machines that send PXE or HTTP boot requests; no BMCs, switches and
      running systems.
    type: bool
    default: false
  count:
    description: Stop after this number of nodes.
    type: int
  timeout:
    description: Stop after this number of seconds.
    type: float
  wait_for_kickstart:
    description: Count a node only when its installer has received its kickstart and started.
    type: bool
    default: false
  install:
    description: Order the installation of the machines. Without it, they get a name and an address,
      and keep their system.
    type: bool
    default: true
  wipe:
    description: Whether the first installation may wipe disks that are not blank.
    type: bool
    default: false
notes:
  - In check mode a log or the journal is read to its present end, whatever O(replay) is, and the
    result contains the nodes that would be added. V(wire) is read until O(count) or O(timeout) is
    reached.
  - While the database does not answer, or a service rejects its new file, machines stay pending and
    are retried.
  - You can kill the module at any time. Nodes that were added keep their orders; the next run, or
    M(npaci.rocks.rocks_report), updates the services.
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: Add the machines of rack 0, one after another
  npaci.rocks.rocks_insert_ethers:
    rack: 0
    count: 32

- name: Add the switch of rack 0, which is not installed
  npaci.rocks.rocks_insert_ethers:
    membership: Ethernet Switches
    count: 1
    timeout: 300

- name: Add machines with known locations, switched on all at once
  npaci.rocks.rocks_insert_ethers:
    table: /root/rack-7.csv
    count: 40
    timeout: 1800
    wait_for_kickstart: true

- name: Add two running machines without reinstalling them
  npaci.rocks.rocks_insert_ethers:
    membership: NFS Server
    source:
      - 00:50:8b:a5:4d:b2
      - mac: 00:50:8b:a5:4d:b3
        name: nfs-archive
    install: false

- name: Replace a broken machine
  npaci.rocks.rocks_insert_ethers:
    replace: compute-0-3
    timeout: 600

- name: Remove two nodes
  npaci.rocks.rocks_insert_ethers:
    remove: [compute-0-4, compute-0-5]
"""

RETURN = r"""
nodes:
  description: The nodes that were added, in the order of their machines' requests.
  returned: always
  type: list
  elements: dict
  contains:
    name: {description: Its name., type: str, sample: compute-0-4}
    mac: {description: Its MAC., type: str, sample: "00:50:8b:e0:40:96"}
    ip: {description: Its address., type: str, sample: 10.255.255.254}
    membership: {description: Its membership., type: str, sample: Compute}
    appliance: {description: Its appliance., type: str, sample: compute}
    rack: {description: Its rack., type: int, sample: 0}
    rank: {description: Its rank in the rack., type: int, sample: 4}
    arch: {description: Its architecture., type: str, sample: x86_64}
    state: {description: The state of its install order; empty if it has none., type: str, sample:
      installing}
    vendor: {description: The vendor class of its firmware., type: str, sample:
      "PXEClient:Arch:00007:UNDI:003000"}
    uuid: {description: The UUID of the machine., type: str, sample:
      4c4c4544-004d-3210-8047-b8c04f4b4832}
    interface: {description: The frontend's interface that received the request., type: str, sample:
      eth1}
    relay: {description: The DHCP relay that forwarded the request., type: str, sample: 10.2.0.1}
    switch: {description: 'The switch of the machine, if a relay reports it.', type: str, sample:
      switch-0}
    port: {description: The port of that switch., type: str, sample: ge-0/0/7}
known:
  description: Machines that sent requests and were in the database already.
  returned: always
  type: list
  elements: dict
  contains:
    mac: {description: The MAC of the request., type: str}
    name: {description: The name of the node., type: str}
    problem:
      description: Why this interface cannot boot, and the remedy; empty if it can boot.
      type: str
  sample: [{mac: "00:50:8b:e0:40:93", name: compute-0-3, problem: ""}]
refused:
  description: Machines that sent requests and were not added.
  returned: always
  type: list
  elements: dict
  contains:
    mac: {description: The MAC of the request., type: str}
    reason: {description: Why the machine was not added., type: str}
  sample: [{mac: "00:50:8b:e0:40:97", reason: not in the table}]
reports:
  description: The reports that were written because of the nodes.
  returned: always
  type: list
  elements: str
  sample: [hosts, kea]
removed:
  description: The nodes that were removed.
  returned: always
  type: list
  elements: str
  sample: [compute-0-4]
waited_for:
  description: Errors of attempts that were repeated.
  returned: always
  type: list
  elements: str
  sample: []
source:
  description: The source of the requests.
  returned: always
  type: str
  sample: interface eth1
ended:
  description: Why the run ended; V(count), V(timeout), V(stopped), or V(all) when the source has
    ended.
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
    failure: dict[str, str] = {}
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
        failure = {"msg": str(error)}
    values = {**result.to_data(), **failure}
    for line in values.pop("warnings"):
        module.warn(line)
    if failure:
        module.fail_json(**values)
    module.exit_json(**values)


if __name__ == "__main__":
    main()
