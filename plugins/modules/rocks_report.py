#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write the files that services need from the cluster database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_report
short_description: Writes services' files from the cluster database
version_added: 0.1.0
description:
  - Renders the configuration of services from the database, has each daemon check its file, puts all of them in place
    and tells each daemon once.
  - A file is written only when it changes. Whatever is refused before that leaves every file as it was.
  - A daemon that does not take its new files, or does not come back with them, gets its old ones.
  - Kea reads a MariaDB database itself. Its report makes the views for that and writes the rest of its configuration.
  - A site changes the form of a file by its own template in C(/etc/rocks/reports/).
options:
  name:
    description:
      - The reports to write, such as V(hosts), V(kea), V(bind) or V(slurm); M(npaci.rocks.rocks_report_info) tells them
        all.
      - Without it, those that C(reports) in C(/etc/rocks/rocks.yml) lists.
    type: list
    elements: str
  options:
    description: Options of the one report that is named, over what C(reports) in C(/etc/rocks/rocks.yml) says of it.
    type: dict
    default: {}
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
seealso:
  - module: npaci.rocks.rocks_report_info
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: Everything that the site has
  npaci.rocks.rocks_report:

- name: The hosts file, at another place
  npaci.rocks.rocks_report:
    name: hosts
    options:
      path: /etc/hosts.cluster

- name: Kea listens on the private side and reads the nodes from MariaDB
  npaci.rocks.rocks_report:
    name: kea
    options:
      interfaces: [eth1]
"""

RETURN = r"""
reports:
  description: What became of each report.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The report.
      type: str
    changed:
      description: Whether anything was changed for it.
      type: bool
    files:
      description: The files that were written.
      type: list
      elements: str
    reloaded:
      description: Whether its service took them. A service that does not run reads them at its start.
      type: bool
  sample:
    - name: hosts
      changed: true
      files: [/etc/hosts]
      reloaded: false
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils import settings
from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_admin,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.reports.options import merge_options
from ansible_collections.npaci.rocks.plugins.module_utils.reports.write import write_reports

SPEC = {
    "name": {"type": "list", "elements": "str"},
    "options": {"type": "dict", "default": {}},
}


def main() -> None:
    module = AnsibleModule(argument_spec={**SPEC, **database_spec()}, supports_check_mode=True)
    names = module.params["name"]
    try:
        site = merge_options(settings.load(), names, module.params["options"])
        with connect_as_admin(module.params["database"]) as database:
            outcomes = write_reports(database, site, names, dry_run=module.check_mode)
    except RocksError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=any(outcome.changed for outcome in outcomes),
        reports=[outcome.to_data() for outcome in outcomes],
        diff=[difference for outcome in outcomes for difference in outcome.differences()],
    )


if __name__ == "__main__":
    main()
