"""build/ contains the XML of the parents, ours and the site's (paper, 6.2.3; Figure 6)."""

from __future__ import annotations

import pathlib
from typing import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.build import xml_overlay
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, NotFound
from ansible_collections.npaci.rocks.plugins.module_utils.profile.model import Element, Text
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml.layers import XmlLayers
from support.kickstarts import tree

PREFIXES = ("", "extend-", "replace-")


def node(*packages: str) -> str:
    return (
        "<?xml version='1.0'?>\n<kickstart>\n"
        + "".join(f"<package>{name}</package>\n" for name in packages)
        + "</kickstart>\n"
    )


PARENT = {
    "graphs/default/base.xml": "<graph/>",
    "nodes/ssh.xml": node("openssh"),
    "nodes/dhcp.xml": node("dhcp"),
}


def merge(*layers: Mapping[str, str]) -> dict[str, str]:
    merged = xml_overlay.merge_layers(
        [
            {path: xml_overlay.XmlFile(text, f"{number}/{path}") for path, text in layer.items()}
            for number, layer in enumerate(layers)
        ]
    )
    return {path: file.text for path, file in merged.items()}


def read(folder: pathlib.Path) -> dict[str, str]:
    return {path: file.text for path, file in xml_overlay.read_layer(str(folder)).items()}


def test_a_later_layer_replaces_a_file_and_adds_others() -> None:
    site = {"nodes/ssh.xml": node("dropbear"), "nodes/site.xml": node("emacs")}

    assert merge(PARENT, site) == {**PARENT, **site}


def test_an_extension_is_kept_next_to_the_file_that_it_extends() -> None:
    site = {"nodes/extend-ssh.xml": node("sshfs")}

    assert merge(PARENT, site) == {**PARENT, **site}


def test_the_extensions_of_two_layers_lie_side_by_side_unchanged() -> None:
    campus = {"nodes/extend-ssh.xml": node("a")}
    department = {"nodes/extend-ssh.xml": "<!-- for <kickstart> --><kickstart/>"}

    merged = merge(PARENT, campus, department, {"nodes/extend-ssh.xml": node("c")})

    assert merged["nodes/extend-ssh.xml"] == campus["nodes/extend-ssh.xml"]
    assert merged["nodes/extend-ssh+2.xml"] == department["nodes/extend-ssh.xml"]
    assert merged["nodes/extend-ssh+3.xml"] == node("c")


def test_a_replacement_removes_the_earlier_files_of_its_node() -> None:
    campus = {"nodes/extend-ssh.xml": node("a")}
    other = {"nodes/extend-ssh.xml": node("b")}
    department = {"nodes/replace-ssh.xml": node("b")}

    assert sorted(merge(PARENT, campus, other, department)) == [
        "graphs/default/base.xml",
        "nodes/dhcp.xml",
        "nodes/replace-ssh.xml",
    ]


def test_merging_an_extension_twice_adds_it_once() -> None:
    campus = {"nodes/extend-ssh.xml": node("sftp")}
    site = {"nodes/extend-ssh.xml": node("sshfs")}
    once = merge(PARENT, campus, site)

    assert merge(once, site) == once


def test_site_nodes_of_a_folder_have_precedence_over_its_nodes(tmp_path: pathlib.Path) -> None:
    for path, text in {
        "graphs/default/base.xml": "<graph/>",
        "nodes/ssh.xml": "old",
        "site-nodes/ssh.xml": "new",
        "include/part": "text",
        "programs/partition.py": "print()",
        "nodes/.ssh.xml.swp": "x",
        "nodes/ssh.xml~": "x",
        "notes.txt": "x",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    assert read(tmp_path) == {
        "graphs/default/base.xml": "<graph/>",
        "include/part": "text",
        "programs/partition.py": "print()",
        "nodes/ssh.xml": "new",
    }


NODE_FILES = st.dictionaries(
    st.sampled_from(
        [f"{folder}/{prefix}b.xml" for folder in ("nodes", "site-nodes") for prefix in PREFIXES]
    ),
    st.sampled_from(["x", "y", "z"]),
)


@given(layers=st.lists(NODE_FILES, min_size=1, max_size=3))
def test_the_compiler_reads_the_merged_files_like_the_layers(
    tmp_path_factory: pytest.TempPathFactory, layers: list[dict[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("layers")
    paths = []
    for number, layer in enumerate(layers):
        files = {path: node(f"{name}{number}{path[0]}") for path, name in layer.items()}
        graph = '<graph><edge from="a" to="b"/></graph>'
        files |= {} if number else {"graphs/default/g.xml": graph, "nodes/a.xml": node("a")}
        paths.append(tree(folder / str(number), files))
    merged = tree(folder / "merged", xml_overlay.merge_xml(paths, []).texts)

    def packages(*folders: str) -> list[list[str]]:
        layers = XmlLayers(folders)
        return [
            [text.text for text in child.children if isinstance(text, Text)]
            for path in layers.node_files("b")
            for child in layers.element(path).children
            if isinstance(child, Element)
        ]

    assert packages(merged) == packages(*paths)


def test_a_missing_folder_is_an_error_with_its_path(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotFound, match=rf"^{tmp_path}/gone: .*graphs/ and nodes/"):
        xml_overlay.read_layer(str(tmp_path / "gone"))


def test_a_binary_file_is_an_error_with_file_and_line(tmp_path: pathlib.Path) -> None:
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "a.xml").write_bytes(b"<kickstart>\n\xff</kickstart>")

    with pytest.raises(DescriptionError, match=r"a\.xml:2: .*0xff"):
        xml_overlay.read_layer(str(tmp_path))


def test_a_file_is_decoded_as_it_declares_and_keeps_its_lines(tmp_path: pathlib.Path) -> None:
    text = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<kickstart>\n<!-- \xfc -->\n</kickstart>'
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "a.xml").write_bytes(text.encode("latin-1"))

    assert read(tmp_path) == {"nodes/a.xml": text.replace("ISO-8859-1", "UTF-8")}


def test_the_original_path_of_a_merged_file_is_in_its_layer(tmp_path: pathlib.Path) -> None:
    campus, site = tmp_path / "campus", tmp_path / "site"
    for path in (
        campus / "nodes/ssh.xml",
        campus / "nodes/extend-web.xml",
        site / "nodes/ssh.xml",
        site / "site-nodes/dhcp.xml",
        site / "nodes/extend-web.xml",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(node(str(path)))

    assert xml_overlay.merge_xml([str(campus), str(site)], []).original_paths == {
        "nodes/ssh.xml": f"{site}/nodes/ssh.xml",
        "nodes/dhcp.xml": f"{site}/site-nodes/dhcp.xml",
        "nodes/extend-web.xml": f"{campus}/nodes/extend-web.xml",
        "nodes/extend-web+2.xml": f"{site}/nodes/extend-web.xml",
    }


def test_hidden_and_compiled_files_are_left_out_of_a_layer(
    tmp_path: pathlib.Path,
) -> None:
    for path in (
        "programs/__pycache__/layout.pyc",
        "programs/.git/x",
        "programs/layout.py",
        "nodes/.ssh.xml.swp",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"\xa7" if path != "programs/layout.py" else b"pass")

    assert read(tmp_path) == {"programs/layout.py": "pass"}
