#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write service configuration files from the cluster database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_report
short_description: Write service configuration files from the cluster database
version_added: 0.1.0
description:
  - Renders the configuration of services from the database, runs the daemons' checkers, installs
    all files, and reloads each daemon once.
  - A file is written only if it changes. An error before the installation leaves every file as it
    was.
  - If a daemon rejects its new files or stops, its old files are restored.
  - With MariaDB, Kea reads the database itself. Its report creates the views for that, and writes
    the rest of its configuration.
  - You can replace the template of a file with your own in C(/etc/rocks/reports/).
options:
  name:
    description:
      - The reports to write, such as V(hosts), V(kea), V(bind) or V(slurm).
        M(npaci.rocks.rocks_report_info) lists all of them.
      - Default is all reports that C(reports) in C(/etc/rocks/rocks.yml) lists.
    type: list
    elements: str
  options:
    description:
      - Options of the one named report. They override those in C(reports) of
        C(/etc/rocks/rocks.yml).
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
- name: Write all reports of the site
  npaci.rocks.rocks_report:

- name: Write the hosts file to another path
  npaci.rocks.rocks_report:
    name: hosts
    options:
      path: /etc/hosts.cluster

- name: Configure Kea on the private interface, with the nodes in MariaDB
  npaci.rocks.rocks_report:
    name: kea
    options:
      interfaces: [eth1]
"""

RETURN = r"""
reports:
  description: The result of each report.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The report.
      type: str
    changed:
      description: Whether its files or its database views changed.
      type: bool
    files:
      description: The files that changed.
      type: list
      elements: str
    reloaded:
      description:
        - Whether its service was reloaded. A service that is not running reads the files when it
          starts.
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
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure
from ansible_collections.npaci.rocks.plugins.module_utils.reports.options import merge_options
from ansible_collections.npaci.rocks.plugins.module_utils.reports.write import write_reports

SPEC = {
    "name": {"type": "list", "elements": "str"},
    "options": {"type": "dict", "default": {}},
}


def main() -> None:
    module = AnsibleModule(argument_spec={**SPEC, **database_spec()}, supports_check_mode=True)
    names = module.params["name"]
    with errors_as_failure(module):
        site_settings = merge_options(settings.load(), names, module.params["options"])
        with connect_as_admin(module.params["database"]) as database:
            outcomes = write_reports(database, site_settings, names, dry_run=module.check_mode)
    module.exit_json(
        changed=any(outcome.changed for outcome in outcomes),
        reports=[outcome.to_data() for outcome in outcomes],
        diff=[difference for outcome in outcomes for difference in outcome.differences()],
    )


if __name__ == "__main__":
    main()
