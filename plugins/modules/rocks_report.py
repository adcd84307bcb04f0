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
  - Renders the configuration of services from the database, and for one report after the other
    runs the daemon's checker, installs the files and reloads the daemon.
  - A file is written only if it changes. A report that cannot be written keeps its files, and the
    others are written; then the task fails, and its message names the report and the row.
  - A value in the database that no file could contain, from before it was checked when it was
    entered, is left out with a warning.
  - If a daemon rejects its new files or stops, its old files are restored.
  - If a checker or a reload takes longer than 5 seconds, a line says so.
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
  returned: when at least one report could be attempted
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
    error:
      description: Why it was not written; empty if it was.
      type: str
  sample:
    - name: hosts
      changed: true
      files: [/etc/hosts]
      reloaded: false
      error: ""
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.site_reports import (
    argument_spec,
    write_site_reports,
)


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    with errors_as_failure(module):
        result = write_site_reports(module.params, dry_run=module.check_mode)
    for line in result.pop("warnings"):
        module.warn(line)
    if "failed" in result:
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
