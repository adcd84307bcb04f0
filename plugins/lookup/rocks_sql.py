# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Query the cluster database in a playbook."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rocks_sql
short_description: Query the cluster database with SQL
version_added: 0.1.0
author: the npaci.rocks contributors (@npaci)
description:
  - Runs each query with the read-only account, in a read-only transaction, with a time limit.
options:
  _terms:
    description: The queries.
    type: list
    elements: str
    required: true
  database:
    description:
      - URL of the cluster database, V(sqlite:///PATH) or V(mysql://USER@HOST/NAME).
      - The default is C(reader) or C(database) in C(/etc/rocks/rocks.yml) (or in the file that
        E(ROCKS_CONFIG) names).
    type: str
    env:
      - name: ROCKS_DATABASE
  time_limit:
    description: The time limit of each query in seconds.
    type: float
    default: 10
"""

EXAMPLES = r"""
- name: Show the nodes of rack 1
  ansible.builtin.debug:
    msg: "{{ query('npaci.rocks.rocks_sql', 'select name from nodes where rack=1') }}"

- name: Show the address of each compute node
  ansible.builtin.debug:
    msg: "{{ item.name }} has {{ item.ip }}"
  loop: >-
    {{ query('npaci.rocks.rocks_sql', "select nodes.name, nodes.ip from nodes,memberships
       where nodes.membership = memberships.id and memberships.name = 'Compute'") }}
"""

RETURN = r"""
_raw:
  description:
    - The rows of all queries, in order.
    - A query of one column returns values, a query of several columns dictionaries by column name.
  type: list
  elements: raw
"""

from typing import Any, Optional

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.npaci.rocks.plugins.module_utils import settings
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import connect
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.query import select
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError


class LookupModule(LookupBase):
    """Run all queries of a call in one read-only connection."""

    def run(
        self, terms: list[str], variables: Optional[dict[str, Any]] = None, **kwargs: Any
    ) -> list[Any]:
        """Return the rows of all queries in ``terms``; see RETURN."""
        self.set_options(var_options=variables, direct=kwargs)
        values: list[Any] = []
        try:
            site = settings.load()
            url = self.get_option("database") or site.reader or site.database
            with connect(url, read_only=True) as database:
                for term in terms:
                    columns, rows = select(database, term, seconds=self.get_option("time_limit"))
                    values += (
                        [row[0] for row in rows]
                        if len(columns) == 1
                        else [dict(zip(columns, row)) for row in rows]
                    )
        except RocksError as error:
            raise AnsibleError(str(error)) from None
        return values
