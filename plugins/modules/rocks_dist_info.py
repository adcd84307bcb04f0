#!/usr/bin/python
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: rocks_dist_info
short_description: List the generations and packages of a distribution
version_added: 0.1.0
description:
  - Lists the generations of a distribution, returns why a package was chosen or left out, and
    compares two generations.
  - The reasons were recorded when the generation was built.
  - Compares the files of a generation with their checksums.
options:
  generation:
    description:
      - The generation to read. The beginning of its name is sufficient; V(previous) is the one that
        was published before. The default is the published one.
    type: str
  why:
    description: Patterns of package names. RV(verdicts) contains the decision about every package
      that matches.
    type: list
    elements: str
    default: []
  compare_to:
    description: Another generation. RV(changes) contains what changed from that one to
      O(generation).
    type: str
  verify:
    description:
      - Whether to read every file of O(generation) and compare it with its checksum. The task fails
        if one is damaged or missing, and RV(damaged) lists them.
    type: bool
    default: false
extends_documentation_fragment:
  - npaci.rocks.attributes.info
  - npaci.rocks.distribution
author: the npaci.rocks contributors (@npaci)
seealso:
  - module: npaci.rocks.rocks_dist
"""

EXAMPLES = r"""
- name: Find out why this kernel was chosen
  npaci.rocks.rocks_dist_info:
    name: rocks
    why: ["kernel*"]

- name: Find files that are damaged on the disk
  npaci.rocks.rocks_dist_info:
    name: rocks
    verify: true

- name: List the changes of the last build
  npaci.rocks.rocks_dist_info:
    name: rocks
    compare_to: previous
"""

RETURN = r"""
generations:
  description: The existing generations, ordered by their last publication.
  returned: success
  type: list
  elements: dict
  contains:
    generation:
      description: The name of the generation.
      type: str
    published:
      description: Whether the distribution's link leads to it.
      type: bool
    tree:
      description: The folder of the generation.
      type: str
    packages:
      description: The number of packages from each source.
      type: dict
    places:
      description:
        - The URL or path of each source at the last build of the generation, without a password.
        - Empty for a generation that an older version of this collection built.
      type: dict
checked:
  description: The number of files that were compared with their checksums.
  returned: when O(verify)
  type: int
damaged:
  description: The files that differ from what was published.
  returned: when O(verify)
  type: list
  elements: dict
  contains:
    path:
      description: The file, relative to the generation.
      type: str
    fault:
      description: What is wrong with it.
      type: str
generation:
  description: The generation that was read.
  returned: success
  type: str
verdicts:
  description: The decisions about the packages that O(why) matches.
  returned: success
  type: list
  elements: dict
  contains:
    package:
      description: The NEVRA.
      type: str
    source:
      description: The source.
      type: str
    chosen:
      description: Whether the distribution contains it.
      type: bool
    reason:
      description: The reason.
      type: str
changes:
  description: C(added), C(removed), C(upgraded), C(downgraded), C(rebuilt), C(advisories), as in
    M(npaci.rocks.rocks_dist).
  returned: when O(compare_to) is set
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
            "verify": {"type": "bool", "default": False},
            **distribution_spec(),
        },
        supports_check_mode=True,
    )
    with errors_as_failure(module):
        result = read_distribution(module.params)
        if result.get("damaged"):
            module.fail_json(msg=damage_message(result), **result)
        module.exit_json(changed=False, **result)


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
                "places": dict(entry.places),
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
    if params["verify"]:
        checked, damaged = query.scrub()
        result["checked"] = checked
        result["damaged"] = [{"path": damage.path, "fault": damage.fault} for damage in damaged]
    return result


def damage_message(result: Mapping[str, Any]) -> str:
    """Return the error about damaged files."""
    damaged = result["damaged"]
    files = "file is" if len(damaged) == 1 else "files are"
    return (
        f"generation {result['generation']}: {len(damaged)} {files} damaged, the first is"
        f" {damaged[0]['path']}: {damaged[0]['fault']}; copy the files from their source over these"
        " (cp, which keeps the links of other generations), or publish another generation"
    )


if __name__ == "__main__":
    main()
