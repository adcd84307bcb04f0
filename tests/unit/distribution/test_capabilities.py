"""Requirements are met by rpm's rule (rpmdsCompare); boolean dependencies are evaluated."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.evr import parse_evr
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata import (
    capabilities,
    rich_dependencies,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.resolve import dependencies
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError

Capability = capabilities.Capability
Entries = capabilities.Entries

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
    """Parse ``name`` or ``name >= [epoch:]version[-release]``."""
    name, *condition = text.split()
    if not condition:
        return Capability(name)
    operator, evr = condition
    epoch, version, release = parse_evr(evr)
    return Capability(name, capabilities.FLAGS[operator], epoch, version, release)


def test_provides_and_requires_are_extracted_from_the_xml_of_a_package() -> None:
    entries = capabilities.extract_entries(XML)

    assert {str(capabilities.parse_entry(entry)) for entry in entries.provides} == {
        "bash = 5.1.8-9.el9",
        "config(bash) = 5.1.8-9.el9",
    }
    assert {str(capabilities.parse_entry(entry)) for entry in entries.requires} == {
        "glibc >= 2.34",
        "/bin/sh",
        "(a > 1 or b)",
    }


def test_xml_on_one_line_has_the_same_entries() -> None:
    assert capabilities.extract_entries(
        b"".join(line.strip() for line in XML.splitlines())
    ) == capabilities.extract_entries(XML)


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param(capabilities.extract_entries(XML), id="both"),
        pytest.param(Entries(frozenset({b'name="a"'}), frozenset()), id="nothing required"),
        pytest.param(Entries(frozenset(), frozenset({b'name="a"'})), id="nothing provided"),
        pytest.param(Entries(frozenset(), frozenset()), id="nothing"),
    ],
)
def test_encoded_entries_decode_to_the_same_entries(entries: Entries) -> None:
    assert capabilities.decode_entries(capabilities.encode_entries(entries)) == entries


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
def test_a_capability_meets_a_requirement_when_their_versions_overlap(
    provided: str, required: str, met: bool
) -> None:
    assert capabilities.satisfies(capability(provided), capability(required)) is met


@pytest.mark.parametrize(
    ("text", "provided", "met"),
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
def test_a_boolean_dependency_is_met_by_some_choice_of_the_provided(
    text: str, provided: str, met: bool
) -> None:
    dependency = rich_dependencies.parse_rich(text)

    def is_met(capability: Capability) -> bool:
        return capability.name in provided.split()

    assert rich_dependencies.is_satisfiable(dependency, is_met) is met


def test_a_version_in_a_boolean_dependency_is_compared() -> None:
    providers = dependencies.ProviderIndex(
        {b'name="a" flags="EQ" epoch="0" ver="2" rel="1"'}, lambda _paths: ()
    )

    assert providers.can_meet(Capability("(a >= 2 with a < 3)"))
    assert not providers.can_meet(Capability("(a >= 3 or a < 1:0 and b)"))


@pytest.mark.parametrize("text", ["(a", "a)", "(a and)", "(and a)", "()", "(a b)", "(a else b)"])
def test_an_invalid_boolean_dependency_is_an_error(text: str) -> None:
    with pytest.raises(DescriptionError, match="boolean dependency"):
        rich_dependencies.parse_rich(text)


def test_unmet_requirements_are_listed_with_the_packages_that_need_them() -> None:
    entries = capabilities.extract_entries(XML)
    providers = dependencies.ProviderIndex(entries.provides, lambda paths: {"/bin/sh"} & set(paths))

    missing = dependencies.find_unsatisfied(providers, entries.requires)

    unmet = dependencies.find_requiring(missing, [("bash-5.1.8-9.el9.x86_64", XML)])
    assert [str(requirement) for requirement in unmet] == [
        "(a > 1 or b), which bash-5.1.8-9.el9.x86_64 needs",
        "glibc >= 2.34, which bash-5.1.8-9.el9.x86_64 needs",
    ]
    assert dependencies.find_unsatisfied(providers, entries.requires, ["glibc*", "(*"]) == []


def test_a_package_is_uninstallable_when_only_uninstallable_packages_provide_what_it_needs() -> (
    None
):
    def package(name: str, requirement: str) -> dependencies.CandidatePackage:
        entries = Entries(
            provides=frozenset({f'name="{name}"'.encode()}),
            requires=frozenset({f'name="{requirement}"'.encode()}),
        )
        return dependencies.CandidatePackage(name, name, entries, frozenset())

    packages = [
        package("a", "b"),
        package("b", "c"),
        package("c", "missing"),
        package("d", "e"),
        package("e", "d"),
    ]

    assert dependencies.find_uninstallable(packages, [b'name="missing"'], lambda _paths: ()) == {
        "a": "a needs b, which only uninstallable packages provide",
        "b": "b needs c, which only uninstallable packages provide",
        "c": "c needs missing, which nothing provides",
    }
