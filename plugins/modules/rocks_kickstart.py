#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_kickstart
short_description: Compile the kickstart of a node from the XML graph
version_added: 0.1.0
description:
  - Compile the profile of a node's appliance, or of any graph root, from graph and node files, and
    substitute the node's attributes.
  - Return the kickstart that the installer reads. With O(dest), also write it to a file.
  - The module uses no network and installs nothing. The same input results in the same text.
options:
  dest:
    description: File to write the kickstart to; its directory must exist.
    type: path
  mode:
    description: Permissions of O(dest), in octal.
    type: str
    default: "0644"
  provenance:
    description: Return the file and line behind each line of the kickstart.
    type: bool
    default: false
extends_documentation_fragment:
  - npaci.rocks.attributes
  - npaci.rocks.database
  - npaci.rocks.profile
author: the npaci.rocks contributors (@npaci)
seealso:
  - module: npaci.rocks.rocks_profile_info
  - module: npaci.rocks.rocks_graph
"""

EXAMPLES = r"""
- name: Write the kickstart of a compute node that is not in a database
  npaci.rocks.rocks_kickstart:
    path: xml
    root: compute
    release: rhel9
    attributes:
      hostname: compute-0-0
      arch: x86_64
      install_url: http://10.1.1.1/install/rocks/x86_64
    dest: /tmp/compute-0-0.ks

- name: Show the kickstart that compute-0-0 would get at its next installation
  npaci.rocks.rocks_kickstart:
    node: compute-0-0
    provenance: true
  register: profile
"""

RETURN = r"""
kickstart:
  description: The kickstart.
  returned: success
  type: str
dest:
  description: The file.
  returned: when O(dest) is set
  type: str
nodes:
  description: The nodes of the graph that it is compiled from, in their order.
  returned: success
  type: list
  elements: str
packages:
  description: The entries of C(%packages); C(@) marks a group, C(-) an excluded package.
  returned: success
  type: list
  elements: str
sha256:
  description: SHA-256 of the kickstart.
  returned: success
  type: str
profile:
  description: SHA-256 of the compiled profile, which all nodes of this shape share.
  returned: success
  type: str
shape:
  description: The attributes that decided what the profile contains, with their values.
  returned: success
  type: dict
warnings:
  description: The compiler's findings about the XML, each with file and line.
  returned: success
  type: list
  elements: str
provenance:
  description: The kickstart line by line.
  returned: when O(provenance=true)
  type: list
  elements: dict
  contains:
    text:
      description: The line.
      type: str
    file:
      description: The file that it comes from; empty for a line that the compiler adds.
      type: str
    line:
      description: The line in that file; 0 for a line that the compiler adds.
      type: int
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import (
    database_spec,
    profile_spec,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.files import read_text, replace
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import (
    render,
    render_with_origins,
    sha256,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.serialization import (
    profile_sha256,
)
from ansible_collections.npaci.rocks.plugins.module_utils.settings import load
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.profile_target import (
    resolve_target,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "dest": {"type": "path"},
            "mode": {"type": "str", "default": "0644"},
            "provenance": {"type": "bool", "default": False},
            **database_spec(),
            **profile_spec(),
        },
        supports_check_mode=True,
        required_one_of=[("node", "root")],
        mutually_exclusive=[("node", "root"), ("path", "distribution")],
    )
    with errors_as_failure(module):
        module.exit_json(**compile_kickstart(module))


def compile_kickstart(module: AnsibleModule) -> dict[str, Any]:
    target = resolve_target(module.params, load())
    profile = target.find_or_compile()
    text = render(profile, target.attributes)
    for remark in profile.remarks:
        module.warn(str(remark))
    result: dict[str, Any] = {
        "changed": False,
        "kickstart": text,
        "nodes": [node.name for node in profile.nodes],
        "packages": [package.name for package in profile.packages],
        "sha256": sha256(text),
        "profile": profile_sha256(profile),
        "shape": dict(profile.shape),
    }
    if module.params["provenance"]:
        result["provenance"] = [
            {
                "text": line.text,
                "file": line.origin.file if line.origin else "",
                "line": line.origin.line if line.origin else 0,
            }
            for line in render_with_origins(profile, target.attributes)
        ]
    if module.params["dest"]:
        result.update(write(module, module.params["dest"], text))
    return result


def write(module: AnsibleModule, dest: str, text: str) -> dict[str, Any]:
    mode = parse_mode(module.params["mode"])
    before = read_text(dest) if os.path.exists(dest) else ""
    changed = before != text or (os.stat(dest).st_mode & 0o7777) != mode
    if changed and not module.check_mode:
        replace(dest, text, mode)
    return {
        "changed": changed,
        "dest": dest,
        "diff": {"before": before, "after": text, "before_header": dest, "after_header": dest},
    }


def parse_mode(mode: str) -> int:
    try:
        return int(mode, 8)
    except ValueError:
        raise DescriptionError(
            f"{mode!r} is not a valid mode", "options", "use octal digits, such as 0644"
        ) from None


if __name__ == "__main__":
    main()
