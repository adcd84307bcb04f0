#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Query the cluster database with SQL."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_sql_info
short_description: Query the cluster database with SQL
version_added: 0.1.0
description:
  - Runs one query and returns its rows.
  - The query runs with the account that sees no secret, in a read-only transaction, with a time
    limit.
options:
  query:
    description: One SQL statement that reads.
    type: str
    required: true
  time_limit:
    description: The time limit of the query in seconds.
    type: float
    default: 10
  forms:
    description:
      - The forms in which the rows are returned. By default, each row is returned in all of them;
        list those that you use to keep the output short.
    type: list
    elements: str
    choices: [rows, records, first_column]
    default: [rows, records, first_column]
  limit:
    description: The largest number of rows. A query that returns more rows fails.
    type: int
    default: 1000000
  database:
    description:
      - URL of the cluster database, V(sqlite:///PATH) or V(mysql://USER@HOST/NAME). On MariaDB the
        user must be the reader's account.
      - The default is E(ROCKS_DATABASE), or else C(reader) or C(database) in
        C(/etc/rocks/rocks.yml) (or in the file that E(ROCKS_CONFIG) names).
    type: str
extends_documentation_fragment: npaci.rocks.attributes.info
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: List the nodes of rack 1
  npaci.rocks.rocks_sql_info:
    query: select name from nodes where rack=1
  register: rack

- name: List the compute nodes with the query of the Rocks paper
  npaci.rocks.rocks_sql_info:
    query: >-
      select nodes.name from nodes,memberships
      where nodes.membership = memberships.id and memberships.name = 'Compute'
    time_limit: 2
    limit: 20000
    forms: [first_column]
"""

RETURN = r"""
columns:
  description: The names of the columns.
  returned: success
  type: list
  elements: str
  sample: [name]
rows:
  description: The rows as lists of values.
  returned: if O(forms) contains V(rows)
  type: list
  elements: list
  sample: [[web-1-0]]
records:
  description: The rows as dictionaries by column name.
  returned: if O(forms) contains V(records)
  type: list
  elements: dict
  sample: [{name: web-1-0}]
first_column:
  description: The first value of each row, for queries that select names.
  returned: if O(forms) contains V(first_column)
  type: list
  elements: raw
  sample: [web-1-0]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.connections import (
    connect_as_reader,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.query import (
    DEFAULT_LIMIT,
    DEFAULT_SECONDS,
    select,
)
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure

FORMS = ("rows", "records", "first_column")
SPEC = {
    "query": {"type": "str", "required": True},
    "time_limit": {"type": "float", "default": DEFAULT_SECONDS},
    "limit": {"type": "int", "default": DEFAULT_LIMIT},
    "forms": {"type": "list", "elements": "str", "choices": list(FORMS), "default": list(FORMS)},
}


def main() -> None:
    module = AnsibleModule(argument_spec={**SPEC, **database_spec()}, supports_check_mode=True)
    params = module.params
    with errors_as_failure(module), connect_as_reader(params["database"]) as database:
        result = select(
            database, params["query"], seconds=params["time_limit"], limit=params["limit"]
        )
    forms = {
        "rows": result.rows,
        "records": [dict(zip(result.columns, row)) for row in result.rows],
        "first_column": [row[0] for row in result.rows],
    }
    selected = {name: forms[name] for name in FORMS if name in params["forms"]}
    module.exit_json(changed=False, columns=result.columns, **selected)


if __name__ == "__main__":
    main()
