"""What the lint finds, each with its place; and that pykickstart finds none of the dangerous ones."""

from __future__ import annotations

import pathlib

import partition
import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile import partition_layout
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    try_compile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.lint import (
    AvailablePackages,
    lint,
)
from support.kickstarts import one, strictly_valid, tree
from support.layouts import BAD_LAYOUTS

PART = "<part>/ --size=1 --fstype=xfs</part><reqpart/>"


def found(folder: pathlib.Path, *elements: str, **attributes: str) -> dict[str, int]:
    """Rule -> line of the first finding, of one node file."""
    remarks = lint(one(folder, *elements), {"compute": attributes}, ["rhel9"])
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
def test_a_dangerous_command_is_found_with_its_line(
    tmp_path: pathlib.Path, main: str, rule: str
) -> None:
    lines = {"include-of-nothing": 4, "no-root": 3, "no-boot-partition": 3}
    assert found(tmp_path, f"<main>{main}</main>")[rule] == lines.get(rule, 3)


def test_the_name_of_an_attribute_in_cdata_is_reported_with_its_line(
    tmp_path: pathlib.Path,
) -> None:
    post = "<post><![CDATA[\necho &hostname; &mine; &wait;\n]]>&hostname;\n</post>"
    remarks = lint(
        one(tmp_path, post, graph='<attribute name="mine" default="x"/>'),
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
def test_pykickstart_alone_takes_what_an_installer_dies_of(kickstart: str) -> None:
    strictly_valid(kickstart, "rhel9")


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
def test_a_careful_command_is_not_complained_about(
    tmp_path: pathlib.Path, main: str, attributes: dict[str, str]
) -> None:
    assert found(tmp_path, f"<main>{main}</main>", **attributes) == {}


def test_an_include_that_a_pre_writes_is_as_good_as_partitions(tmp_path: pathlib.Path) -> None:
    assert (
        found(
            tmp_path,
            "<main><lang>C\n%include /tmp/&x;.ks\n</lang></main><pre>part &gt; /tmp/&x;.ks</pre>",
            x="y",
        )
        == {}
    )


def test_wiping_without_permission_stops_a_compile(tmp_path: pathlib.Path) -> None:
    result = try_compile(one(tmp_path, "<main><zerombr/></main>"), "compute", {}, "rhel9")
    assert result.profile is None
    assert "wipes every disk" in str(result.remarks[-1]) + str(result.remarks[0])


def test_no_permission_is_read_from_a_disk_and_a_no_is_a_no(tmp_path: pathlib.Path) -> None:
    assert "wipes-every-disk" in found(tmp_path, f"<main><zerombr/>{PART}</main>", nuke="no")


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
def test_the_vocabulary_is_checked_also_below_conditions_that_do_not_hold(
    tmp_path: pathlib.Path, element: str, rule: str
) -> None:
    assert found(tmp_path, element)[rule] == 2


def test_what_ends_the_compile_and_breaks_a_rule_is_told_once(tmp_path: pathlib.Path) -> None:
    remarks = lint(one(tmp_path, "<pakage>x</pakage>"), {"compute": {}}, ["rhel9"])
    assert [remark.rule for remark in remarks if "<pakage>" in remark.text] == ["unknown-element"]


def test_every_file_is_read_although_one_is_broken(tmp_path: pathlib.Path) -> None:
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


def test_a_circle_in_the_order_is_found_whatever_the_root(tmp_path: pathlib.Path) -> None:
    graph = '<edge from="x" to="y"/><order head="x" tail="y"/><order head="y" tail="x"/>'
    path = tree(
        tmp_path,
        {
            "graphs/default/g.xml": f"<graph>{graph}</graph>",
            "nodes/x.xml": "<kickstart/>",
            "nodes/y.xml": "<kickstart/>",
        },
    )
    assert ["circle" in remark.text for remark in lint(path, {}, [])] == [True]


def test_a_node_file_that_no_root_reaches_is_found_and_a_root_is_not(
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


def test_an_attribute_that_is_defined_nowhere_is_found_with_what_was_meant(
    tmp_path: pathlib.Path,
) -> None:
    graph = '<attribute name="timezone"/>'
    path = one(
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


def test_a_package_that_the_distribution_does_not_have_is_found_for_each_place(
    tmp_path: pathlib.Path,
) -> None:
    path = one(
        tmp_path,
        "<package>gcc</package>\n<package>gdbb</package>\n<package>perl(POD::Simple)</package>",
        '<package>glibc.x86_64\nkernel*\nnothing*\n-absent</package><package type="meta">core</package>',
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


def test_a_root_that_is_nowhere_is_a_finding_and_not_the_end(tmp_path: pathlib.Path) -> None:
    remarks = lint(one(tmp_path, "<nonsense/>"), {"computer": {}, "compute": {}}, ["rhel9"])
    assert {remark.rule for remark in remarks} == {"unknown-element", "description"}


LAYOUT = """<pre>
<file name="/run/rocks/layout">
{}
</file>
</pre>"""
WHOLE = "/ RK_ROOT xfs &root_size;\n/state/partition1 RK_STATE1 xfs 1 keep"


def layout_findings(folder: pathlib.Path, text: str, *elements: str) -> list[tuple[int, str]]:
    """Line of the layout (the first is 1) and what is said about it."""
    path = one(folder, LAYOUT.format(text), *elements)
    remarks = lint(path, {"compute": {"root_size": "1"}}, ["rhel9"])
    return [(remark.origin.line - 3, remark.text) for remark in remarks if remark.rule == "layout"]


@pytest.mark.parametrize(("text", "_said"), BAD_LAYOUTS)
def test_a_layout_that_the_machine_would_refuse_is_found_before(
    tmp_path: pathlib.Path, text: str, _said: str
) -> None:
    known = "file system 'zfs'" in _said or "label '" in _said
    assert known or layout_findings(tmp_path, text), (
        "only file systems and lengths of labels are left to the program"
    )


def test_what_survives_a_reinstallation_is_stated_and_never_a_part_of_the_system(
    tmp_path: pathlib.Path,
) -> None:
    text = WHOLE + "\n/var RK_VAR xfs 1 keep\n/home RK_HOME xfs 1\n/opt RK_OPT xfs 1 format"
    assert layout_findings(tmp_path, text) == [
        (3, "/var cannot be kept, since packages are installed there"),
        (4, "what becomes of /home when the node is reinstalled?"),
    ]


def test_what_a_script_keeps_must_be_on_a_partition_that_is_kept(tmp_path: pathlib.Path) -> None:
    keeps = "<post>\ncp /etc/ssh/ssh_host_* /state/partition1/\n</post>"
    assert layout_findings(tmp_path, WHOLE, keeps) == []
    ((line, said),) = layout_findings(
        tmp_path, "/ RK_ROOT xfs 1\n/state/partition1 RK_STATE1 xfs 1 format", keeps
    )
    assert said.startswith(
        "/state/partition1 is used here, and no partition of the layout that is kept is mounted there"
    )
    assert line == 6


def test_a_layout_with_comments_and_values_that_are_not_known_yet_is_not_found(
    tmp_path: pathlib.Path,
) -> None:
    assert (
        layout_findings(
            tmp_path, "# MOUNT LABEL\n" + WHOLE + "\n\nswap RK_SWAP swap &root_size;  # no more"
        )
        == []
    )


def test_lint_and_partition_program_mean_the_same_places_of_the_system() -> None:
    assert (partition_layout.SYSTEM_MOUNTS, partition_layout.OPTIONS) == (
        partition.SYSTEM,
        partition.WORDS,
    )
