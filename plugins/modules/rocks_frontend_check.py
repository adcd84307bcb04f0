#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check whether this machine can become the frontend of a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_frontend_check
short_description: Check whether a machine can become the frontend of a cluster
version_added: 0.1.0
description:
  - Checks the interfaces, the routes and the free space of the machine on which it runs, and
    whether another DHCP server answers on the private side.
  - All faults are reported at once. Nothing is changed.
  - The role P(npaci.rocks.frontend#role) does this first.
options:
  interface:
    description:
      - The interface of the private side. It must exist, and must not have the default route.
    type: str
    required: true
  address:
    description: The frontend's address on the private side. The interface must have it.
    type: str
    required: true
  subnet:
    description:
      - The network of the nodes. It must not overlap a network that is reached through another
        interface.
    type: str
    required: true
  name:
    description: The frontend's name.
    type: str
    default: frontend-0
  zone:
    description: The DNS zone of the nodes.
    type: str
    default: cluster
  distributions:
    description: The folder for distributions. It need not exist.
    type: path
    default: /var/lib/rocks/install
  space:
    description: MiB that must be free in that folder.
    type: int
    default: 0
  homes:
    description: The folder of home directories that nodes mount; empty for none.
    type: str
    default: ""
  dhcp:
    description:
      - Fail if another DHCP server answers on the private network. The probe takes four seconds and
        requires root.
    type: bool
    default: true
extends_documentation_fragment:
  - npaci.rocks.attributes.info
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: Check the machine before anything is changed
  npaci.rocks.rocks_frontend_check:
    interface: eth1
    address: 10.1.1.1
    subnet: 10.0.0.0/8
    name: frontend-0
    zone: cluster
    distributions: /var/lib/rocks/install
    space: 20000
    homes: /export/home
    dhcp: true
"""

RETURN = r"""
mac:
  description: The MAC address of the interface.
  returned: success
  type: str
  sample: 00:30:c1:d8:ac:80
free:
  description: Free MiB in the folder for distributions.
  returned: success
  type: int
  sample: 181250
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.frontend.model import FrontendSettings
from ansible_collections.npaci.rocks.plugins.module_utils.frontend.preflight import check_host
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure

SPEC = {
    "interface": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "subnet": {"type": "str", "required": True},
    "name": {"type": "str", "default": "frontend-0"},
    "zone": {"type": "str", "default": "cluster"},
    "distributions": {"type": "path", "default": "/var/lib/rocks/install"},
    "space": {"type": "int", "default": 0},
    "homes": {"type": "str", "default": ""},
    "dhcp": {"type": "bool", "default": True},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = {**module.params, "folder": module.params["distributions"]}
    requested = FrontendSettings(**{field: params[field] for field in FrontendSettings._fields})
    with errors_as_failure(module):
        result = check_host(requested, probe_dhcp=params["dhcp"])
    module.exit_json(changed=False, **result._asdict())


if __name__ == "__main__":
    main()
