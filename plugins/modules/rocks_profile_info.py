#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_profile_info
short_description: Describe, explain, check and compare the profiles of nodes
version_added: 0.1.0
description:
  - List, for a node or for any graph root, the node files that its kickstart is compiled from, the
    path of edges that leads to each, and the attributes that it uses.
  - With O(why), return which files request a package or a line.
  - With O(lint=true), list everything that is wrong with the XML before a node is installed from
    it.
  - With O(diff), compare two nodes, or two generations of a distribution for one node.
options:
  why:
    description: A package, a node of the graph, or any part of a line of the kickstart to find the
      reason for.
    type: str
  diff:
    description:
      - The other side of the comparison. An omitted suboption has the value of the module's option
        with that name, so that O(diff.generation) alone compares two generations.
    type: dict
    suboptions:
      node:
        description: Another node.
        type: str
      root:
        description: Another root.
        type: str
      attributes:
        description: Additional attributes, which take precedence.
        type: dict
      path:
        description: Other directories with XML.
        type: list
        elements: path
      distribution:
        description: Another distribution.
        type: str
      generation:
        description: Another generation, as O(generation).
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
      - For a distribution, check also that its metadata has all packages.
    type: bool
    default: false
  releases:
    description: The releases to lint for, in addition to O(release).
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
- name: Find out why gcc is on every compute node
  npaci.rocks.rocks_profile_info:
    path: xml
    root: compute
    release: rhel9
    attributes:
      hostname: compute-0-0
      install_url: http://10.1.1.1/install/rocks/x86_64
    why: gcc

- name: Show what a new generation changes on compute-0-0
  npaci.rocks.rocks_profile_info:
    node: compute-0-0
    generation: 4c19e0b2
    diff:
      generation: 9f00a1d7

- name: Compare two nodes
  npaci.rocks.rocks_profile_info:
    node: compute-0-0
    diff:
      node: nfs-0-0

- name: Check a site's XML for two releases
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
      description: The path from the root, each node with the file and line of the edge that leads
        to it.
      type: list
      elements: dict
shape:
  description: The attributes that decide what the profile contains, with their values.
  returned: without O(why), O(diff) and O(lint)
  type: dict
attributes:
  description: The attributes that its texts use, each with the first file and line.
  returned: without O(why), O(diff) and O(lint)
  type: dict
declarations:
  description: The graph's declarations of the attributes in RV(shape) and RV(attributes).
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
  description: The places that request what O(why) names.
  returned: with O(why), unless O(lint=true) finds an error
  type: list
  elements: dict
  contains:
    text:
      description: The package, node or line.
      type: str
    where:
      description: File and line of the request.
      type: str
    path:
      description: The path from the root to the node with that file.
      type: list
      elements: dict
difference:
  description: The differences between this profile and the other one.
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
      description: Attributes that the profiles use and that differ, with both values.
      type: dict
    text:
      description: The two kickstarts as a unified diff; each changed line ends with its file and
        line.
      type: str
findings:
  description: What is wrong, sorted by file and line.
  returned: when O(lint=true)
  type: list
  elements: dict
  contains:
    severity:
      description: V(error) if it stops a compile or an installation, otherwise V(warning).
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
      description: How to correct it.
      type: str
"""

from typing import Any, Iterable, Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import (
    database_spec,
    profile_spec,
)
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.explain import (
    Hop,
    Side,
    compare,
    explain,
    path_to_node,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.lint import lint
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import (
    referenced_attributes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings, load
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.profile_target import (
    ProfileTarget,
    resolve_target,
)

OTHER = ("node", "root", "attributes", "path", "distribution", "generation", "graph", "release")


def main() -> None:
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
    with errors_as_failure(module):
        module.exit_json(changed=False, **information(module.params, load()))


def information(params: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    target = resolve_target(params, settings)
    result: dict[str, Any] = {}
    if params["lint"]:
        result["findings"] = findings(target, params["releases"])
        if any(finding["severity"] == "error" for finding in result["findings"]):
            return result
    if params["why"]:
        reasons = explain(target.find_or_compile(), target.attributes, params["why"])
        result["reasons"] = [
            {"text": reason.text, "where": str(reason.origin), "path": hops(reason.path)}
            for reason in reasons
        ]
    if params["diff"]:
        second = resolve_target(options_of_other_side(params), settings)
        sides = [side_of(target), side_of(second)]
        result["difference"] = compare(*sides)._asdict()
    return result or overview(target)


def side_of(target: ProfileTarget) -> Side:
    return Side(target.name, target.find_or_compile(), target.attributes)


def overview(target: ProfileTarget) -> dict[str, Any]:
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


def findings(target: ProfileTarget, releases: Sequence[str]) -> list[dict[str, str]]:
    release_names = list(dict.fromkeys([target.release, *releases]))
    remarks = lint(
        target.paths,
        {target.root: target.attributes},
        release_names,
        graph=target.graph,
        evaluate=target.evaluate,
        available=target.available_packages(),
    )
    return [
        {
            "severity": remark.severity,
            "rule": remark.rule,
            "where": str(remark.origin),
            "text": remark.text,
            "hint": remark.hint,
        }
        for remark in remarks
    ]


def hops(path: Iterable[Hop]) -> list[dict[str, str]]:
    return [{"node": hop.node, "edge": str(hop.edge or "")} for hop in path]


def options_of_other_side(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the suboptions of ``diff``, completed by the options of this side."""
    options = {name: value for name, value in params["diff"].items() if value is not None}
    merged = {**params, **options}
    if "node" in options:
        merged["root"] = options.get("root")
    elif "root" in options:
        merged["node"] = None
    return merged


if __name__ == "__main__":
    main()
