#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_profile_info
short_description: Tell what a node's profile holds, why, what is wrong with it, and how two of them differ
version_added: 0.1.0
description:
  - Says for a node, or for any graph root, which node files make its kickstart and by which way of edges each is
    reached, which attributes it uses, and who asks for a package or a line.
  - With O(lint=true) it lists everything that is wrong with the XML before a node is installed from it.
  - With O(diff) it compares two nodes, or two generations of a distribution for one node.
options:
  why:
    description: A package, a node of the graph, or any part of a line of the kickstart; who asks for it is told.
    type: str
  diff:
    description:
      - What to compare with. What is not given is as in the module's own options, so that V(generation) alone compares
        two generations.
    type: dict
    suboptions:
      node:
        description: Another node.
        type: str
      root:
        description: Another root.
        type: str
      attributes:
        description: Attributes that are added, and win.
        type: dict
      path:
        description: Other directories with XML.
        type: list
        elements: path
      distribution:
        description: Another distribution.
        type: str
      generation:
        description: Another generation.
        type: str
      graph:
        description: Another graph.
        type: str
      release:
        description: Another release.
        type: str
        choices: [rhel7, rhel8, rhel9, rhel10, f44, f45, fedora]
  lint:
    description:
      - List the findings about all files and about the profile.
      - For a distribution, its packages are looked up in its own metadata.
    type: bool
    default: false
  releases:
    description: The releases to lint for, besides O(release).
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - npaci.rocks.attributes.info
  - npaci.rocks.database
  - npaci.rocks.profile
author: the npaci.rocks contributors (@npaci)
seealso:
  - module: npaci.rocks.rocks_kickstart
  - module: npaci.rocks.rocks_graph
"""

EXAMPLES = r"""
- name: Why gcc is on every compute node
  npaci.rocks.rocks_profile_info:
    path: xml
    root: compute
    release: rhel9
    attributes:
      hostname: compute-0-0
      install_url: http://10.1.1.1/install/rocks/x86_64
    why: gcc

- name: What a new generation changes on compute-0-0
  npaci.rocks.rocks_profile_info:
    node: compute-0-0
    generation: 4c19e0b2
    diff:
      generation: 9f00a1d7

- name: How two nodes differ
  npaci.rocks.rocks_profile_info:
    node: compute-0-0
    diff:
      node: nfs-0-0

- name: Everything that is wrong with a site's XML, for two releases
  npaci.rocks.rocks_profile_info:
    path:
      - xml
      - /etc/rocks/xml
    root: compute
    release: rhel9
    releases: [rhel10]
    lint: true
"""

RETURN = r"""
nodes:
  description: The nodes of the graph in their order.
  returned: without O(why), O(diff) and O(lint)
  type: list
  elements: dict
  contains:
    name:
      description: Name of the node.
      type: str
    files:
      description: Its files.
      type: list
      elements: str
    path:
      description: The way of edges from the root, each node with the file and line of the edge that leads to it.
      type: list
      elements: dict
shape:
  description: The attributes that decide what the profile holds, with their values.
  returned: without O(why), O(diff) and O(lint)
  type: dict
attributes:
  description: The attributes that stand in its texts, each with the first place.
  returned: without O(why), O(diff) and O(lint)
  type: dict
declarations:
  description: How the graph declares each of these attributes; those that it does not declare are left out.
  returned: without O(why), O(diff) and O(lint)
  type: dict
  sample:
    disk_table:
      default: gpt
      meaning: Partition table of a disk that the installer partitions.
      type: str
      values: [gpt, msdos]
      where: xml/graphs/default/base.xml:38
reasons:
  description: Who asks for what O(why) names.
  returned: with O(why), unless O(lint=true) finds an error
  type: list
  elements: dict
  contains:
    text:
      description: The package, node or line.
      type: str
    where:
      description: File and line that ask for it.
      type: str
    path:
      description: The way of edges from the root to the node with that file.
      type: list
      elements: dict
difference:
  description: What the other profile has and this one has not, and the reverse.
  returned: with O(diff), unless O(lint=true) finds an error
  type: dict
  contains:
    nodes_added:
      description: Nodes of the graph that only the other one has.
      type: list
      elements: str
    nodes_removed:
      description: Nodes of the graph that only this one has.
      type: list
      elements: str
    packages_added:
      description: Packages that only the other one has.
      type: list
      elements: str
    packages_removed:
      description: Packages that only this one has.
      type: list
      elements: str
    attributes:
      description: Attributes that the two use and that differ, with both values.
      type: dict
    text:
      description: The two kickstarts as a unified diff; a changed line ends with the file and line behind it.
      type: str
findings:
  description: What is wrong, sorted by file and line.
  returned: when O(lint=true)
  type: list
  elements: dict
  contains:
    severity:
      description: V(error) for what stops a compile or an installation, otherwise V(warning).
      type: str
    rule:
      description: Name of the rule.
      type: str
    where:
      description: File and line.
      type: str
    text:
      description: What is wrong.
      type: str
    hint:
      description: What to do about it.
      type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import (
    database_spec,
    profile_spec,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.explain import (
    Side,
    compare,
    explain,
    path_to_node,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.lint import lint
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import (
    referenced_attributes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.settings import load
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.profile_target import (
    resolve_target,
)

OTHER = ("node", "root", "attributes", "path", "distribution", "generation", "graph", "release")


def main():
    spec = profile_spec()
    other = {name: {k: v for k, v in spec[name].items() if k != "default"} for name in OTHER}
    module = AnsibleModule(
        argument_spec={
            "why": {"type": "str"},
            "diff": {"type": "dict", "options": other},
            "lint": {"type": "bool", "default": False},
            "releases": {"type": "list", "elements": "str", "default": []},
            **database_spec(),
            **spec,
        },
        supports_check_mode=True,
        required_one_of=[("node", "root")],
        mutually_exclusive=[("node", "root"), ("path", "distribution")],
    )
    try:
        module.exit_json(changed=False, **information(module.params, load()))
    except RocksError as error:
        module.fail_json(msg=str(error))


def information(params, settings):
    asked = resolve_target(params, settings)
    result = {}
    if params["lint"]:
        result["findings"] = findings(asked, params["releases"])
        if any(finding["severity"] == "error" for finding in result["findings"]):
            return result
    if params["why"]:
        reasons = explain(asked.find_or_compile(), asked.attributes, params["why"])
        result["reasons"] = [
            {"text": reason.text, "where": str(reason.origin), "path": hops(reason.path)}
            for reason in reasons
        ]
    if params["diff"]:
        second = resolve_target(beside(params), settings)
        sides = [Side(one.name, one.find_or_compile(), one.attributes) for one in (asked, second)]
        result["difference"] = compare(*sides)._asdict()
    return result or overview(asked)


def overview(target):
    """What there is to say when nothing in particular is asked; the answer to a question must not drown in it."""
    profile = target.find_or_compile()
    references = referenced_attributes(profile)
    return {
        "nodes": [
            {
                "name": node.name,
                "files": list(node.files),
                "path": hops(path_to_node(profile, node)),
            }
            for node in profile.nodes
        ],
        "shape": dict(profile.shape),
        "attributes": {name: str(origin) for name, origin in sorted(references.items())},
        "declarations": {
            declaration.name: {
                "default": declaration.default,
                "meaning": declaration.meaning,
                "type": declaration.type,
                "values": list(declaration.values),
                "where": str(declaration.origin),
            }
            for declaration in target.declarations()
            if declaration.name in references or declaration.name in profile.shape
        },
    }


def findings(asked, releases):
    wanted = list(dict.fromkeys([asked.release, *releases]))
    remarks = lint(
        asked.paths,
        {asked.root: asked.attributes},
        wanted,
        graph=asked.graph,
        evaluate=asked.evaluate,
        available=asked.available_packages(),
    )
    return [
        {
            "severity": one.severity,
            "rule": one.rule,
            "where": str(one.origin),
            "text": one.text,
            "hint": one.hint,
        }
        for one in remarks
    ]


def hops(path):
    return [{"node": hop.node, "edge": str(hop.edge or "")} for hop in path]


def beside(params):
    """The options for the other side: its own, and those of this side where it has none."""
    given = {name: value for name, value in params["diff"].items() if value is not None}
    merged = {**params, **given}
    if "node" in given:
        merged["root"] = given.get("root")
    elif "root" in given:
        merged["node"] = None
    return merged


if __name__ == "__main__":
    main()
