#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Create, migrate, dump and restore the cluster database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_database
short_description: Create, migrate, dump and restore the cluster database
version_added: 0.1.0
description:
  - Creates the cluster database with its tables, appliances and memberships, or migrates an older
    one to the schema of this release. An interrupted migration continues where it stopped.
  - On MariaDB it can also create the reader's and the service's accounts, with the privileges that
    they need and no others.
  - Dumps the whole database to a text file, and restores such a file to a new database, also on the
    other engine.
  - This module cannot drop or overwrite a database.
options:
  state:
    description:
      - V(present) creates or migrates the database and its accounts.
      - V(dumped) writes it to O(path), with mode 0600.
      - V(restored) creates the database and fills it from O(path). It fails if the database has
        been written to, unless its content is exactly that of the dump.
    type: str
    choices: [present, dumped, restored]
    default: present
  path:
    description: The file of the dump.
    type: path
  secrets:
    description: Include the secrets in a dump.
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
          - V(reader) runs users' SQL, the inventory and the reports, and sees no secret.
          - V(service) is the account of the HTTP service.
        type: str
        choices: [reader, service]
        required: true
      user:
        description: The name of the account.
        type: str
        required: true
      host:
        description: The host that it can connect from.
        type: str
        default: localhost
      credentials:
        description:
          - A MySQL option file with the password of the account. If it does not exist, it is
            created with a new password and mode 0600. Add it to the URL of the account as
            C(?credentials=FILE).
          - By default, the server authenticates the system user of the same name through its
            socket.
        type: path
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
author: the npaci.rocks contributors (@npaci)
"""

EXAMPLES = r"""
- name: Create an SQLite database for a cluster with one frontend
  npaci.rocks.rocks_database:
    database: sqlite:///var/lib/rocks/cluster.sqlite

- name: Create a MariaDB database with its accounts
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

- name: Dump the database, with its secrets
  npaci.rocks.rocks_database:
    state: dumped
    path: /var/backups/cluster.dump
    secrets: true

- name: Restore a dump to a server
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
  description: The version of the schema after the change.
  returned: success
  type: int
  sample: 1
schema_before:
  description: The version of the schema before the change; 0 if there was none.
  returned: success
  type: int
  sample: 0
accounts:
  description: The accounts that were created or changed.
  returned: success
  type: list
  elements: str
  sample: [rocks_reader@localhost]
rows:
  description: The number of rows in the dump, by table.
  returned: when O(state=restored)
  type: dict
  sample: {nodes: 8, memberships: 9}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import database_spec
from ansible_collections.npaci.rocks.plugins.module_utils.cluster import database_admin
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.restore_database import (
    restore_dump,
)

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
            result = database_admin.dump_to(
                url, params["path"], secrets=params["secrets"], dry_run=dry_run
            )
        elif params["state"] == "restored":
            result = restore_dump(url, params["path"], dry_run=dry_run)
            for line in result.pop("warnings"):
                module.warn(line)
        else:
            result = database_admin.create_database(url, params["accounts"], dry_run=dry_run)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
