"""Published generations and their differences, checked with repositories by createrepo_c."""

from __future__ import annotations

import gzip
import json
import os
import pathlib
import shutil

import pytest
import zstandard

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, NotFound
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order
from ansible_collections.npaci.rocks.plugins.module_utils.service import (
    package_diff,
    published_trees,
)
from ansible_collections.npaci.rocks.plugins.module_utils.service.generation_facts import (
    read_facts,
)
from ansible_collections.npaci.rocks.plugins.module_utils.service.package_diff import (
    Difference,
    compare_packages,
    read_packages,
)
from ansible_collections.npaci.rocks.plugins.module_utils.service.profile_changes import (
    changed_profiles,
)
from support import repodata as createrepo
from support.frontend import GENERATION, HttpService, publish
from support.pages import read
from support.rpms import Rpm, repository

ADMIN = "127.0.0.1"
BEFORE = [
    Rpm("bash", "5.1.8", "6"),
    Rpm("gone", "1", "1"),
    Rpm("kernel", "5.14", "1"),
    Rpm("kernel", "5.14", "2"),
]
AFTER = [
    Rpm("bash", "5.1.8", "9", epoch=1),
    Rpm("c++-thing", "1", "1"),
    Rpm("kernel", "5.14", "1"),
    Rpm("kernel", "5.14", "2"),
]
CHANGED = Difference(
    (("c++-thing.noarch", "1-1"),),
    (("gone.noarch", "1-1"),),
    (("bash.noarch", "5.1.8-6", "1:5.1.8-9"),),
)


def test_generations_are_listed_in_the_order_of_publication(root: pathlib.Path) -> None:
    for name in ("b", "c", "a"):
        publish(root, name)
    (root / ".generations" / "rocks" / "x86_64" / ".history").write_text(
        json.dumps(["b", "c", "a", "removed"])
    )
    assert published_trees.list_distributions(str(root)) == [
        published_trees.PublishedDistribution("rocks", "x86_64", "a", ("b", "c", "a"))
    ]


def test_a_missing_folder_has_no_distributions(tmp_path: pathlib.Path) -> None:
    assert published_trees.list_distributions(str(tmp_path / "none")) == []


@pytest.mark.parametrize("name", ["..", "../../etc", "", "rocks\x00", ".generations"])
def test_a_name_in_a_request_cannot_leave_the_tree(root: pathlib.Path, name: str) -> None:
    publish(root)
    with pytest.raises(NotFound):
        published_trees.find_distribution(str(root), name, "x86_64")
    with pytest.raises(NotFound):
        published_trees.generation_path(
            str(root), published_trees.find_distribution(str(root), "rocks", "x86_64"), name
        )


def test_the_packages_are_those_that_createrepo_c_reads(tmp_path: pathlib.Path) -> None:
    repository(tmp_path, AFTER)
    expected: dict[str, list[str]] = {}
    for package in createrepo.packages(tmp_path):
        version = f"{package.version}-{package.release}"
        label = version if package.epoch in ("0", None) else f"{package.epoch}:{version}"
        expected.setdefault(f"{package.name}.{package.arch}", []).append(label)
    assert read_packages(str(tmp_path)) == {
        name: tuple(sorted(versions)) for name, versions in expected.items()
    }


def test_two_generations_differ_by_what_was_added_removed_and_changed(
    tmp_path: pathlib.Path,
) -> None:
    repository(tmp_path / "before", BEFORE)
    repository(tmp_path / "after", AFTER)
    before = read_packages(str(tmp_path / "before"))
    after = read_packages(str(tmp_path / "after"))
    assert compare_packages(before, after) == CHANGED
    assert compare_packages(after, after) == Difference((), (), ())


@pytest.mark.parametrize("piece", [64, 1000, 1 << 20])
def test_a_package_may_be_split_between_two_chunks(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    repository(tmp_path, AFTER)
    monkeypatch.setattr(package_diff, "CHUNK", piece)
    read_packages.cache_clear()
    assert sorted(read_packages(str(tmp_path))) == [
        "bash.noarch",
        "c++-thing.noarch",
        "kernel.noarch",
    ]


def test_metadata_in_several_zstd_frames_is_read_completely(tmp_path: pathlib.Path) -> None:
    repository(tmp_path, AFTER, suffix=".gz")
    repodata = tmp_path / "repodata"
    (primary,) = repodata.glob("*primary.xml.gz")
    text = gzip.decompress(primary.read_bytes())
    frames = [zstandard.compress(part) for part in (text[:700], text[700:])]
    (repodata / "primary.xml.zst").write_bytes(b"".join(frames))
    repomd = (repodata / "repomd.xml").read_text()
    (repodata / "repomd.xml").write_text(repomd.replace(primary.name, "primary.xml.zst"))
    read_packages.cache_clear()
    assert len(read_packages(str(tmp_path))) == 3


def test_a_tree_without_metadata_is_an_error_that_names_the_file(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotFound, match=r"repomd\.xml"):
        read_packages(str(tmp_path / "none"))
    (tmp_path / "repodata").mkdir()
    (tmp_path / "repodata" / "repomd.xml").write_text(
        '<data type="primary"><location href="../../etc/passwd"/></data>'
    )
    with pytest.raises(DescriptionError):
        read_packages(str(tmp_path))


def test_the_pages_count_nodes_by_generation_and_list_differences(
    service: HttpService, cluster: Database, order: Order, root: pathlib.Path
) -> None:
    publish(root, "next")
    generations = root / ".generations" / "rocks" / "x86_64"
    repository(generations / GENERATION, BEFORE)
    repository(generations / "next", AFTER)
    (generations / ".history").write_text(json.dumps([GENERATION, "next"]))
    read_packages.cache_clear()
    texts = read(service.get("/rocks/generations", ADMIN).text).texts
    assert texts.index("next") < texts.index("published") < texts.index(GENERATION)
    assert texts[texts.index(GENERATION) + 1] == "1"
    response = service.get(f"/rocks/generations/rocks/x86_64/{GENERATION}...next", ADMIN)
    difference_texts = read(response.text).texts
    assert difference_texts[
        difference_texts.index("bash.noarch") : difference_texts.index("bash.noarch") + 3
    ] == [
        "bash.noarch",
        "5.1.8-6",
        "1:5.1.8-9",
    ]
    assert "c++-thing.noarch" in difference_texts
    assert service.get("/rocks/generations/rocks/x86_64/..." + GENERATION, ADMIN).status == 404
    assert service.get("/rocks/generations/rocks/../" + GENERATION, ADMIN).status == 404


def test_profiles_of_two_generations_are_compared_by_their_hashes(tmp_path: pathlib.Path) -> None:
    trees = {
        "before": ["compute-aa.json", "compute-bb.json", "nas-cc.json", "login-node-dd.json"],
        "after": ["compute-aa.json", "nas-cc.json", "login-node-ee.json", "web-ff.json"],
    }
    for tree, names in trees.items():
        folder = tmp_path / tree / "build" / "profiles"
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).touch()
    (tmp_path / "none").mkdir()
    before, after, none = (str(tmp_path / name) for name in (*trees, "none"))
    assert changed_profiles(before, after) == [
        ("compute", "changed"),
        ("login-node", "changed"),
        ("web", "added"),
    ]
    assert changed_profiles(before, before) == changed_profiles(none, none) == []
    assert changed_profiles(after, none)[-1] == ("web", "removed")


@pytest.mark.parametrize(
    ("profile", "words"),
    [("compute-0000000000000000.json", "different profiles"), ("", "same packages and profiles")],
)
def test_generations_with_the_same_packages_can_have_different_profiles(
    service: HttpService, order: Order, root: pathlib.Path, profile: str, words: str
) -> None:
    publish(root, "next")
    generations = root / ".generations" / "rocks" / "x86_64"
    for name in (GENERATION, "next"):
        repository(generations / name, BEFORE)
    profiles = generations / "next" / "build" / "profiles"
    shutil.rmtree(profiles, ignore_errors=True)
    shutil.copytree(generations / GENERATION / "build" / "profiles", profiles)
    if profile:
        (profiles / profile).touch()
    read_packages.cache_clear()
    page = service.get(f"/rocks/generations/rocks/x86_64/{GENERATION}...next", ADMIN).text
    assert words in page
    assert ("compute" in read(page).texts) is bool(profile)


def test_a_generation_has_its_content_and_its_nodes(
    service: HttpService, cluster: Database, order: Order, root: pathlib.Path
) -> None:
    tree = root / ".generations" / "rocks" / "x86_64" / GENERATION
    repository(tree, BEFORE)
    (tree / ".treeinfo").write_text("[release]\nname = Rocky Linux\nversion = 9.6\n")
    os.utime(tree, (1_795_338_845, 1_795_338_845))
    read_packages.cache_clear()
    read_facts.cache_clear()
    cluster.execute("update installs set state = 'up', live = null")
    response = service.get(f"/rocks/generation/rocks/x86_64/{GENERATION}", ADMIN)
    texts = read(response.text).texts
    for text in ("Rocky Linux 9.6", str(len(BEFORE)), "compute", "base", "2026-11-22 09:14:05"):
        assert text in texts, text
    assert "compute-0-0" in texts
    assert service.get("/rocks/generation/rocks/x86_64/none", ADMIN).status == 404


def test_the_graph_is_drawn_as_a_whole_and_below_a_root(service: HttpService, order: Order) -> None:
    whole = service.get("/rocks/graph", ADMIN)
    assert "svg" in read(whole.text).tags
    assert {"compute", "base"} <= set(read(whole.text).texts)
    assert (
        service.get("/rocks/graph?distribution=rocks&arch=x86_64&root=compute", ADMIN).status == 200
    )
    assert service.get("/rocks/graph?distribution=other&arch=x86_64", ADMIN).status == 404


def test_without_a_published_distribution_the_pages_are_empty(service: HttpService) -> None:
    assert "No distribution" in service.get("/rocks/graph", ADMIN).text
    assert "No distribution" in service.get("/rocks/generations", ADMIN).text
