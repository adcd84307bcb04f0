# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Paths of published distributions (contract C4)."""

from __future__ import annotations

import pathlib

from ansible_collections.npaci.rocks.plugins.module_utils import tree_paths


def test_a_link_names_the_published_generation(tmp_path: pathlib.Path) -> None:
    root = str(tmp_path)
    assert tree_paths.published_generation(root, "rocks", "x86_64") == ""
    pathlib.Path(tree_paths.generation_folder(root, "rocks", "x86_64", "abc")).mkdir(parents=True)
    link = pathlib.Path(tree_paths.published_link(root, "rocks", "x86_64"))
    link.parent.mkdir()
    link.symlink_to("../.generations/rocks/x86_64/abc/")
    assert tree_paths.published_generation(root, "rocks", "x86_64") == "abc"


def test_a_profile_is_found_by_the_end_of_its_file_name() -> None:
    digest = "0123456789abcdef" * 4
    assert tree_paths.profile_file_name("compute", digest) == "compute-0123456789abcdef.json"
    assert tree_paths.profile_file_name("compute", digest).endswith(
        tree_paths.profile_ending(digest)
    )


def test_a_url_leads_to_what_the_root_holds_at_the_same_path() -> None:
    folder = tree_paths.generation_folder("/install", "rocks", "x86_64", "abc")
    assert (
        tree_paths.generation_url("http://10.1.1.1", "rocks", "x86_64", "abc")
        == f"http://10.1.1.1{folder}"
    )
