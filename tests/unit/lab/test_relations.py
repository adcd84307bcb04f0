# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Debian's versions and relations are converted to rpm's."""

from __future__ import annotations

import pytest
from lab.distribution import archive, relations
from lab.distribution.model import ConversionError, Evr


@pytest.mark.parametrize(
    ("debian", "rpm"),
    [
        pytest.param("2.36-9+deb12u14", Evr("", "2.36", "9+deb12u14"), id="upstream and revision"),
        pytest.param("1:9.2p1-2", Evr("1", "9.2p1", "2"), id="epoch"),
        pytest.param("37~deb12u1", Evr("", "37~deb12u1", "0"), id="native: Debian's X equals X-0"),
        pytest.param(
            "1.18-rc1-2",
            Evr("", "1.18.rc1", "2"),
            id="a dash in the version",
        ),
    ],
)
def test_a_debian_version_becomes_an_rpm_version(debian: str, rpm: Evr) -> None:
    assert relations.evr(debian) == rpm


@pytest.mark.parametrize(
    ("clause", "requirement"),
    [
        pytest.param("libc6 (>> 2.36)", "libc6 > 2.36-0", id="a release is always written"),
        pytest.param("python3:any", "python3", id="architecture qualifier"),
        pytest.param("a | b (= 1:2-3)", "(a or b = 1:2-3)", id="alternatives"),
        pytest.param("gone | a", "a", id="a missing alternative"),
        pytest.param("gone", None, id="no alternative left"),
    ],
)
def test_a_clause_becomes_a_dependency_on_the_present_packages(
    clause: str, requirement: str
) -> None:
    assert relations.requirement(clause, lambda name: name != "gone") == requirement


def test_an_unknown_form_of_a_relation_is_an_error() -> None:
    with pytest.raises(ConversionError, match="unknown form"):
        relations.requirement("a (~ 1)", lambda name: True)


def stanza(name: str, depends: str = "") -> str:
    return f"Package: {name}\nVersion: 1\nDepends: {depends}\nFilename: pool/{name}.deb"


def test_a_closure_takes_the_first_alternative_that_nothing_satisfies() -> None:
    offered = {
        name: stanza(name, depends)
        for name, depends in {"a": "b | c, d, x", "b": "", "c": "", "d": "c | b"}.items()
    }
    assert list(archive.closure(["a"], offered, lambda package: {"x"})) == ["a", "b", "d"]


def test_a_virtual_package_without_a_chosen_provider_is_an_error() -> None:
    with pytest.raises(ConversionError, match="awk is not in the archive"):
        archive.closure(["a"], {"a": stanza("a", "awk")}, lambda package: ())
