# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options that name a profile: of a node, or of a root with attributes."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  node:
    description:
      - Name of a node. Its root, attributes, distribution and architecture come from the cluster
        database.
      - Either this or O(root) is required.
    type: str
  root:
    description: Name of a graph root, for a node that is not in the database; set its
      O(attributes).
    type: str
  attributes:
    description: Attributes by name; with O(node) they take precedence over the node's own.
    type: dict
    default: {}
  path:
    description:
      - Directories that contain C(graphs/) and C(nodes/), from the general to the specific. A later
        one adds to an earlier one (C(extend-X.xml)) or replaces its files.
      - Either this or O(distribution). The default is the node's distribution.
    type: list
    elements: path
  distribution:
    description: Name of a built distribution, to use the XML in it.
    type: str
  generation:
    description: A generation of O(distribution) to use instead of the published one. The beginning
      of its name is sufficient; V(previous) is the one that was published before.
    type: str
  graph:
    description: Name of the graph, a directory below C(graphs/).
    type: str
    default: default
  release:
    description:
      - The release whose installer reads the kickstart. V(fedora) is the current Fedora.
      - The default is the one that the distribution was built for.
    type: str
    choices: [rhel7, rhel8, rhel9, rhel10, f44, f45, fedora]
  eval_user:
    description: The user that programs of C(<eval>) run as if the module runs as root.
    type: str
    default: nobody
  eval_timeout:
    description: Seconds after which such a program is killed and the compile fails.
    type: float
    default: 30
"""
