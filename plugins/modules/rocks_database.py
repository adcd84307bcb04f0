#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cluster database itself."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_database
short_description: Makes, migrates, dumps and restores the cluster database
version_added: 0.1.0
description:
  - Makes the cluster database with its tables, appliances and memberships, or brings an older one to the schema that
    this release knows. A migration that was cut off goes on where it stopped.
  - On MariaDB it also makes the reader's and the service's account, each with the privileges that it needs and no
    others.
  - Writes the whole database into a text, and fills a new database from such a text, from either engine to either.
  - There is no way to drop or to overwrite a database with this module.
options:
  state:
    description:
      - V(present) makes or migrates the database and its accounts.
      - V(dumped) writes it to O(path), with mode 0600.
      - V(restored) makes the database and fills it from O(path). One into which somebody has written already is
        refused, unless it holds exactly what the dump holds.
    type: str
    choices: [present, dumped, restored]
    default: present
  path:
    description: The file of the dump.
    type: path
  secrets:
    description: Whether a dump holds the secrets too.
    type: bool
    default: false
  accounts:
    description: Accounts on the MariaDB server.
    type: list
    elements: dict
    default: []
    suboptions:
      role:
        description:
          - V(reader) answers users' SQL, the inventory and the reports, and sees no secret.
          - V(service) is the HTTP face's.
        type: str
        choices: [reader, service]
        required: true
      user:
        description: The account's name.
        type: str
        required: true
      host:
        description: Where it may come from.
        type: str
        default: localhost
      credentials:
        description:
          - A MySQL option file with the account's password. One that does not exist is made with a new password and
            mode 0600. Name it in the account's URL, C(?credentials=FILE).
          - Without it, the server lets in the system's user of the same name, by its socket.
        type: path
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: The embedded database of a cluster with one frontend
  npaci.rocks.rocks_database:
    database: sqlite:///var/lib/rocks/cluster.sqlite

- name: The database of a real frontend, with its three accounts
  npaci.rocks.rocks_database:
    database: mysql://root@localhost/cluster
    state: present
    accounts:
      - role: reader
        user: rocks_reader
        host: localhost
        credentials: /etc/rocks/reader.cnf
      - role: service
        user: rocks

- name: Every night
  npaci.rocks.rocks_database:
    state: dumped
    path: /var/backups/cluster.dump
    secrets: true

- name: From the file to a server
  npaci.rocks.rocks_database:
    database: mysql://root@localhost/cluster
    state: restored
    path: /var/backups/cluster.dump
"""

RETURN = r"""
database:
  description: The URL of the database.
  returned: success
  type: str
  sample: sqlite:///var/lib/rocks/cluster.sqlite
schema:
  description: The schema's version now.
  returned: success
  type: int
  sample: 1
schema_before:
  description: The schema's version before; 0 when there was none.
  returned: success
  type: int
  sample: 0
accounts:
  description: The accounts that were made or changed.
  returned: success
  type: list
  elements: str
  sample: [rocks_reader@localhost]
rows:
  description: How many rows each table got from the dump.
  returned: when O(state=restored)
  type: dict
  sample: {nodes: 8, memberships: 9}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster import database_admin
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure

ACCOUNT = {
    "role": {"type": "str", "choices": ["reader", "service"], "required": True},
    "user": {"type": "str", "required": True},
    "host": {"type": "str", "default": "localhost"},
    "credentials": {"type": "path"},
}
SPEC = {
    "state": {"type": "str", "choices": ["present", "dumped", "restored"], "default": "present"},
    "path": {"type": "path"},
    "secrets": {"type": "bool", "default": False},
    "accounts": {"type": "list", "elements": "dict", "default": [], "options": ACCOUNT},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={**SPEC, **database_spec()},
        required_if=[("state", "dumped", ["path"]), ("state", "restored", ["path"])],
        supports_check_mode=True,
    )
    params = module.params
    dry_run = module.check_mode
    with errors_as_failure(module):
        url = database_admin.admin_url(params["database"])
        if params["state"] == "dumped":
            done = database_admin.dump_to(
                url, params["path"], secrets=params["secrets"], dry_run=dry_run
            )
        elif params["state"] == "restored":
            done = database_admin.restore_from(url, params["path"], dry_run=dry_run)
        else:
            done = database_admin.create_database(url, params["accounts"], dry_run=dry_run)
    module.exit_json(**done)


if __name__ == "__main__":
    main()
