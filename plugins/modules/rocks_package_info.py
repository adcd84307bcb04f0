#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""List the nodes that run an old version of a package."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_package_info
short_description: List the nodes that run an old version of a package
version_added: 0.2.0
author: the npaci.rocks contributors (@npaci)
description:
  - Reads the packages of running nodes over ssh, and compares versions in rpm's order.
  - As an action it runs once for all hosts of the pattern, on the frontend.
  - Fails if a node does not answer, because the result is then not complete.
options:
  nodes:
    description:
      - The nodes. An unknown name is an error.
      - The default of the action is the hosts of the pattern; hosts from other inventories are
        skipped with a warning.
    type: list
    elements: str
  name:
    description: The name of the package; C(*) and C(?) match as in a shell.
    type: str
    required: true
  older_than:
    description:
      - Nodes with a version older than this one are C(older); C([epoch:]version[-release]).
      - By default, the installed versions are listed.
    type: str
seealso:
  - module: npaci.rocks.rocks_dist_info
  - module: npaci.rocks.rocks_verify
extends_documentation_fragment:
  - npaci.rocks.database
  - npaci.rocks.attributes.info
"""

EXAMPLES = r"""
# ansible compute -m rocks_package_info -a 'name=openssl-libs older_than=1:3.0.7-27.el9'

- name: List the kernels of the compute nodes
  npaci.rocks.rocks_package_info:
    nodes: "{{ groups.compute }}"
    name: kernel-core
"""

RETURN = r"""
nodes:
  description:
    - By node, its state (C(older), C(installed), C(not installed) or C(unreachable)) and the
      packages, of an older node only the older ones.
  returned: always
  type: dict
  sample:
    compute-0-3:
      state: older
      packages: ["openssl-libs-1:3.0.7-24.el9.x86_64"]
      message: ""
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.event_collector import collect
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.package_versions import (
    argument_spec,
    find_versions,
    result_of,
)


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    if not module.params["nodes"]:
        module.fail_json(
            msg="nodes is missing: list the nodes, or run the action with a host pattern"
        )
    params = module.params
    result = collect(find_versions, result_of, params, params["nodes"], check_mode=False)
    module.exit_json(**result) if not result["failed"] else module.fail_json(**result)


if __name__ == "__main__":
    main()
