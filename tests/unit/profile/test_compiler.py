"""Commands, packages and sections of a kickstart, and the attributes that a profile depends on."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import Conflict, DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.model import Profile
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import (
    matches,
    referenced_attributes,
    render,
    render_with_origins,
    sha256,
)
from support.kickstarts import parse_strictly, single_node_tree, tree


def compile_node(
    folder: pathlib.Path, *elements: str, release: str = "rhel9", graph: str = "", **values: str
) -> Profile:
    return compile_profile(
        single_node_tree(folder, *elements, graph=graph), "compute", values, release
    )


def commands(profile: Profile, **values: str) -> list[str]:
    head = render(profile, values).partition("%packages")[0]
    return [line for line in head.splitlines() if line and not line.startswith("#")]


def packages(folder: pathlib.Path, *elements: str, **values: str) -> list[str]:
    return [package.name for package in compile_node(folder, *elements, **values).packages]


def test_commands_keep_their_order_and_repetitions_are_removed(
    tmp_path: pathlib.Path,
) -> None:
    profile = compile_node(
        tmp_path,
        "<main><lang>en_US</lang><skipx/></main>",
        '<main><firewall>\n  --enabled\n  --ssh\n</firewall><skipx/><text cond="no"/></main>',
    )
    assert commands(profile) == ["lang en_US", "skipx", "firewall --enabled --ssh"]


def test_an_include_line_in_a_command_is_a_command_of_its_own(tmp_path: pathlib.Path) -> None:
    profile = compile_node(
        tmp_path, "<main><install>\n%include /tmp/parts\n</install></main>", release="rhel7"
    )
    assert commands(profile) == ["install", "%include /tmp/parts"]


@pytest.mark.parametrize(
    ("text", "values", "line"),
    [
        ("&x;", {"x": "--location=mbr --append='a b'"}, "bootloader --location=mbr '--append=a b'"),
        ("--append=&x;", {"x": "quiet rhgb"}, "bootloader --append='quiet rhgb'"),
        ('--append="&x; more"', {"x": 'say "hi"'}, 'bootloader --append="say \\"hi\\" more"'),
        ("--append='&x;'", {"x": "it's"}, "bootloader --append='it'\\''s'"),
        ("--append=&x;&y;", {"x": "", "y": "a#b"}, "bootloader --append='a#b'"),
    ],
)
def test_a_reference_is_several_words_only_if_it_is_a_word_of_its_own(
    tmp_path: pathlib.Path, text: str, values: dict[str, str], line: str
) -> None:
    assert commands(
        compile_node(tmp_path, f"<main><bootloader>{text}</bootloader></main>"), **values
    ) == [line]


@pytest.mark.parametrize("value", ["a\nb", "a\u2028%end", "'"])
def test_a_value_with_a_line_break_is_an_error_of_a_command(
    tmp_path: pathlib.Path, value: str
) -> None:
    profile = compile_node(tmp_path, "<main>\n<lang>x=&x; &x;</lang></main>")
    with pytest.raises(DescriptionError, match=r'^nodes/compute.xml:3: attribute "x" is '):
        render(profile, {"x": value})


@pytest.mark.parametrize("text", ['"open', "'open", "a\\&x;", "a\\"])
def test_a_command_with_an_open_quote_is_an_error(tmp_path: pathlib.Path, text: str) -> None:
    with pytest.raises(DescriptionError, match=r"compute.xml:2: a (quote|backslash)"):
        compile_node(tmp_path, f"<main><lang>{text}</lang></main>")


def test_packages_are_sorted_and_unique_with_groups_first(tmp_path: pathlib.Path) -> None:
    names = packages(
        tmp_path,
        "<package>zsh</package><package>gcc</package><package>gcc</package>",
        '<package type="meta">Development Tools</package><package>\n  make\n  @core\n</package>',
    )
    assert names == ["@Development Tools", "@core", "gcc", "make", "zsh"]


@pytest.mark.parametrize("text", ["a, b", "a,\nb", "a,"])
def test_a_list_with_commas_is_refused(tmp_path: pathlib.Path, text: str) -> None:
    with pytest.raises(DescriptionError, match=r'compute\.xml:\d+: "a,.*spaces'):
        packages(tmp_path, f"<package>{text}</package>")


@pytest.mark.parametrize(
    ("disable", "included"),
    [("1", False), ("true", False), ("", False), ("0", True), ("false", True), ("no", True)],
)
def test_disable_excludes_a_package_unless_it_is_false(
    tmp_path: pathlib.Path, disable: str, included: bool
) -> None:
    names = packages(tmp_path, f'<package disable="{disable}">x</package>')
    assert names == (["x"] if included else ["-x"])


def test_a_package_that_one_node_includes_is_not_excluded(
    tmp_path: pathlib.Path,
) -> None:
    assert packages(tmp_path, '<package disable="1">x</package><package>x</package>') == ["x"]
    assert packages(tmp_path, "<package>-y</package>") == ["-y"]


@pytest.mark.parametrize(
    ("arch", "expected"), [("i386", ["a"]), ("x86_64", ["a", "b"]), ("ppc64le", []), (None, [])]
)
def test_arch_is_a_list_of_architectures(
    tmp_path: pathlib.Path, arch: str | None, expected: list[str]
) -> None:
    elements = (
        '<package arch="i386,x86_64">a</package><package arch="x86_64" os="linux">b</package>'
    )
    assert packages(tmp_path, elements, **({"arch": arch} if arch else {})) == expected


def test_an_attribute_in_a_packages_name_is_part_of_the_shape(tmp_path: pathlib.Path) -> None:
    profile = compile_node(tmp_path, "<package>nspr.&arch;</package>", arch="x86_64")
    assert [package.name for package in profile.packages] == ["nspr.x86_64"]
    assert profile.shape == {"arch": "x86_64"}
    with pytest.raises(DescriptionError, match=r"compute.xml:2: .%end"):
        compile_node(tmp_path, "<package>nspr.&arch;</package>", arch="x\n%end")


def test_no_value_ends_the_header_of_a_section(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DescriptionError, match=r"compute.xml:2: U.000A ends a line"):
        compile_node(tmp_path, '<packages arg="--inst-langs=&x;"/>', x="en\n%end")
    profile = compile_node(tmp_path, '<addon name="org_x" arg="--host=&x;"/>')
    assert "%addon org_x --host=10.1.1.1\n" in render(profile, {"x": "10.1.1.1"})
    with pytest.raises(DescriptionError, match=r"attribute .x."):
        render(profile, {"x": "a\n%end"})


@pytest.mark.parametrize("release", ["rhel8", "rhel9", "rhel10", "fedora"])
def test_sections_have_the_installers_order_and_separate_logs(
    tmp_path: pathlib.Path, release: str
) -> None:
    profile = compile_node(
        tmp_path,
        "<onerror>e</onerror><post>a</post><pre>b</pre>",
        "<post chroot='no'>c</post><post arg='--nochroot'>d</post>",
        '<addon name="com_redhat_kdump" arg="--disable"/><pre-install>f</pre-install>',
        '<packages arg="--inst-langs=en"/>',
        '<post arg="--erroronfail">g</post>',
        release=release,
    )
    text = render(profile, {})
    outside = "/mnt/sysimage/var/log/rocks/"
    parse_strictly(text, release)
    assert [line for line in text.splitlines() if line.startswith("%") and line != "%end"] == [
        "%packages --instLangs=en" if release == "rhel8" else "%packages --inst-langs=en",
        "%addon com_redhat_kdump --disable",
        "%pre --interpreter=/bin/bash --log=/tmp/ks-script-rocks-pre-compute.log",
        "%pre-install --interpreter=/bin/bash --log=/tmp/ks-script-rocks-pre-install-compute.log",
        "%post --interpreter=/bin/bash --log=/var/log/rocks/post-compute.log",
        f"%post --interpreter=/bin/bash --nochroot --log={outside}post-compute-2.log",
        f"%post --interpreter=/bin/bash --nochroot --log={outside}post-compute-3.log",
        "%post --interpreter=/bin/bash --erroronfail --log=/var/log/rocks/post-compute-4.log",
        "%onerror --interpreter=/bin/bash --log=/tmp/ks-script-rocks-onerror-compute.log",
    ]


@pytest.mark.parametrize(
    ("phase", "compiled_in"),
    [("post", True), ("post,reconfigure", True), ("reconfigure", False), (None, True)],
)
def test_configure_is_a_post_unless_its_phase_is_reconfigure(
    tmp_path: pathlib.Path, phase: str | None, compiled_in: bool
) -> None:
    attribute = f'phase="{phase}"' if phase else ""
    assert (
        "%post" in render(compile_node(tmp_path, f"<configure {attribute}>x</configure>"), {})
    ) is compiled_in


def test_an_ansible_element_writes_and_runs_a_playbook(tmp_path: pathlib.Path) -> None:
    text = render(
        compile_node(tmp_path, '<ansible playbook="site.yml">\n- hosts: all\n</ansible>'), {}
    )
    assert "> /var/rocks/ansible/site.yml <<'EOF'\n|- hosts: all\nEOF\n" in text
    command = "ansible-playbook --connection=local --inventory=localhost,"
    assert f"{command} /var/rocks/ansible/site.yml\n%end" in text


def test_conditions_and_texts_use_the_default_of_a_declared_attribute(
    tmp_path: pathlib.Path,
) -> None:
    graph = '<attribute name="zone" default="Etc/UTC">Time zone.</attribute><attribute name="x"/>'
    elements = '<main><timezone cond="zone">&zone;</timezone><lang cond="x">C</lang></main>'
    profile = compile_node(tmp_path, elements, graph=graph)
    assert commands(profile) == ["timezone Etc/UTC"]
    assert commands(compile_node(tmp_path, elements, graph=graph, zone="Japan"), zone="Japan") == [
        "timezone Japan"
    ]


def test_only_attributes_that_the_compile_used_are_part_of_the_shape(
    tmp_path: pathlib.Path,
) -> None:
    profile = compile_node(
        tmp_path,
        '<post cond="a and b">x</post><post os="sunos" cond="c">y</post><post>&d;</post>',
        a="no", b="yes", c="yes", d="x", e="y",
    )  # fmt: skip
    assert profile.shape == {"a": "no", "os": "linux"}
    assert list(referenced_attributes(profile)) == ["d"]


def test_a_profile_is_not_rendered_for_a_node_of_another_shape(tmp_path: pathlib.Path) -> None:
    profile = compile_node(tmp_path, '<post cond="gpu">&hostname;</post>', gpu="yes")
    assert matches(profile, {"gpu": "yes", "hostname": "x"})
    assert not matches(profile, {"gpu": "no"})
    with pytest.raises(Conflict, match=r"compiled for gpu='yes', the node has None"):
        render(profile, {"hostname": "compute-0-0"})


def test_each_line_has_the_line_of_its_source(tmp_path: pathlib.Path) -> None:
    profile = compile_node(
        tmp_path,
        "<main>\n<lang>C</lang></main>",
        "<package>gcc\nmake</package>",
        '<post>\necho "&x;"\n<file name="/etc/x">\none\n&x;\n</file>\n</post>',
    )
    lines = render_with_origins(profile, {"x": "a\nb"})
    assert "".join(line.text + "\n" for line in lines) == render(profile, {"x": "a\nb"})
    lines_by_text = {line.text: line.origin.line for line in lines if line.origin}
    assert lines_by_text["lang C"] == 3
    assert (lines_by_text["gcc"], lines_by_text["make"]) == (4, 5)
    assert lines_by_text['echo "a"$\'\\012\'"b"'] == 7
    assert (lines_by_text["|one"], lines_by_text["|a"], lines_by_text["|b"]) == (9, 10, 10)


def test_the_same_input_compiles_to_the_same_bytes(tmp_path: pathlib.Path) -> None:
    path = single_node_tree(tmp_path, "<package>a</package><post>&x;</post>")
    texts = {
        sha256(render(compile_profile(path, "compute", {}, "rhel9"), {"x": "y"})) for _ in range(3)
    }
    assert len(texts) == 1


def test_release_conditions_match_the_target_its_family_and_an_attribute_release(
    tmp_path: pathlib.Path,
) -> None:
    path = single_node_tree(
        tmp_path,
        *(
            f'<package release="{name}">{name}</package>'
            for name in ("rhel9", "rhel", "fedora", "Manzanita")
        ),
        '<package cond="os_version_major &gt;= 9">new</package>',
    )

    def packages_for(target: str, values: dict[str, str] | None = None) -> list[str]:
        return [
            package.name
            for package in compile_profile(path, "compute", values or {}, target).packages
        ]

    assert packages_for("rhel9") == ["new", "rhel", "rhel9"]
    assert packages_for("rhel8") == ["rhel"]
    assert packages_for("fedora") == ["fedora", "new"]
    assert packages_for("rhel7", {"release": "Manzanita"}) == ["Manzanita"]


def test_an_edge_can_name_a_node_with_an_attribute(tmp_path: pathlib.Path) -> None:
    path = tree(
        tmp_path,
        {
            "graphs/default/g.xml": '<graph><edge from="a"><to>&os;-base</to></edge></graph>',
            "nodes/a.xml": "<kickstart/>",
            "nodes/linux-base.xml": "<kickstart/>",
        },
    )
    profile = compile_profile(path, "a", {}, "rhel9")
    assert ([node.name for node in profile.nodes], profile.shape) == (
        ["a", "linux-base"],
        {"os": "linux"},
    )
