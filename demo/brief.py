# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The part of a module's answer that a person wants to see here: ``brief.py PART <answer``."""

from __future__ import annotations

import json
import sys
from typing import Any


def dist(answer: dict[str, Any]) -> str:
    upgraded = ", ".join(
        f"{one['name']} {one['before']} -> {one['after']}" for one in answer["upgraded"]
    )
    return (
        f"generation {answer['generation'][:12]}, {sum(answer['packages'].values())} packages: "
        f"{len(answer['added'])} added, {len(answer['removed'])} removed, {upgraded or 'none'} upgraded"
    )


def history(answer: dict[str, Any]) -> str:
    return "\n".join(
        f"{one['node']} {one['state']}, generation {one['generation'][:12]}, ordered by {one['by']}: "
        + ", ".join(f"{phase} {seconds:.0f} s" for phase, seconds in one["seconds"].items())
        for one in answer["installs"]
    )


PARTS = {
    "changed": lambda answer: "changed" if answer["changed"] else "unchanged",
    "schema": lambda answer: f"{answer['database']}, schema {answer['schema']}",
    "network": lambda answer: "{name}: {subnet}/{netmask}".format(**answer["network"]),
    "nodes": lambda answer: "\n".join(f"{node['name']} {node['ip']}" for node in answer["nodes"]),
    "inserted": lambda answer: "\n".join(
        f"{node['mac']} is {node['name']}, {node['ip']}, install order: {node['state']}"
        for node in answer["nodes"]
    ),
    "dist": dist,
    "history": history,
    "steps": lambda answer: answer["msg"],
    "why": lambda answer: "\n".join(
        f"{one['text']}: {one['where']}, by way of {' -> '.join(step['node'] for step in one['path'])}"
        for one in answer["reasons"]
    ),
}

if __name__ == "__main__":
    before = []
    for line in sys.stdin:
        if " => " in line:
            break
        before.append(line)
        if sys.argv[1] == "steps":  # as they happen
            print(f"  {line}", end="", flush=True)
    else:
        line = ""
    status, arrow, answer = (line + sys.stdin.read()).partition(" => ")
    if not arrow or "FAILED" in status or "ERROR" in status:
        print(*before, line, answer, sep="")
        sys.exit(1)
    print("  " + PARTS[sys.argv[1]](json.loads(answer)).replace("\n", "\n  "))
