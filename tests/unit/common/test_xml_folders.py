"""The folders of XML: which files count, and the remedy for those that do not."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import xml_folders
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, NotFound
from support.kickstarts import tree

LAYER = {"graphs/default/g.xml": "<graph/>", "nodes/a.xml": "<kickstart/>"}


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        pytest.param("extend-a.xml", "nodes/", id="beside nodes"),
        pytest.param("node/extend-a.xml", "did you mean nodes", id="a misspelt folder"),
        pytest.param("site/a.xml", "nodes/", id="another folder"),
        pytest.param("nodes/web/a.xml", "nodes/", id="below nodes"),
        pytest.param("graphs/g.xml", "graphs/default/", id="no graph's name"),
        pytest.param("graphs/default/more/g.xml", "graphs/default/", id="below a graph"),
        pytest.param("nodes/b.XML", ".xml", id="capitals"),
    ],
)
def test_a_file_that_nothing_reads_has_a_remedy(
    tmp_path: pathlib.Path, path: str, remedy: str
) -> None:
    folder = tree(tmp_path, {**LAYER, path: "<kickstart/>"})
    (misplaced,) = xml_folders.misplaced_files(folder)
    assert misplaced.path == f"{folder}/{path}"
    assert remedy in misplaced.remedy


@pytest.mark.parametrize(
    "path",
    [
        "graph/g.xml",
        "graphs/other/g.xml",
        "site-nodes/a.xml",
        "include/a.xml",
        "include/sub/a.xml",
        "schema/a.xml",
        "nodes/a.xml~",
        "nodes/README",
        "nodes/.a.xml",
        ".git/a.xml",
    ],
)
def test_a_file_that_is_read_or_no_xml_is_in_its_place(tmp_path: pathlib.Path, path: str) -> None:
    assert not list(xml_folders.misplaced_files(tree(tmp_path, {**LAYER, path: ""})))


def test_a_link_to_nothing_and_a_folder_are_no_node_files(tmp_path: pathlib.Path) -> None:
    tree(tmp_path, LAYER)
    (tmp_path / "nodes" / "b.xml").symlink_to("gone.xml")
    (tmp_path / "nodes" / "c.xml").mkdir()
    misplaced = list(xml_folders.misplaced_files(str(tmp_path)))
    assert [pathlib.Path(item.path).name for item in misplaced] == ["b.xml", "c.xml"]
    assert all("regular file" in item.remedy for item in misplaced)


def test_a_folder_without_the_folders_of_a_layer_is_an_error(tmp_path: pathlib.Path) -> None:
    folder = tree(tmp_path, {**LAYER, "loose/extend-a.xml": ""})
    xml_folders.check_layer(folder)
    (tmp_path / "empty").mkdir()
    xml_folders.check_layer(f"{folder}/empty")
    with pytest.raises(NotFound):
        xml_folders.check_layer(f"{folder}/gone")
    for name, remedy in (("nodes", folder), ("graphs", folder), ("loose", "nodes/")):
        with pytest.raises(DescriptionError) as caught:
            xml_folders.check_layer(f"{folder}/{name}")
        assert remedy in caught.value.hint


def test_a_numbered_extension_belongs_to_its_node() -> None:
    for number in (1, 2, 11):
        assert xml_folders.node_of(xml_folders.extension_name("gtk+", number)) == "gtk+"
    assert xml_folders.node_of("replace-b") == "b"
    assert xml_folders.node_of("c++2") == "c++2"
