#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_vendor_key
short_description: Keep the public keys of vendors
version_added: 0.2.0
description:
  - Keep the public keys that the packages of a distribution's sources are signed with.
  - A key is fetched once and compared with its fingerprint. A file with any other key is refused.
options:
  keys:
    description: The keys.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name of the file in O(folder).
        type: str
        required: true
      url:
        description: Where the vendor publishes the key.
        type: str
        required: true
      fingerprint:
        description: Fingerprints of all primary keys that the file can contain.
        type: list
        elements: str
        required: true
      copies:
        description: Files that can contain the key already, such as those of the operating system.
        type: list
        elements: path
        default: []
  folder:
    description: The folder that keeps the keys.
    type: path
    default: /etc/rocks/keys
  proxy:
    description: URL of an HTTP proxy.
    type: str
    default: ''
  ca:
    description: PEM file of the certificate authorities to trust.
    type: path
    default: ''
extends_documentation_fragment:
  - npaci.rocks.attributes
attributes:
  diff_mode:
    support: none
    description: Keys are not shown.
author: the npaci.rocks contributors (@npaci)
seealso:
  - module: npaci.rocks.rocks_dist
  - module: npaci.rocks.rocks_roll_info
"""

EXAMPLES = r"""
- name: Keep the key of EPEL 9
  npaci.rocks.rocks_vendor_key:
    keys:
      - name: RPM-GPG-KEY-EPEL-9
        url: https://dl.fedoraproject.org/pub/epel/RPM-GPG-KEY-EPEL-9
        fingerprint: FF8AD1344597106ECE813B918A3872BF3228467C
"""

RETURN = r"""
paths:
  description: The name of each key, and its file.
  returned: success
  type: dict
"""

from typing import Any, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources.vendor_keys import (
    Proxy,
    VendorKey,
    keep_key,
)
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure

KEY = {
    "name": {"type": "str", "required": True},
    "url": {"type": "str", "required": True},
    "fingerprint": {"type": "list", "elements": "str", "required": True},
    "copies": {"type": "list", "elements": "path", "default": []},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "keys": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": KEY,
                "no_log": False,
            },
            "folder": {"type": "path", "default": "/etc/rocks/keys"},
            "proxy": {"type": "str", "default": ""},
            "ca": {"type": "path", "default": ""},
        },
        supports_check_mode=True,
    )
    with errors_as_failure(module):
        module.exit_json(**keep_keys(module.params, dry_run=module.check_mode))


def keep_keys(params: Mapping[str, Any], *, dry_run: bool) -> dict[str, Any]:
    """Return the module's result."""
    proxy = Proxy(params["proxy"], params["ca"])
    kept = {}
    for row in params["keys"]:
        key = VendorKey(
            name=row["name"],
            url=row["url"],
            fingerprints=tuple(row["fingerprint"]),
            copies=tuple(row["copies"]),
        )
        kept[row["name"]] = keep_key(key, params["folder"], proxy, dry_run=dry_run)
    return {
        "changed": any(result.changed for result in kept.values()),
        "paths": {name: result.path for name, result in kept.items()},
    }


if __name__ == "__main__":
    main()
