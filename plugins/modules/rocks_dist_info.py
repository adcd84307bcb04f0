#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_dist_info
short_description: Tell what is in a distribution, and why
version_added: 0.1.0
description:
  - Lists the generations of a distribution, says why a package was chosen or left out, and compares two generations.
  - What it says of packages was decided when the generation was built.
options:
  generation:
    description:
      - The generation that is asked about; the beginning of its name is enough, and V(previous) is the one that was
        published before. Without it, the published one.
    type: str
  why:
    description: Patterns of package names; RV(verdicts) says what became of every package of these names.
    type: list
    elements: str
    default: []
  compare_to:
    description: Another generation; RV(changes) is what O(generation) has that this one has not.
    type: str
extends_documentation_fragment:
  - npaci.rocks.attributes.info
  - npaci.rocks.distribution
author: the npaci.rocks contributors (@npaci)
seealso:
  - module: npaci.rocks.rocks_dist
"""

EXAMPLES = r"""
- name: Why this kernel?
  npaci.rocks.rocks_dist_info:
    name: rocks
    why: ["kernel*"]

- name: What came with the last build
  npaci.rocks.rocks_dist_info:
    name: rocks
    compare_to: previous
"""

RETURN = r"""
generations:
  description: The generations that are there, in the order in which they were published last.
  returned: success
  type: list
  elements: dict
  contains:
    generation:
      description: Its name.
      type: str
    published:
      description: Whether the distribution's link leads to it.
      type: bool
    tree:
      description: Its folder.
      type: str
    packages:
      description: How many packages are from which source.
      type: dict
generation:
  description: The generation that was asked about.
  returned: success
  type: str
verdicts:
  description: What became of the packages that O(why) names.
  returned: success
  type: list
  elements: dict
  contains:
    package:
      description: The NEVRA.
      type: str
    source:
      description: Its source.
      type: str
    chosen:
      description: Whether it is in the distribution.
      type: bool
    reason:
      description: Why.
      type: str
changes:
  description: C(added), C(removed), C(upgraded), C(downgraded), C(rebuilt), C(advisories), as M(npaci.rocks.rocks_dist) returns them.
  returned: when O(compare_to) is given
  type: dict
"""

from typing import Any, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.npaci.rocks.plugins.module_utils.argument_specs import distribution_spec
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.query import Query
from ansible_collections.npaci.rocks.plugins.module_utils.module_errors import errors_as_failure
from ansible_collections.npaci.rocks.plugins.module_utils.settings import load
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.build_distribution import (
    changes_as_dict,
    verdict_as_dict,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "generation": {"type": "str"},
            "why": {"type": "list", "elements": "str", "default": []},
            "compare_to": {"type": "str"},
            **distribution_spec(),
        },
        supports_check_mode=True,
    )
    with errors_as_failure(module):
        module.exit_json(changed=False, **read_distribution(module.params))


def read_distribution(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the module's result."""
    query = Query(
        params["path"] or load().distributions,
        params["name"],
        params["arch"],
        params["generation"] or "",
    )
    result: dict[str, Any] = {
        "generations": [
            {
                "generation": entry.generation.identity,
                "published": entry.published,
                "tree": entry.generation.path,
                "packages": dict(entry.generation.packages),
            }
            for entry in query.generations()
        ],
        "generation": query.identity,
        "verdicts": [
            {**verdict_as_dict(verdict), "chosen": verdict.chosen}
            for verdict in query.verdicts_for(params["why"])
        ],
    }
    if params["compare_to"]:
        result["changes"] = changes_as_dict(query.changes_since(params["compare_to"]))
    return result


if __name__ == "__main__":
    main()
