"""build/ contains the XML of the parents, ours and the site's (paper, 6.2.3; Figure 6)."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.build import xml_overlay
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, NotFound


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


def test_a_later_layer_replaces_a_file_and_adds_others() -> None:
    site = {"nodes/ssh.xml": node("dropbear"), "nodes/site.xml": node("emacs")}

    assert xml_overlay.merge_layers([PARENT, site]) == {**PARENT, **site}


def test_an_extension_is_kept_next_to_the_file_that_it_extends() -> None:
    site = {"nodes/extend-ssh.xml": node("sshfs")}

    assert xml_overlay.merge_layers([PARENT, site]) == {**PARENT, **site}


def test_two_extensions_of_one_node_are_joined() -> None:
    campus = {"nodes/extend-ssh.xml": node("a")}
    department = {"nodes/extend-ssh.xml": node("b", "c")}

    merged = xml_overlay.merge_layers([PARENT, campus, department])

    assert merged["nodes/extend-ssh.xml"] == node("a", "b", "c")


def test_a_replacement_removes_the_earlier_files_of_its_node() -> None:
    campus = {"nodes/extend-ssh.xml": node("a")}
    department = {"nodes/replace-ssh.xml": node("b")}

    assert sorted(xml_overlay.merge_layers([PARENT, campus, department])) == [
        "graphs/default/base.xml",
        "nodes/dhcp.xml",
        "nodes/replace-ssh.xml",
    ]


def test_merging_an_extension_twice_adds_it_once() -> None:
    site = {"nodes/extend-ssh.xml": node("sshfs")}
    once = xml_overlay.merge_layers([PARENT, site])

    assert xml_overlay.merge_layers([once, site]) == once


def test_site_nodes_of_a_folder_have_precedence_over_its_nodes(tmp_path: pathlib.Path) -> None:
    for path, text in {
        "graphs/default/base.xml": "<graph/>",
        "nodes/ssh.xml": "old",
        "site-nodes/ssh.xml": "new",
        "include/partition.py": "print()",
        "nodes/.ssh.xml.swp": "x",
        "notes.txt": "x",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    assert xml_overlay.read_layer(str(tmp_path)) == {
        "graphs/default/base.xml": "<graph/>",
        "include/partition.py": "print()",
        "nodes/ssh.xml": "new",
    }


def test_a_missing_folder_is_an_error_with_its_path(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotFound, match=rf"^{tmp_path}/gone: .*graphs/ and nodes/"):
        xml_overlay.read_layer(str(tmp_path / "gone"))


def test_a_binary_file_is_an_error_with_file_and_line(tmp_path: pathlib.Path) -> None:
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "a.xml").write_bytes(b"<kickstart>\n\xff</kickstart>")

    with pytest.raises(DescriptionError, match=r"a\.xml:2: .*0xff"):
        xml_overlay.read_layer(str(tmp_path))


def test_an_extension_that_is_not_a_kickstart_element_is_an_error() -> None:
    with pytest.raises(DescriptionError, match=r"^nodes/extend-ssh\.xml: .*<kickstart>"):
        xml_overlay.merge_layers(
            [{"nodes/extend-ssh.xml": node("a")}, {"nodes/extend-ssh.xml": "<kick/>"}]
        )


def test_the_original_path_of_a_merged_file_is_in_its_layer(tmp_path: pathlib.Path) -> None:
    for path in ("nodes/ssh.xml", "site-nodes/dhcp.xml", "nodes/extend-web.xml"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(node("ours"))
    campus = {**PARENT, "nodes/extend-web.xml": node("theirs")}

    assert xml_overlay.original_paths(
        {'source "campus": build': campus, str(tmp_path): xml_overlay.read_layer(str(tmp_path))}
    ) == {
        "graphs/default/base.xml": 'source "campus": build/graphs/default/base.xml',
        "nodes/ssh.xml": f"{tmp_path}/nodes/ssh.xml",
        "nodes/dhcp.xml": f"{tmp_path}/site-nodes/dhcp.xml",
    }


def test_hidden_and_compiled_files_are_left_out_of_a_layer(
    tmp_path: pathlib.Path,
) -> None:
    for path in (
        "include/__pycache__/layout.pyc",
        "include/.git/x",
        "include/layout.py",
        "nodes/.ssh.xml.swp",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"\xa7" if path != "include/layout.py" else b"pass")

    assert xml_overlay.read_layer(str(tmp_path)) == {"include/layout.py": "pass"}
