"""The findings of the lint, each with its place; pykickstart finds none of the dangerous ones."""

from __future__ import annotations

import pathlib

import partition_layout as program
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile import partition_layout
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    try_compile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.lint import (
    AvailablePackages,
    lint,
)
from support.kickstarts import parse_strictly, single_node_tree, tree
from support.layouts import BAD_LAYOUTS, GOOD_LAYOUTS

PART = "<part>/ --size=1 --fstype=xfs</part><reqpart/>"


def findings(folder: pathlib.Path, *elements: str, **attributes: str) -> dict[str, int]:
    """Return rule -> line of the first finding, for one node file."""
    remarks = lint(single_node_tree(folder, *elements), {"compute": attributes}, ["rhel9"])
    return {remark.rule: remark.origin.line for remark in reversed(remarks)}


@pytest.mark.parametrize(
    ("main", "rule"),
    [
        pytest.param(
            "\n<part>/x --noformat</part>" + PART, "noformat-without-onpart", id="noformat"
        ),
        pytest.param(
            "\n<partition>/x --noformat --size=3</partition>" + PART,
            "noformat-without-onpart",
            id="partition",
        ),
        pytest.param(PART + "\n<part>/ --size=2</part>", "second-root", id="two roots"),
        pytest.param(
            "\n<clearpart>--all</clearpart>" + PART, "wipes-every-disk", id="clearpart --all"
        ),
        pytest.param(
            "\n<clearpart>--linux</clearpart>" + PART, "wipes-every-disk", id="clearpart --linux"
        ),
        pytest.param("\n<zerombr/>" + PART, "wipes-every-disk", id="zerombr"),
        pytest.param("\n<lang>C</lang>", "no-root", id="no root"),
        pytest.param("\n<part>/ --size=1</part>", "no-boot-partition", id="no boot partition"),
        pytest.param("\n<lang>C\n%include /tmp/x\n</lang>", "include-of-nothing", id="include"),
        pytest.param("\n<rootpw>--iscrypted $6$x</rootpw>", "secret", id="rootpw"),
        pytest.param("\n<user>--name=x --password=y</user>", "secret", id="user"),
        pytest.param("<lang>C</lang>\n<lang>en_US</lang>", "given-twice", id="twice"),
    ],
)
def test_a_dangerous_command_is_a_finding_with_its_line(
    tmp_path: pathlib.Path, main: str, rule: str
) -> None:
    lines = {"include-of-nothing": 4, "no-root": 3, "no-boot-partition": 3}
    assert findings(tmp_path, f"<main>{main}</main>")[rule] == lines.get(rule, 3)


def test_the_name_of_an_attribute_in_cdata_is_reported_with_its_line(
    tmp_path: pathlib.Path,
) -> None:
    post = "<post><![CDATA[\necho &hostname; &mine; &wait;\n]]>&hostname;\n</post>"
    remarks = lint(
        single_node_tree(tmp_path, post, graph='<attribute name="mine" default="x"/>'),
        {"compute": {"hostname": "compute-0-0"}},
        ["rhel9"],
    )
    literal = [remark for remark in remarks if remark.rule == "reference-in-cdata"]
    assert [(r.origin.line, r.text.split(";")[0]) for r in literal] == [
        (3, "&hostname"),
        (3, "&mine"),
    ]


@pytest.mark.parametrize(
    "kickstart",
    [
        "part / --size=1 --noformat\n",
        "zerombr\nclearpart --all\npart / --size=1\n",
        "lang C\n",
        "%include /tmp/nothing\n",
    ],
)
def test_pykickstart_accepts_the_dangerous_commands(kickstart: str) -> None:
    parse_strictly(kickstart, "rhel9")


@pytest.mark.parametrize(
    ("main", "attributes"),
    [
        pytest.param(
            "<part>/x --noformat --onpart=sda1</part>" + PART, {}, id="noformat with onpart"
        ),
        pytest.param("<clearpart>--all --drives=sda</clearpart>" + PART, {}, id="named drives"),
        pytest.param(
            "<ignoredisk>--only-use=sda</ignoredisk><zerombr/><clearpart>--all</clearpart>" + PART,
            {},
            id="only-use",
        ),
        pytest.param(
            "<zerombr/><clearpart>--all</clearpart>" + PART, {"nuke": "true"}, id="permitted"
        ),
        pytest.param("<clearpart>--none</clearpart>" + PART, {}, id="clearpart --none"),
        pytest.param("<autopart/>", {}, id="autopart"),
        pytest.param("<part>/ --size=1</part><part>/boot/efi --size=1</part>", {}, id="esp"),
        pytest.param(
            "<part>/ --size=1</part><part>biosboot --size=1 --fstype=biosboot</part>",
            {},
            id="biosboot",
        ),
        pytest.param("<rootpw>--lock</rootpw>" + PART, {}, id="locked"),
        pytest.param("<lang>C</lang><lang>C</lang>" + PART, {}, id="twice the same"),
    ],
)
def test_a_safe_command_is_not_a_finding(
    tmp_path: pathlib.Path, main: str, attributes: dict[str, str]
) -> None:
    assert findings(tmp_path, f"<main>{main}</main>", **attributes) == {}


def test_an_include_that_a_pre_writes_replaces_partitions(tmp_path: pathlib.Path) -> None:
    assert (
        findings(
            tmp_path,
            "<main><lang>C\n%include /tmp/&x;.ks\n</lang></main><pre>part &gt; /tmp/&x;.ks</pre>",
            x="y",
        )
        == {}
    )


def test_wiping_without_permission_stops_a_compile(tmp_path: pathlib.Path) -> None:
    result = try_compile(
        single_node_tree(tmp_path, "<main><zerombr/></main>"), "compute", {}, "rhel9"
    )
    assert result.profile is None
    assert "wipes every disk" in str(result.remarks[-1]) + str(result.remarks[0])


def test_a_false_attribute_does_not_permit_wiping(tmp_path: pathlib.Path) -> None:
    assert "wipes-every-disk" in findings(tmp_path, f"<main><zerombr/>{PART}</main>", nuke="no")


@pytest.mark.parametrize(
    ("element", "rule"),
    [
        ("<nonsense/>", "unknown-element"),
        ("<main><part/></main><main><prat>/</prat></main>", "unknown-element"),
        ("<post><package>x</package></post>", "unknown-element"),
        ("<boot>x</boot>", "refused-element"),
        ("<cfengine>x</cfengine>", "refused-element"),
        ("<screen><title>x</title><code/></screen>", "dropped-element"),
        ('<package dsiable="1">x</package>', "unknown-attribute"),
        ('<package type="mteat">x</package>', "odd-value"),
        ('<post><file name="/x" perms="rw">x</file></post>', "odd-value"),
        ("<post><file>x</file></post>", "missing-attribute"),
        ("stray", "stray-text"),
        ('<post cond="no" os="sunos"><file name="/x" cond="a = b"/></post>', "condition"),
    ],
)
def test_the_vocabulary_is_checked_whether_or_not_conditions_hold(
    tmp_path: pathlib.Path, element: str, rule: str
) -> None:
    assert findings(tmp_path, element)[rule] == 2


def test_an_error_of_the_compile_and_of_a_rule_is_reported_once(tmp_path: pathlib.Path) -> None:
    remarks = lint(single_node_tree(tmp_path, "<pakage>x</pakage>"), {"compute": {}}, ["rhel9"])
    assert [remark.rule for remark in remarks if "<pakage>" in remark.text] == ["unknown-element"]


def test_every_file_is_checked_although_one_is_not_well_formed(tmp_path: pathlib.Path) -> None:
    path = tree(
        tmp_path,
        {
            "graphs/default/a.xml": '<graph><edge from="a"/>\n</graph>',
            "graphs/default/b.xml": '<graph>\n<edge from="a" to="b"/><egde/></graph>',
            "nodes/a.xml": "<kickstart>",
            "nodes/b.xml": "<kickstart>\n<x/></kickstart>",
        },
    )
    assert [
        (remark.rule, str(remark.origin).removeprefix(f"{tmp_path}/"))
        for remark in lint(path, {}, [])
    ] == [
        ("description", "graphs/default/a.xml:1"),
        ("unknown-element", "graphs/default/b.xml:2"),
        ("description", "nodes/a.xml:1"),
        ("unknown-element", "nodes/b.xml:2"),
    ]


def test_a_cycle_of_order_edges_is_a_finding_for_every_root(tmp_path: pathlib.Path) -> None:
    graph = '<edge from="x" to="y"/><order head="x" tail="y"/><order head="y" tail="x"/>'
    path = tree(
        tmp_path,
        {
            "graphs/default/g.xml": f"<graph>{graph}</graph>",
            "nodes/x.xml": "<kickstart/>",
            "nodes/y.xml": "<kickstart/>",
        },
    )
    assert ["x before y before x" in remark.text for remark in lint(path, {}, [])] == [True]


def test_a_node_file_that_no_root_reaches_is_a_finding(
    tmp_path: pathlib.Path,
) -> None:
    path = tree(
        tmp_path,
        {
            "graphs/default/g.xml": '<graph><edge from="a" to="b"/></graph>',
            **{
                f"nodes/{name}.xml": "<kickstart/>"
                for name in ("a", "b", "orphan", "lonely", "extend-nobody")
            },
        },
    )
    remarks = lint(path, {"lonely": {}}, ["rhel9"])
    assert [(remark.rule, remark.text) for remark in remarks] == [
        ("unreached", "nobody extends a node that no root reaches"),
        ("unreached", "orphan is a node file that no root reaches"),
    ]


def test_an_undefined_attribute_is_a_finding_with_a_suggestion(
    tmp_path: pathlib.Path,
) -> None:
    graph = '<attribute name="timezone"/>'
    path = single_node_tree(
        tmp_path,
        "<post>\n&timezone; &timzone; &hostname; &mine; &install_url;\n</post>",
        graph=graph,
    )
    (remark,) = lint(path, {"compute": {"mine": "x"}}, ["rhel9"])
    assert (remark.rule, remark.origin.line, remark.hint) == (
        "undefined-attribute",
        3,
        "did you mean timezone?",
    )
    assert remark.origin.file == f"{tmp_path}/nodes/compute.xml"


def test_a_missing_package_is_a_finding_at_every_request(
    tmp_path: pathlib.Path,
) -> None:
    path = single_node_tree(
        tmp_path,
        "<package>gcc</package>\n<package>gdbb</package>\n<package>perl(POD::Simple)</package>",
        "<package>glibc.x86_64\nkernel*\nnothing*\n-absent</package>"
        '<package type="meta">core</package>',
        '<package type="meta">nogroup</package><package>gdbb</package>',
    )
    available = AvailablePackages(
        {"gcc", "gdb", "perl(POD::Simple)", "glibc", "kernel-core"}, {"core"}
    )
    remarks = [
        r
        for r in lint(path, {"compute": {}}, ["rhel9"], available=available)
        if r.rule == "absent-package"
    ]
    assert [(remark.origin.line, remark.text.split('"')[1], remark.hint) for remark in remarks] == [
        (3, "gdbb", "did you mean gdb?"),
        (7, "nothing*", ""),
        (9, "@nogroup", ""),
        (9, "gdbb", "did you mean gdb?"),
    ]


def test_an_unknown_root_is_a_finding_and_other_roots_are_checked(tmp_path: pathlib.Path) -> None:
    remarks = lint(
        single_node_tree(tmp_path, "<nonsense/>"), {"computer": {}, "compute": {}}, ["rhel9"]
    )
    assert {remark.rule for remark in remarks} == {"unknown-element", "description"}


LAYOUT = """<pre>
<file name="/run/rocks/layout">
{}
</file>
</pre>"""
WHOLE = "/ RK_ROOT xfs &root_size;\n/state/partition1 RK_STATE1 xfs 1 keep"


def layout_findings(folder: pathlib.Path, text: str, *elements: str) -> list[tuple[int, str]]:
    """Return (line of the layout, first word of the finding), the first line being 1."""
    path = single_node_tree(folder, LAYOUT.format(text), *elements)
    remarks = lint(path, {"compute": {"root_size": "1"}}, ["rhel9"])
    return [
        (remark.origin.line - 3, remark.text.split()[0].rstrip(":"))
        for remark in remarks
        if remark.rule == "layout"
    ]


@pytest.mark.parametrize(("text", "message"), BAD_LAYOUTS)
def test_the_lint_rejects_the_layouts_that_the_partition_program_rejects(
    tmp_path: pathlib.Path, text: str, message: str
) -> None:
    assert layout_findings(tmp_path, text), message


def test_a_layout_states_what_it_keeps_and_keeps_no_system_directory(
    tmp_path: pathlib.Path,
) -> None:
    text = WHOLE + "\n/var RK_VAR xfs 1 keep\n/home RK_HOME xfs 1\n/opt RK_OPT xfs 1 format"
    assert layout_findings(tmp_path, text) == [
        (3, "/var"),
        (4, "/home"),
    ]


def test_a_script_stores_data_only_on_a_kept_partition(tmp_path: pathlib.Path) -> None:
    keeps = "<post>\ncp /etc/ssh/ssh_host_* /state/partition1/\n</post>"
    assert layout_findings(tmp_path, WHOLE, keeps) == []
    formatted = "/ RK_ROOT xfs 1\n/state/partition1 RK_STATE1 xfs 1 format"
    assert layout_findings(tmp_path, formatted, keeps) == [(6, "/state/partition1")]


def test_comments_and_references_in_a_layout_are_not_findings(
    tmp_path: pathlib.Path,
) -> None:
    assert (
        layout_findings(
            tmp_path, "# MOUNT LABEL\n" + WHOLE + "\n\nswap RK_SWAP swap &root_size;  # no more"
        )
        == []
    )


def test_lint_and_partition_program_have_the_same_rules() -> None:
    assert (
        partition_layout.SYSTEM_MOUNTS,
        partition_layout.OPTIONS,
        partition_layout.LONGEST_LABEL,
        partition_layout.UNSUPPORTED,
        partition_layout.FILE_SYSTEM_ALIASES,
        partition_layout.SYNTAX,
        partition_layout.SETTINGS,
        partition_layout.RAID_DISKS,
        partition_layout.LAST_DISK,
        partition_layout.EXTENT_MIB,
    ) == (
        program.SYSTEM,
        program.WORDS,
        program.LONGEST_LABEL,
        program.UNSUPPORTED,
        program.ALIASES,
        program.SYNTAX,
        program.SETTINGS,
        program.RAID_DISKS,
        program.LAST_DISK,
        program.EXTENT_MIB,
    )


layout_rows = st.builds(
    lambda fields, size, words, disk, level, group: " ".join(
        [*fields, str(size), *words, *(word for word in (disk, level, group) if word)]
    ),
    st.sampled_from(
        [
            ("/", "A", "xfs"),
            ("/boot", "B", "xfs"),
            ("swap", "S", "swap"),
            ("/c", "C", "ext4"),
            ("/d", "D", "xfs"),
            ("lvm", "G", "lvm"),
        ]
    ),
    st.sampled_from([1, 5, 50, 99, 300]),
    st.sampled_from([[], ["keep"], ["format"], ["grow", "keep"], ["grow", "format"], ["grow"]]),
    st.sampled_from(["", "", "disk=2", "disk=1,2", "disk=1,2,3,4", "disk=3"]),
    st.sampled_from(["", "", "raid=0", "raid=1", "raid=10", "raid=5"]),
    st.sampled_from(["", "", "vg=G", "vg=H"]),
)


def accepts(text: str) -> bool:
    """Whether the partition program accepts a layout."""
    try:
        program.parse_layout(text)
    except program.Refusal:
        return False
    return True


@pytest.mark.parametrize("text", GOOD_LAYOUTS)
def test_lint_and_partition_program_accept_every_kind_of_layout(
    tmp_path: pathlib.Path, text: str
) -> None:
    assert accepts(text)
    assert layout_findings(tmp_path, text) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(layout_rows, min_size=1, max_size=6))
def test_lint_and_partition_program_accept_the_same_layouts(
    tmp_path: pathlib.Path, rows: list[str]
) -> None:
    text = "\n".join(rows)
    findings = layout_findings(tmp_path / "layouts", text)
    assert (findings == []) == accepts(text), findings
