#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The reports that there are, and what they would say."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_report_info
short_description: Tells what services' files would say
version_added: 0.1.0
description:
  - Lists the reports with their options, or renders some of them without writing anything.
  - What stands in a report's way is told with it, for example that Kea has no MySQL back end.
options:
  name:
    description: The reports to render. Without it, all reports are listed, and none is rendered.
    type: list
    elements: str
extends_documentation_fragment:
  - npaci.rocks.attributes.info
  - npaci.rocks.database
seealso:
  - module: npaci.rocks.rocks_report
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: Which reports are there?
  npaci.rocks.rocks_report_info:
  register: known

- name: What would /etc/hosts say?
  npaci.rocks.rocks_report_info:
    name: hosts
  register: hosts

- name: Show it
  ansible.builtin.debug:
    msg: "{{ hosts.reports[0].files['/etc/hosts'] }}"
"""

RETURN = r"""
reports:
  description: The reports.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The report.
      type: str
    summary:
      description: What it is for.
      type: str
    enabled:
      description: Whether the site has it.
      type: bool
    options:
      description: Its options with their values.
      type: dict
    files:
      description: The content of each of its files by path, when it was named.
      type: dict
    fault:
      description: Why it cannot be written; empty when it can.
      type: str
  sample:
    - name: hosts
      summary: /etc/hosts
      enabled: true
      options: {enabled: true, path: /etc/hosts}
      files: {/etc/hosts: "10.1.1.1 frontend-0.cluster frontend-0"}
      fault: ""
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils import settings
from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_reader,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.reports.preview import preview_reports

SPEC = {"name": {"type": "list", "elements": "str"}}


def main() -> None:
    module = AnsibleModule(argument_spec={**SPEC, **database_spec()}, supports_check_mode=True)
    try:
        with connect_as_reader(module.params["database"]) as database:
            shown = preview_reports(database, settings.load(), module.params["name"])
    except RocksError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, reports=[one._asdict() for one in shown])


if __name__ == "__main__":
    main()
