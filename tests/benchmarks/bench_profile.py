"""Compile a profile of real rolls, and render 10,000 kickstarts of it for 10,000 different nodes.

Baselines: the original's CPU seconds for one kickstart (a published measurement of Rocks 7.0, not
run here), our own compilation for every request, and the same text as a Jinja2 template.
"""

from __future__ import annotations

import json
import sys
from typing import Mapping

import jinja2

from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.model import Profile
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import render
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.serialization import (
    deserialize,
    serialize,
)
from support.measure import Cost, best, cost_of, figure
from support.samples import SAMPLES

NODES = 10_000
# CPU seconds of the original for one kickstart of compute, without its interpreter's start (0.21).
ORIGINAL = 0.350
ROLLS = SAMPLES / "rocks7"


def evaluate(_script: str, _interpreter: str) -> str:
    """Replace the rolls' programs, without which the original was measured too."""
    return "$6$salt$hash"


def compile_rolls(attributes: Mapping[str, str]) -> Profile:
    """Compile directories, XML, graph and text."""
    return compile_profile(str(ROLLS), "compute", attributes, "rhel7", evaluate=evaluate)


def nodes(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    """Return nodes of one shape; all attributes in the text differ."""
    return [
        {
            **attributes,
            "Kickstart_PrivateHostname": f"frontend-{number}",
            "Kickstart_PrivateAddress": f"10.1.{number >> 8}.{number & 255}",
            "Kickstart_PublicHostname": f"it's frontend {number}",
        }
        for number in range(NODES)
    ]


def jinja(profile: Profile) -> jinja2.Template:
    """Return the same lines as a template with unescaped values."""
    lines = (
        "".join(p if isinstance(p, str) else f"\x01{p.name}\x02" for p in line.pieces)
        for line in profile.lines
    )
    environment = jinja2.Environment(
        variable_start_string="\x01",
        variable_end_string="\x02",
        block_start_string="\x03",
        comment_start_string="\x04",
    )
    return environment.from_string("\n".join(lines))


def main() -> int:
    if not ROLLS.is_dir():
        print(f"profile: the sample is not at {ROLLS}; set ROCKS_SAMPLES", file=sys.stderr)
        return 1
    attributes = json.loads((ROLLS / "expected" / "compute.json").read_text())["attributes"]
    profile = compile_rolls(attributes)
    many = nodes(attributes)
    text = serialize(profile)
    template = jinja(profile)
    first = render(profile, many[0])
    print(f"profile: compute of Rocks 7's rolls, {len(profile.nodes)} nodes, {len(first):,} bytes")
    print("CPU seconds, the best of five")

    def per_node(cost: Cost) -> float:
        return cost.cpu / NODES * 1000

    compile_cost = best(5, lambda: cost_of(lambda: compile_rolls(attributes)))
    load_cost = best(5, lambda: cost_of(lambda: deserialize(text)))
    all_cost = best(5, lambda: cost_of(lambda: [render(profile, node) for node in many]))
    jinja_cost = best(
        2, lambda: cost_of(lambda: [template.render(node) for node in many[: NODES // 10]])
    )
    compile_seconds = compile_cost.cpu * NODES
    original = ORIGINAL * NODES
    figures = [
        figure(
            "compile, from the directories to the profile",
            compile_cost.cpu * 1000,
            "ms",
            limit=60,
            baseline=f"Rocks 7.0 {ORIGINAL * 1000:.0f} ms",
        ),
        figure(
            "read a stored profile",
            load_cost.cpu * 1000,
            "ms",
            baseline=f"{len(text):,} bytes, once a generation",
        ),
        figure(
            "one more node of the same shape",
            per_node(all_cost),
            "ms",
            limit=1,
            baseline=f"Jinja2 {per_node(jinja_cost) * 10:.3f} ms",
        ),
        figure(
            f"{NODES:,} kickstarts for {NODES:,} nodes",
            all_cost.cpu,
            "s",
            limit=2,
            baseline=f"a compile for each {compile_seconds:,.0f} s, Rocks 7.0 {original:,.0f} s",
        ),
    ]
    return 0 if all(figures) else 1


if __name__ == "__main__":
    sys.exit(main())
