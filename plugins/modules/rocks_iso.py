#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_iso
short_description: Make a bootable CD or USB stick from a distribution
version_added: 0.1.0
description:
  - Writes one file that starts the installer of a generation from a CD or a USB stick, with BIOS or
    UEFI firmware.
  - With packages, the medium can install a frontend without a network. Without packages it is
    small, and starts compute nodes that cannot boot from the network.
  - The UEFI boot loader is the vendor's signed one from the tree's C(images/efiboot.img), which
    Secure Boot accepts. For a tree without this image, and for BIOS, the frontend's GRUB is used,
    which is not signed.
  - The same generation and options give the same bytes. An existing medium of the same input is not
    written again.
requirements:
  - xorriso and mtools
  - grub2-mkimage with the modules for C(i386-pc), and for C(x86_64-efi) or C(arm64-efi) if the tree
    has no C(images/efiboot.img)
options:
  dest:
    description: The file to write. Its folder must exist.
    type: path
    required: true
  distribution:
    description: Name of a distribution below O(path).
    type: str
  arch:
    description: Architecture of the distribution.
    type: str
    default: x86_64
  generation:
    description: A generation of the distribution. The beginning of its name is sufficient;
      V(previous) is the one that was published before. The default is the published one.
    type: str
    default: ''
  path:
    description: The folder of all distributions. The default is C(distributions) in
      C(/etc/rocks/rocks.yml).
    type: path
  tree:
    description: Folder of another installable tree, instead of O(distribution).
    type: path
  packages:
    description: Whether to add the packages and their metadata to the medium.
    type: bool
    default: true
  entries:
    description:
      - Entries of the boot menu. The first one starts automatically.
      - The default is one entry that starts the installer without a kickstart.
    type: list
    elements: dict
    suboptions:
      title:
        description: Title in the menu.
        type: str
        required: true
      kickstart:
        description: Text of a kickstart, which is written to the medium.
        type: str
        default: ''
      url:
        description: URL of the kickstart, instead of O(entries[].kickstart).
        type: str
        default: ''
      arguments:
        description: Additional kernel arguments.
        type: list
        elements: str
        default: []
  label:
    description:
      - Volume label, by which boot loader and installer find the medium. At most 32 letters,
        digits, C(_), C(.), C(-).
      - The default is the name of the distribution and its architecture.
    type: str
  timeout:
    description: Seconds until the first entry starts; 0 starts it immediately, -1 never.
    type: int
    default: 60
  console:
    description: A serial console in addition to the screen, such as C(ttyS0,115200).
    type: str
    default: ''
extends_documentation_fragment:
  - npaci.rocks.attributes
attributes:
  diff_mode:
    support: none
    description: The content of a medium is too large to show.
author: the npaci.rocks contributors (@npaci)
seealso:
  - module: npaci.rocks.rocks_dist
  - module: npaci.rocks.rocks_kickstart
"""

EXAMPLES = r"""
- name: Render the kickstart of a new frontend
  npaci.rocks.rocks_kickstart:
    path: xml
    root: frontend
    release: rhel9
    attributes: "{{ frontend_attributes }}"
  register: frontend

- name: Make a DVD that installs the frontend and starts its compute nodes
  npaci.rocks.rocks_iso:
    distribution: rocks
    dest: /srv/rocks.iso
    label: ROCKS
    entries:
      - title: Install a compute node
        url: http://10.1.1.1/rocks/kickstart
      - title: Install the frontend
        kickstart: "{{ frontend.kickstart }}"

- name: Make a small USB stick for nodes that cannot boot from the network, with a serial console
  npaci.rocks.rocks_iso:
    distribution: rocks
    dest: /srv/compute.iso
    packages: false
    timeout: 5
    console: ttyS0,115200
    entries:
      - title: Install a compute node
        url: http://10.1.1.1/rocks/kickstart
"""

RETURN = r"""
dest:
  description: The file.
  returned: success
  type: str
identity:
  description: SHA-256 of everything that the medium is made from. It is the application identifier
    of the volume.
  returned: success
  type: str
loader:
  description: Where the UEFI boot loader comes from.
  returned: success
  type: str
secure_boot:
  description: Whether the UEFI boot loader is signed.
  returned: success
  type: bool
tree:
  description: The folder that the medium was made from.
  returned: success
  type: str
"""

from typing import Any, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.media import iso
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.media.boot_menu import (
    Entry,
    Menu,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.storage.pool import (
    StorePaths,
)
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure
from ansible_collections.npaci.rocks.plugins.module_utils.settings import load

ENTRY = {
    "title": {"type": "str", "required": True},
    "kickstart": {"type": "str", "default": ""},
    "url": {"type": "str", "default": ""},
    "arguments": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "dest": {"type": "path", "required": True},
            "distribution": {"type": "str"},
            "arch": {"type": "str", "default": "x86_64"},
            "generation": {"type": "str", "default": ""},
            "path": {"type": "path"},
            "tree": {"type": "path"},
            "packages": {"type": "bool", "default": True},
            "entries": {"type": "list", "elements": "dict", "options": ENTRY},
            "label": {"type": "str"},
            "timeout": {"type": "int", "default": 60},
            "console": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
        required_one_of=[("distribution", "tree")],
        mutually_exclusive=[("distribution", "tree")],
    )
    with errors_as_failure(module):
        module.exit_json(**write_medium(module.params, dry_run=module.check_mode))


def write_medium(params: Mapping[str, Any], *, dry_run: bool) -> dict[str, Any]:
    """Write the medium, and return the module's result."""
    tree = params["tree"]
    name = "ROCKS"
    if not tree:
        name = params["distribution"]
        store = StorePaths(params["path"] or load().distributions)
        tree = iso.find_tree(store, name, params["arch"], params["generation"])
    entries = [
        Entry(**{**row, "arguments": tuple(row["arguments"])}) for row in params["entries"] or ()
    ]
    menu = Menu(
        label=params["label"] or f"{name}-{params['arch']}",
        entries=tuple(entries) or (Entry(f"Install {name}"),),
        timeout=params["timeout"],
        console=params["console"],
    )
    medium = iso.make(tree, params["dest"], menu, packages=params["packages"], dry_run=dry_run)
    return {
        "changed": medium.changed,
        "dest": medium.path,
        "identity": medium.identity,
        "loader": medium.loader,
        "secure_boot": medium.secure_boot,
        "tree": tree,
    }


if __name__ == "__main__":
    main()
