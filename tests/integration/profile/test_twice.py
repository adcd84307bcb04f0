"""A second run of every script of the shipped profiles succeeds and changes nothing.

This is tested for every appliance and for every choice of a site. The lab tests the same with a
real package manager and a real systemctl, for compute nodes.
"""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import render
from support import twice
from support.profiles import CHOICES, ORDER, ROOTS, SITES, node_attributes, scripts, shipped_profile

NEWEST_EL = "rhel10"
CASES = [(root, NEWEST_EL, "") for root in ROOTS] + [("frontend", "rhel8", "")]
CASES += [(root, "rhel8" if site == "nis" else NEWEST_EL, site) for root, site in CHOICES]


@pytest.mark.parametrize(("root", "release", "site"), CASES, ids=lambda word: word or "as it is")
def test_a_second_run_of_a_script_changes_nothing(
    tmp_path: pathlib.Path, root: str, release: str, site: str
) -> None:
    chosen = SITES.get(site, {})
    order = {**ORDER, "frontend_url": twice.FRONTEND, "install_url": twice.TREE}
    values = {**node_attributes(root, **chosen), **order}
    text = render(shipped_profile(root, release, **chosen), values)
    results = twice.run(tmp_path, scripts(text, release))
    assert [result for result in results if result.statuses != (0, 0)] == []
    assert [(result.node, result.changed) for result in results if result.changed] == []
    assert results[-1].files > results[0].files
    written = (tmp_path / "run/rocks/partition.ks").read_text().splitlines()
    assert written[0] == "# first" and written[1].startswith("ignoredisk --only-use=vda")
    assert (tmp_path / "run/rocks/rootpw.ks").exists()
