#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""List the reports, and preview service configuration files."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_report_info
short_description: Preview service configuration files
version_added: 0.1.0
description:
  - Lists the reports with their options, or renders some of them without writing anything.
  - RV(reports[].fault) contains what prevents a report, for example a Kea without its MySQL back
    end.
options:
  name:
    description: The reports to render. Without it, all reports are listed and none is rendered.
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
- name: List all reports
  npaci.rocks.rocks_report_info:
  register: all_reports

- name: Render /etc/hosts
  npaci.rocks.rocks_report_info:
    name: hosts
  register: hosts

- name: Print it
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
      description: The name of the report.
      type: str
    summary:
      description: Its purpose.
      type: str
    enabled:
      description: Whether the site enables it.
      type: bool
    options:
      description: Its options with their values.
      type: dict
    files:
      description: The content of its files by path, if it was rendered.
      type: dict
    fault:
      description: Why it cannot be written; empty when it can.
      type: str
    warnings:
      description: The rows and values that it leaves out, each with the reason.
      type: list
      elements: str
  sample:
    - name: hosts
      summary: /etc/hosts
      enabled: true
      options: {enabled: true, path: /etc/hosts}
      files: {/etc/hosts: "10.1.1.1 frontend-0.cluster frontend-0"}
      fault: ""
      warnings: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils import settings
from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_reader,
)
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure
from ansible_collections.npaci.rocks.plugins.module_utils.reports.preview import preview_reports

SPEC = {"name": {"type": "list", "elements": "str"}}


def main() -> None:
    module = AnsibleModule(argument_spec={**SPEC, **database_spec()}, supports_check_mode=True)
    with errors_as_failure(module), connect_as_reader(module.params["database"]) as database:
        previews = preview_reports(database, settings.load(), module.params["name"])
    module.exit_json(changed=False, reports=[preview._asdict() for preview in previews])


if __name__ == "__main__":
    main()
