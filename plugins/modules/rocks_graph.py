#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_graph
short_description: Draw the graph of node files
version_added: 0.1.0
description:
  - Draw which node includes which, as SVG for any browser or as DOT for Graphviz.
  - Roots are filled, a colour shows the roll that an edge comes from, an edge with a condition is
    dashed and labelled with it, and a node without a file is red.
options:
  path:
    description: Directories that contain C(graphs/) and C(nodes/), from the general to the
      specific.
    type: list
    elements: path
    required: true
  graph:
    description: Name of the graph, a directory below C(graphs/).
    type: str
    default: default
  root:
    description: Draw only what this root can include.
    type: str
  roots:
    description: Nodes to mark as roots, in addition to those that no other node includes.
    type: list
    elements: str
    default: []
  attributes:
    description: With O(root), follow only the edges that hold for a node with these attributes.
    type: dict
  release:
    description: With O(attributes), the release that conditions are evaluated for.
    type: str
    choices: [rhel7, rhel8, rhel9, rhel10, f44, f45, fedora]
    default: rhel9
  format:
    description: Format of the picture; the default is the extension of O(dest), or V(svg).
    type: str
    choices: [svg, dot]
  dest:
    description: File to write the picture to; its directory must exist.
    type: path
extends_documentation_fragment:
  - npaci.rocks.attributes
author: the npaci.rocks contributors (@npaci)
seealso:
  - module: npaci.rocks.rocks_profile_info
"""

EXAMPLES = r"""
- name: Draw the profiles, as in Figure 4 of the paper
  npaci.rocks.rocks_graph:
    path: xml
    dest: /tmp/profiles.svg

- name: Draw what a compute node of rack 0 includes
  npaci.rocks.rocks_graph:
    path: xml
    root: compute
    attributes:
      rack: 0
    dest: /tmp/compute.dot
"""

RETURN = r"""
picture:
  description: The picture.
  returned: success
  type: str
nodes:
  description: The nodes in the picture.
  returned: success
  type: list
  elements: str
roots:
  description: The nodes that are marked as roots.
  returned: success
  type: list
  elements: str
absent:
  description: The nodes that have no file.
  returned: success
  type: list
  elements: str
edges:
  description: The number of edges in the picture.
  returned: success
  type: int
"""

import os
from typing import Any, Iterable, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import profile_spec
from ansible_collections.npaci.rocks.plugins.module_utils.attribute_values import to_text
from ansible_collections.npaci.rocks.plugins.module_utils.files import read_text, replace
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    tracked_attributes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.traversal import (
    followed_edges,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.drawing.graph_drawing import (
    edges_below,
    make_drawing,
    to_dot,
    to_svg,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.model import Edge
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml.layers import XmlLayers


def main() -> None:
    spec = profile_spec()
    module = AnsibleModule(
        argument_spec={
            "path": {**spec["path"], "required": True},
            "graph": spec["graph"],
            "root": spec["root"],
            "roots": {"type": "list", "elements": "str", "default": []},
            "attributes": {"type": "dict"},
            "release": {**spec["release"], "default": "rhel9"},
            "format": {"type": "str", "choices": ["svg", "dot"]},
            "dest": {"type": "path"},
        },
        supports_check_mode=True,
        required_by={"attributes": ("root",)},
    )
    with errors_as_failure(module):
        module.exit_json(**draw(module))


def draw(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    layers = XmlLayers(params["path"], params["graph"])
    edges = selected_edges(layers, params)
    drawing = make_drawing(layers, edges, params["root"] or "", params["roots"])
    dest = params["dest"] or ""
    format_ = params["format"] or ("dot" if dest.endswith(".dot") else "svg")
    picture = to_dot(drawing) if format_ == "dot" else to_svg(drawing)
    result: dict[str, Any] = {
        "changed": False,
        "picture": picture,
        "nodes": list(drawing.nodes),
        "roots": sorted(drawing.roots),
        "absent": sorted(drawing.absent),
        "edges": len(drawing.edges),
    }
    if dest:
        before = read_text(dest) if os.path.exists(dest) else ""
        result["changed"] = before != picture
        result["diff"] = {
            "before": before,
            "after": picture,
            "before_header": dest,
            "after_header": dest,
        }
        if result["changed"] and not module.check_mode:
            replace(dest, picture)
    return result


def selected_edges(layers: XmlLayers, params: Mapping[str, Any]) -> Iterable[Edge]:
    if not params["root"]:
        return layers.graph.edges
    if params["attributes"] is None:
        return edges_below(layers.graph.edges, params["root"])
    attributes = {name: to_text(value, name) for name, value in params["attributes"].items()}
    return followed_edges(
        layers.graph, params["root"], tracked_attributes(layers, attributes, params["release"])
    )


if __name__ == "__main__":
    main()
