# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Debian's versions and relations as rpm's."""

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
            id="a dash in the version is none of rpm's characters",
        ),
    ],
)
def test_a_version_of_debian_is_one_of_rpm(debian: str, rpm: Evr) -> None:
    assert relations.evr(debian) == rpm


@pytest.mark.parametrize(
    ("clause", "requirement"),
    [
        pytest.param("libc6 (>> 2.36)", "libc6 > 2.36-0", id="a release is never left out"),
        pytest.param("python3:any", "python3", id="architecture qualifier"),
        pytest.param("a | b (= 1:2-3)", "(a or b = 1:2-3)", id="alternatives"),
        pytest.param("gone | a", "a", id="an alternative that nobody has"),
        pytest.param("gone", None, id="nothing left"),
    ],
)
def test_a_clause_is_a_dependency_over_what_there_is(clause: str, requirement: str) -> None:
    assert relations.requirement(clause, lambda name: name != "gone") == requirement


def test_an_unknown_form_is_not_guessed() -> None:
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


def test_a_name_that_is_only_virtual_must_be_chosen() -> None:
    with pytest.raises(ConversionError, match="awk is not in the archive"):
        archive.closure(["a"], {"a": stanza("a", "awk")}, lambda package: ())
