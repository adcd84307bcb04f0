"""Profiles are stored as files and found by the attributes of a node."""

from __future__ import annotations

import json
import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, NotFound
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.model import Profile
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output import profile_store
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.profile_store import (
    ProfileRequest,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import (
    render,
    render_with_origins,
    sha256,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.serialization import (
    deserialize,
    profile_sha256,
    serialize,
)
from support.kickstarts import single_node_tree, tree, write_library

ELEMENTS = (
    '<main><lang>&lang;</lang><timezone cond="zone">&zone;</timezone></main>',
    '<package cond="gpu">gpu-driver</package>',
    '<post>\necho "&hostname;"\n<file name="/x" perm="1">é\n&lang;</file></post>',
)
GRAPH = '<attribute name="lang" default="C"/>'


def compile_node(folder: pathlib.Path, **attributes: str) -> Profile:
    return compile_profile(
        single_node_tree(folder, *ELEMENTS, graph=GRAPH), "compute", attributes, "rhel9"
    )


def test_a_deserialized_profile_equals_the_serialized_one(tmp_path: pathlib.Path) -> None:
    profile = compile_node(tmp_path, gpu="yes", zone="Japan")
    copy = deserialize(serialize(profile))
    assert copy == profile
    values = {"gpu": "yes", "zone": "Japan", "hostname": "compute-0-0"}
    assert render(copy, values) == render(profile, values)
    assert render_with_origins(copy, values) == render_with_origins(profile, values)


def test_the_stored_form_is_canonical_json_and_its_hash_identifies_the_profile(
    tmp_path: pathlib.Path,
) -> None:
    text = serialize(compile_node(tmp_path))
    assert (
        text
        == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        + "\n"
    )
    assert profile_sha256(deserialize(text)) == sha256(text)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"format":1}', '{"format":2}', '{"format":1,"root":"x","files":[]}'],
)
def test_a_file_of_another_kind_is_not_a_profile(text: str) -> None:
    with pytest.raises(DescriptionError, match="compile the profiles again"):
        deserialize(text, "x.json")


NODES = [
    ProfileRequest(
        "compute", {"hostname": f"compute-0-{rank}", **({"gpu": "yes"} if rank % 4 == 0 else {})}
    )
    for rank in range(12)
]


def test_nodes_of_the_same_shape_share_a_profile(tmp_path: pathlib.Path) -> None:
    library = profile_store.compile_library(
        single_node_tree(tmp_path, *ELEMENTS, graph=GRAPH), NODES, "rhel9"
    )
    assert len(library.profiles["compute"]) == 2
    for request in NODES:
        profile = library.find_profile("compute", request.attributes)
        separate = compile_profile(str(tmp_path), "compute", request.attributes, "rhel9")
        assert render(profile, request.attributes) == render(separate, request.attributes)


def test_the_order_of_the_nodes_does_not_change_a_library(tmp_path: pathlib.Path) -> None:
    path = single_node_tree(tmp_path / "xml", *ELEMENTS, graph=GRAPH)
    names = []
    for number, nodes in enumerate((NODES, NODES[::-1])):
        (tmp_path / str(number)).mkdir()
        library = profile_store.compile_library(path, nodes, "rhel9")
        names.append(write_library(library, tmp_path / str(number)))
    assert names[0] == names[1]
    assert profile_store.compile_library(path, NODES, "rhel9") == profile_store.compile_library(
        path, NODES[::-1], "rhel9"
    )
    for name in names[0]:
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()
        assert name == f"compute-{sha256((tmp_path / '0' / name).read_text())[:16]}.json"
    stored = profile_store.read_library(str(tmp_path / "0"))
    assert {serialize(p) for p in stored.profiles["compute"]} == {
        serialize(p)
        for p in profile_store.compile_library(path, NODES, "rhel9").profiles["compute"]
    }


def test_all_errors_of_all_files_are_reported_together(tmp_path: pathlib.Path) -> None:
    files = {
        "graphs/default/a.xml": '<graph>\n<edge from="compute" to="ssh"/>\n'
        '<edge from="login" to="nothing"/>\n</graph>',
        "nodes/compute.xml": "<kickstart/>",
        "nodes/nas.xml": "<kickstart>\n<post>\necho &nobody_sets_this;</post>\n</kickstart>",
        "nodes/ssh.xml": "<kickstart>\n<post>\n<files name='/x'/></post>\n</kickstart>",
        "nodes/alone.xml": "<kickstart>\n<packages>x</packages>\n</kickstart>",
    }
    path = tree(tmp_path, files)

    with pytest.raises(DescriptionError) as raised:
        profile_store.compile_library(
            path, [ProfileRequest("compute", {}), ProfileRequest("nas", {})], "rhel9"
        )

    message = str(raised.value)
    assert [
        line
        for line in message.splitlines()
        if "graphs/default/a.xml:3" in line and '"nothing"' in line
    ]
    assert [
        line
        for line in message.splitlines()
        if "nodes/alone.xml:2" in line and "<packages>" in line
    ]
    assert [
        line for line in message.splitlines() if "nodes/ssh.xml:3" in line and "<files>" in line
    ]
    assert [
        line
        for line in message.splitlines()
        if "nodes/nas.xml:3" in line and "nobody_sets_this" in line
    ]


def test_an_attribute_of_any_node_of_the_root_is_defined(tmp_path: pathlib.Path) -> None:
    path = single_node_tree(tmp_path, "<post>echo &asset;</post>")
    rows = [
        ProfileRequest("compute", {"hostname": "compute-0-0"}),
        ProfileRequest("compute", {"hostname": "a", "asset": "7"}),
    ]

    assert len(profile_store.compile_library(path, rows, "rhel9").profiles["compute"]) == 1
    with pytest.raises(DescriptionError, match=r'nodes/compute\.xml:2: attribute "asset"'):
        profile_store.compile_library(path, rows[:1], "rhel9")


def test_warnings_are_returned_with_the_profiles(tmp_path: pathlib.Path) -> None:
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "alone.xml").write_text("<kickstart/>")
    library = profile_store.compile_library(
        single_node_tree(tmp_path, "<package>bash</package>"),
        [ProfileRequest("compute", {})],
        "rhel9",
    )

    assert [(str(remark.origin), remark.rule) for remark in library.warnings] == [
        (f"{tmp_path}/nodes/alone.xml:1", "unreached")
    ]


def test_a_value_that_no_kickstart_can_contain_is_a_warning(tmp_path: pathlib.Path) -> None:
    element = "<post>\necho $((&count;)) &name;\n</post>"
    requests = [
        ProfileRequest("compute", {"count": count, "name": "it's"})
        for count in ("2", "two", "two", "a[0]")
    ]
    library = profile_store.compile_library(single_node_tree(tmp_path, element), requests, "rhel9")
    assert [remark.rule for remark in library.warnings] == ["unwritable-value"] * 2
    assert {remark.origin.line for remark in library.warnings} == {3}
    assert "'two'" in library.warnings[1].text


def test_an_unreadable_graph_is_the_only_error_reported(
    tmp_path: pathlib.Path,
) -> None:
    files = {
        "graphs/default/a.xml": "<graph>\n<edge from='compute'/>\n</graph>",
        "nodes/ssh.xml": "<kickstart/>",
    }

    with pytest.raises(DescriptionError, match=r"\A\S+/a\.xml:2: <edge> has no to"):
        profile_store.compile_library(
            tree(tmp_path, files), [ProfileRequest("compute", {})], "rhel9"
        )


def test_a_node_of_another_shape_gets_no_profile_and_the_error_names_the_attribute(
    tmp_path: pathlib.Path,
) -> None:
    library = profile_store.compile_library(
        single_node_tree(tmp_path, *ELEMENTS, graph=GRAPH), NODES[:1], "rhel9"
    )
    with pytest.raises(NotFound, match=r"root .compute.*zone"):
        library.find_profile("compute", {"gpu": "yes", "zone": "Japan"})
    with pytest.raises(NotFound, match=r"root .login.*compute"):
        library.find_profile("login", {})


def test_a_folder_without_profiles_is_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotFound, match="no compiled profiles"):
        profile_store.read_library(str(tmp_path / "absent"))
    (tmp_path / "compute-0.json").write_text("{}")
    with pytest.raises(DescriptionError, match=r"compute-0.json: not a stored profile"):
        profile_store.read_library(str(tmp_path))
