# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options that say which profile is meant: of a node, or of a root with attributes."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  node:
    description:
      - Name of a node; its root, attributes, distribution and architecture come from the cluster database.
      - Either this or O(root).
    type: str
  root:
    description: Name of a graph root, for what is in no database. O(attributes) then says all there is.
    type: str
  attributes:
    description: Attributes by name; with O(node) they are added to the node's own and win over them.
    type: dict
    default: {}
  path:
    description:
      - Directories that hold C(graphs/) and C(nodes/), from the general to the special; a later one adds to an
        earlier one (C(extend-X.xml)) or takes the place of its files.
      - Either this or O(distribution); without both, the node's distribution counts.
    type: list
    elements: path
  distribution:
    description: Name of a built distribution, whose own XML is used.
    type: str
  generation:
    description: One generation of O(distribution) instead of the published one.
    type: str
  graph:
    description: Name of the graph, a directory below C(graphs/).
    type: str
    default: default
  release:
    description:
      - The release whose installer reads the kickstart. V(fedora) is the current Fedora.
      - Without it, the one that the distribution was built for.
    type: str
    choices: [rhel7, rhel8, rhel9, rhel10, f44, f45, fedora]
  eval_user:
    description: Who the programs of C(<eval>) run as while the profile is compiled, when we are root.
    type: str
    default: nobody
  eval_timeout:
    description: Seconds after which such a program is killed, and the compile fails.
    type: float
    default: 30
"""
