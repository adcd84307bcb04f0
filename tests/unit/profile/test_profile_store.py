"""Profiles as files: stored, read, and found again by the attributes of a node."""

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
from support.kickstarts import one, tree

ELEMENTS = (
    '<main><lang>&lang;</lang><timezone cond="zone">&zone;</timezone></main>',
    '<package cond="gpu">gpu-driver</package><post>\necho "&hostname;"\n<file name="/x" perm="1">é\n&lang;</file></post>',
)
GRAPH = '<attribute name="lang" default="C"/>'


def compiled(folder: pathlib.Path, **attributes: str) -> Profile:
    return compile_profile(one(folder, *ELEMENTS, graph=GRAPH), "compute", attributes, "rhel9")


def test_a_profile_comes_back_as_it_was_stored(tmp_path: pathlib.Path) -> None:
    profile = compiled(tmp_path, gpu="yes", zone="Japan")
    again = deserialize(serialize(profile))
    assert again == profile
    values = {"gpu": "yes", "zone": "Japan", "hostname": "compute-0-0"}
    assert render(again, values) == render(profile, values)
    assert render_with_origins(again, values) == render_with_origins(profile, values)


def test_the_stored_form_is_canonical_json_and_its_hash_the_profiles_identity(
    tmp_path: pathlib.Path,
) -> None:
    text = serialize(compiled(tmp_path))
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
def test_another_file_is_not_taken_for_a_profile(text: str) -> None:
    with pytest.raises(DescriptionError, match="compile the profiles again"):
        deserialize(text, "x.json")


NODES = [
    ProfileRequest(
        "compute", {"hostname": f"compute-0-{rank}", **({"gpu": "yes"} if rank % 4 == 0 else {})}
    )
    for rank in range(12)
]


def test_nodes_that_agree_on_the_shape_share_a_profile(tmp_path: pathlib.Path) -> None:
    made = profile_store.compile_library(one(tmp_path, *ELEMENTS, graph=GRAPH), NODES, "rhel9")
    assert len(made.profiles["compute"]) == 2
    for wanted in NODES:
        profile = made.find_profile("compute", wanted.attributes)
        alone = compile_profile(str(tmp_path), "compute", wanted.attributes, "rhel9")
        assert render(profile, wanted.attributes) == render(alone, wanted.attributes)


def test_a_library_is_the_same_whatever_the_order_of_the_nodes(tmp_path: pathlib.Path) -> None:
    path = one(tmp_path / "xml", *ELEMENTS, graph=GRAPH)
    names = []
    for number, nodes in enumerate((NODES, NODES[::-1])):
        (tmp_path / str(number)).mkdir()
        names.append(
            profile_store.write_library(
                profile_store.compile_library(path, nodes, "rhel9"), str(tmp_path / str(number))
            )
        )
    assert names[0] == names[1]
    assert profile_store.compile_library(path, NODES, "rhel9") == profile_store.compile_library(
        path, NODES[::-1], "rhel9"
    )
    for name in names[0]:
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()
        assert name == f"compute-{sha256((tmp_path / '0' / name).read_text())[:16]}.json"
    found = profile_store.read_library(str(tmp_path / "0"))
    assert {serialize(p) for p in found.profiles["compute"]} == {
        serialize(p)
        for p in profile_store.compile_library(path, NODES, "rhel9").profiles["compute"]
    }


def test_everything_that_the_lint_finds_is_told_at_once_used_or_not(tmp_path: pathlib.Path) -> None:
    files = {
        "graphs/default/a.xml": '<graph>\n<edge from="compute" to="ssh"/>\n<edge from="login" to="nothing"/>\n</graph>',
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

    told = str(raised.value)
    assert [
        line
        for line in told.splitlines()
        if "graphs/default/a.xml:3" in line and '"nothing"' in line
    ]
    assert [
        line for line in told.splitlines() if "nodes/alone.xml:2" in line and "<packages>" in line
    ]
    assert [line for line in told.splitlines() if "nodes/ssh.xml:3" in line and "<files>" in line]
    assert [
        line
        for line in told.splitlines()
        if "nodes/nas.xml:3" in line and "nobody_sets_this" in line
    ]


def test_an_attribute_that_one_node_of_the_root_has_is_defined(tmp_path: pathlib.Path) -> None:
    path = one(tmp_path, "<post>echo &asset;</post>")
    rows = [
        ProfileRequest("compute", {"hostname": "compute-0-0"}),
        ProfileRequest("compute", {"hostname": "a", "asset": "7"}),
    ]

    assert len(profile_store.compile_library(path, rows, "rhel9").profiles["compute"]) == 1
    with pytest.raises(
        DescriptionError, match=r'nodes/compute\.xml:2: attribute "asset" is defined nowhere'
    ):
        profile_store.compile_library(path, rows[:1], "rhel9")


def test_what_is_no_error_comes_with_the_profiles(tmp_path: pathlib.Path) -> None:
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "alone.xml").write_text("<kickstart/>")
    made = profile_store.compile_library(
        one(tmp_path, "<package>bash</package>"), [ProfileRequest("compute", {})], "rhel9"
    )

    assert [(str(one.origin), one.rule) for one in made.warnings] == [
        (f"{tmp_path}/nodes/alone.xml:1", "unreached")
    ]


def test_a_graph_that_cannot_be_read_is_said_and_nothing_that_follows_from_it(
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


def test_a_node_whose_shape_was_not_compiled_gets_nothing_and_is_told_why(
    tmp_path: pathlib.Path,
) -> None:
    made = profile_store.compile_library(one(tmp_path, *ELEMENTS, graph=GRAPH), NODES[:1], "rhel9")
    with pytest.raises(NotFound, match=r"no profile of the root .compute. fits the node.*zone"):
        made.find_profile("compute", {"gpu": "yes", "zone": "Japan"})
    with pytest.raises(NotFound, match=r"no profile for the root .login.; there are compute"):
        made.find_profile("login", {})


def test_a_folder_without_profiles_is_no_library(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotFound, match="no compiled profiles"):
        profile_store.read_library(str(tmp_path / "absent"))
    (tmp_path / "compute-0.json").write_text("{}")
    with pytest.raises(DescriptionError, match=r"compute-0.json: not a stored profile"):
        profile_store.read_library(str(tmp_path))
