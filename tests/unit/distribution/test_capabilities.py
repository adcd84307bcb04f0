"""When a requirement is met (rpmdsCompare), and what boolean dependencies mean."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata import (
    capabilities,
    rich_dependencies,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata.capabilities import (
    Capability,
    Entries,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.resolve import dependencies
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError

XML = b"""<package type="rpm">
  <name>bash</name>
  <format>
    <rpm:provides>
      <rpm:entry name="bash" flags="EQ" epoch="0" ver="5.1.8" rel="9.el9"/>
      <rpm:entry name="config(bash)" flags="EQ" epoch="0" ver="5.1.8" rel="9.el9"/>
    </rpm:provides>
    <rpm:requires>
      <rpm:entry name="rpmlib(FileDigests)" flags="LE" epoch="0" ver="4.6.0" rel="1"/>
      <rpm:entry name="glibc" flags="GE" epoch="0" ver="2.34" pre="1"/>
      <rpm:entry name="/bin/sh" pre="1"/>
      <rpm:entry name="(a &gt; 1 or b)"/>
    </rpm:requires>
    <rpm:conflicts>
      <rpm:entry name="zsh"/>
    </rpm:conflicts>
    <file>/usr/bin/bash</file>
    <file type="dir">/etc/skel</file>
  </format>
</package>
"""


def capability(text: str) -> Capability:
    """``name``, or ``name >= [epoch:]version[-release]``."""
    name, *rest = text.split()
    if not rest:
        return Capability(name)
    epoch, colon, version = rest[1].rpartition(":")
    version, _dash, release = version.partition("-")
    return Capability(
        name, capabilities.FLAGS[rest[0]], int(epoch) if colon else 0, version, release
    )


def test_what_a_package_provides_and_requires_is_taken_from_its_xml() -> None:
    found = capabilities.extract_entries(XML)

    assert {str(capabilities.parse_entry(entry)) for entry in found.provides} == {
        "bash = 5.1.8-9.el9",
        "config(bash) = 5.1.8-9.el9",
    }
    assert {str(capabilities.parse_entry(entry)) for entry in found.requires} == {
        "glibc >= 2.34",
        "/bin/sh",
        "(a > 1 or b)",
    }


def test_the_same_in_one_line() -> None:
    assert capabilities.extract_entries(
        b"".join(line.strip() for line in XML.splitlines())
    ) == capabilities.extract_entries(XML)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(capabilities.extract_entries(XML), id="both"),
        pytest.param(Entries(frozenset({b'name="a"'}), frozenset()), id="nothing required"),
        pytest.param(Entries(frozenset(), frozenset({b'name="a"'})), id="nothing provided"),
        pytest.param(Entries(frozenset(), frozenset()), id="nothing"),
    ],
)
def test_entries_are_stored_as_text(given: Entries) -> None:
    assert capabilities.decode_entries(capabilities.encode_entries(given)) == given


@pytest.mark.parametrize(
    ("provided", "required", "met"),
    [
        ("a = 1", "a", True),
        ("a", "a = 1", True),
        ("a", "b", False),
        ("a = 1-1", "a = 1-1", True),
        ("a = 1-1", "a = 1", True),
        ("a = 1", "a = 1-7", True),
        ("a = 1-1", "a = 1-2", False),
        ("a = 1-2", "a >= 1-2", True),
        ("a = 1-2", "a > 1-2", False),
        ("a = 1-2", "a < 1-2", False),
        ("a = 1-2", "a <= 1-2", True),
        ("a = 1:1-1", "a >= 2", True),
        ("a = 1:1-1", "a < 2", False),
        ("a >= 2", "a >= 5", True),
        ("a >= 2", "a < 2", False),
        ("a <= 2", "a >= 2", True),
        ("a < 2", "a >= 2", False),
        ("a = 1~rc1", "a >= 1", False),
        ("a = 1^git", "a > 1", True),
    ],
)
def test_when_a_requirement_is_met(provided: str, required: str, met: bool) -> None:
    assert capabilities.satisfies(capability(provided), capability(required)) is met


@pytest.mark.parametrize(
    ("text", "there", "met"),
    [
        ("(a and b)", "a b", True),
        ("(a and b)", "a", False),
        ("(a or b)", "b", True),
        ("(a or b or c)", "", False),
        ("(a if b)", "", True),
        ("(a if b)", "a b", True),
        ("(a if b)", "b", True),  # b can be left out
        ("(a if b else c)", "c", True),
        ("(a if b else c)", "b", False),
        ("(a if b else c)", "a b", True),
        ("(a unless b)", "a", True),
        ("(a unless b)", "b", False),
        ("(a unless b else c)", "b c", True),
        ("(a with b)", "a b", True),
        ("(a with b)", "a", False),
        ("(a without b)", "a", True),
        ("((a or b) and (c or d))", "a d", True),
        ("((a or b) and (c or d))", "a b", False),
        ("(libc.so.6(GLIBC_2.34)(64bit) or a)", "libc.so.6(GLIBC_2.34)(64bit)", True),
    ],
)
def test_boolean_dependencies(text: str, there: str, met: bool) -> None:
    assert (
        rich_dependencies.is_satisfiable(
            rich_dependencies.parse_rich(text), lambda wanted: wanted.name in there.split()
        )
        is met
    )


def test_a_version_within_a_boolean_dependency_counts() -> None:
    supply = dependencies.ProviderIndex(
        {b'name="a" flags="EQ" epoch="0" ver="2" rel="1"'}, lambda _paths: ()
    )

    assert supply.can_meet(Capability("(a >= 2 with a < 3)"))
    assert not supply.can_meet(Capability("(a >= 3 or a < 1:0 and b)"))


@pytest.mark.parametrize("text", ["(a", "a)", "(a and)", "(and a)", "()", "(a b)", "(a else b)"])
def test_what_is_no_boolean_dependency_is_refused(text: str) -> None:
    with pytest.raises(DescriptionError, match="is no boolean dependency"):
        rich_dependencies.parse_rich(text)


def test_unmet_requirements_and_who_has_them() -> None:
    found = capabilities.extract_entries(XML)
    supply = dependencies.ProviderIndex(found.provides, lambda paths: {"/bin/sh"} & set(paths))

    missing = dependencies.find_unsatisfied(supply, found.requires)

    assert [
        str(one) for one in dependencies.find_requiring(missing, [("bash-5.1.8-9.el9.x86_64", XML)])
    ] == [
        "(a > 1 or b), which bash-5.1.8-9.el9.x86_64 needs",
        "glibc >= 2.34, which bash-5.1.8-9.el9.x86_64 needs",
    ]
    assert dependencies.find_unsatisfied(supply, found.requires, ["glibc*", "(*"]) == []


def test_a_package_is_broken_when_only_broken_packages_provide_what_it_needs() -> None:
    def one(name: str, *requires: str) -> dependencies.CandidatePackage:
        wanted = frozenset(f'name="{entry}"'.encode() for entry in requires)
        return dependencies.CandidatePackage(
            name, name, Entries(frozenset({f'name="{name}"'.encode()}), wanted), frozenset()
        )

    members = [one("a", "b"), one("b", "c"), one("c", "missing"), one("d", "e"), one("e", "d")]

    assert dependencies.find_uninstallable(members, [b'name="missing"'], lambda _paths: ()) == {
        "a": "a needs b, which only packages provide that cannot be installed",
        "b": "b needs c, which only packages provide that cannot be installed",
        "c": "c needs missing, which nothing provides",
    }
