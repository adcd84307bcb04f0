"""Graph files declare types and allowed values of attributes; other values are errors."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
    try_compile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.lint import lint
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.profile_store import (
    ProfileRequest,
    compile_library,
)
from support.kickstarts import single_node_tree, tree

GRAPH = "graphs/default/default.xml"


def declare(folder: pathlib.Path, declaration: str) -> str:
    """A directory whose graph file declares an attribute on line 2."""
    return single_node_tree(folder, "<package>bash</package>", graph=f"\n{declaration}\n")


@pytest.mark.parametrize(
    ("type_", "valid", "wrong"),
    [
        ("bool", ["yes", "False", "1", "0", "disabled"], ["2", "ja", "1.0", ""]),
        ("int", ["8000", "-1"], ["8000s", "1.5", "yes", ""]),
        ("address", ["10.1.1.1", "fe80::1"], ["10.1.1", "frontend-0", "10.1.1.1/8", ""]),
        ("network", ["10.0.0.0/8", "fd00::/64"], ["10.0.0.0", "10.1.1.1/8"]),
        ("host", ["frontend-0", "nfs.example.org", "10.1.1.1"], ["a b", "http://a", "-a;b"]),
        ("path", ["/home"], ["home", "~"]),
        ("url", ["http://10.1.1.1/install", "file:///srv"], ["10.1.1.1/install", "http://"]),
        ("str", ["anything at all", ""], []),
    ],
)
def test_a_type_permits_its_values_only(
    tmp_path: pathlib.Path, type_: str, valid: list[str], wrong: list[str]
) -> None:
    path = declare(tmp_path, f'<attribute name="x" type="{type_}"/>')
    for value in valid:
        assert compile_profile(path, "compute", {"x": value}, "rhel9").root == "compute"
    for value in wrong:
        with pytest.raises(DescriptionError) as caught:
            compile_profile(path, "compute", {"x": value}, "rhel9")
        assert caught.value.where == f"{tmp_path}/{GRAPH}:2"
        assert f'"{value}"' in caught.value.what and type_ in caught.value.what


def test_an_attribute_with_listed_values_has_one_of_them(tmp_path: pathlib.Path) -> None:
    path = declare(tmp_path, '<attribute name="gpu" default="no" values="no nvidia amd"/>')
    for value in ("no", "nvidia", "amd", "false"):  # YAML turns no into false
        compile_profile(path, "compute", {"gpu": value}, "rhel9")
    for value in ("Nvidia", "yes", ""):
        with pytest.raises(DescriptionError, match="no, nvidia, amd"):
            compile_profile(path, "compute", {"gpu": value}, "rhel9")


def test_an_empty_value_is_valid_where_the_default_is_empty(tmp_path: pathlib.Path) -> None:
    path = declare(tmp_path, '<attribute name="x" type="address" default=""/>')
    assert compile_profile(path, "compute", {"x": ""}, "rhel9").defaults == {"x": ""}


@pytest.mark.parametrize(
    ("declaration", "fact"),
    [
        ('<attribute name="x" type="boolean"/>', "bool"),
        ('<attribute name="x" type="int" default="many"/>', '"many"'),
        ('<attribute name="x" default="c" values="a b"/>', "a, b"),
        ('<attribute name="x" default="a" values="a,b"/>', "separate"),
        ('<attribute name="x" type="int" values="1 2 three"/>', '"three"'),
    ],
)
def test_a_wrong_declaration_is_an_error_of_compile_and_lint(
    tmp_path: pathlib.Path, declaration: str, fact: str
) -> None:
    path = declare(tmp_path, declaration)
    with pytest.raises(DescriptionError) as caught:
        compile_profile(path, "compute", {}, "rhel9")
    assert (caught.value.where, fact in str(caught.value)) == (f"{tmp_path}/{GRAPH}:2", True)
    errors = [r for r in lint(path, {"compute": {}}, ["rhel9"]) if r.severity == "error"]
    assert [(remark.origin.line, fact in str(remark)) for remark in errors] == [(2, True)]


def test_the_lint_checks_the_attributes_of_every_root(tmp_path: pathlib.Path) -> None:
    path = declare(tmp_path, '<attribute name="port" type="int" default="8000"/>')
    (remark,) = lint(path, {"compute": {"port": "http"}}, ["rhel9", "rhel10"])
    assert (remark.rule, remark.severity, remark.origin.line) == ("attribute-value", "error", 2)


def test_a_library_checks_every_node_also_those_that_share_a_profile(
    tmp_path: pathlib.Path,
) -> None:
    path = declare(tmp_path, '<attribute name="port" type="int" default="8000"/>')
    nodes = [ProfileRequest("compute", {"port": port}) for port in ("8000", "http", "http")]
    with pytest.raises(DescriptionError) as caught:
        compile_library(path, nodes, "rhel9")
    assert str(caught.value).count("http") == 1


def test_the_later_layer_decides_what_is_valid(tmp_path: pathlib.Path) -> None:
    ours = declare(tmp_path / "ours", '<attribute name="fs" values="xfs ext4" default="xfs"/>')
    site = tree(
        tmp_path / "site",
        {"graphs/default/site.xml": '<graph><attribute name="fs" default="btrfs"/></graph>'},
    )
    assert try_compile([ours, site], "compute", {"fs": "btrfs"}, "rhel9").profile
