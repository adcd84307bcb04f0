#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_graph
short_description: Draw the graph of node files
version_added: 0.1.0
description:
  - Draws which node includes which, as SVG for any browser or as DOT for graphviz. Roots are filled, a colour tells
    the roll that an edge came with, an edge with a condition is dashed and carries it, a node without a file is red.
options:
  path:
    description: Directories that hold C(graphs/) and C(nodes/), from the general to the special.
    type: list
    elements: path
    required: true
  graph:
    description: Name of the graph, a directory below C(graphs/).
    type: str
    default: default
  root:
    description: Draw only what this root may include.
    type: str
  roots:
    description: Nodes to mark as roots besides those that no other node includes.
    type: list
    elements: str
    default: []
  attributes:
    description: With O(root), follow only the edges that hold for a node with these attributes.
    type: dict
  release:
    description: The release that conditions are asked for, with O(attributes).
    type: str
    choices: [rhel7, rhel8, rhel9, rhel10, f44, f45, fedora]
    default: rhel9
  format:
    description: Form of the picture; without it the ending of O(dest) counts, otherwise V(svg).
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
- name: Our profiles, as in Figure 4 of the paper
  npaci.rocks.rocks_graph:
    path: xml
    dest: /tmp/profiles.svg

- name: What a compute node of rack 0 includes
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
  description: The nodes that are drawn.
  returned: success
  type: list
  elements: str
roots:
  description: Those that are marked as roots.
  returned: success
  type: list
  elements: str
absent:
  description: Those that have no file.
  returned: success
  type: list
  elements: str
edges:
  description: How many edges are drawn.
  returned: success
  type: int
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import profile_spec
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.files import read_text, replace
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
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml.layers import XmlLayers
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.profile_target import to_text


def main():
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
    try:
        module.exit_json(**picture(module))
    except RocksError as error:
        module.fail_json(msg=str(error))


def picture(module):
    params = module.params
    sources = XmlLayers(params["path"], params["graph"])
    drawing = make_drawing(sources, edges(sources, params), params["root"] or "", params["roots"])
    dest = params["dest"] or ""
    form = params["format"] or ("dot" if dest.endswith(".dot") else "svg")
    drawn = to_dot(drawing) if form == "dot" else to_svg(drawing)
    result = {
        "changed": False,
        "picture": drawn,
        "nodes": list(drawing.nodes),
        "roots": sorted(drawing.roots),
        "absent": sorted(drawing.absent),
        "edges": len(drawing.edges),
    }
    if dest:
        before = read_text(dest) if os.path.exists(dest) else ""
        result["changed"] = before != drawn
        result["diff"] = {
            "before": before,
            "after": drawn,
            "before_header": dest,
            "after_header": dest,
        }
        if result["changed"] and not module.check_mode:
            replace(dest, drawn)
    return result


def edges(sources, params):
    if not params["root"]:
        return sources.graph.edges
    if params["attributes"] is None:
        return edges_below(sources.graph.edges, params["root"])
    given = {name: to_text(value) for name, value in params["attributes"].items()}
    return followed_edges(
        sources.graph, params["root"], tracked_attributes(sources, given, params["release"])
    )


if __name__ == "__main__":
    main()
