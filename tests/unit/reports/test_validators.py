# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Validation of words for files, natural order, and folding of names into a host list."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.reports.validators import (
    check_word,
    fold_names,
    is_host,
    is_ip,
    is_mac,
    natural_key,
    one_line,
)

names = st.from_regex(r"[a-c](-[0-9]{1,2}){0,2}(-0?[0-9]{1,3})?", fullmatch=True)


def unfold(folded: str) -> list[str]:
    """Expand a host list (slurm.conf(5)) with numbers in brackets only at the end of a name."""
    expanded = []
    for item in re.findall(r"[^,\[]+(?:\[[^\]]*\])?", folded):
        prefix, _, inside = item.strip(",").partition("[")
        for part in inside.rstrip("]").split(",") if inside else [""]:
            low, _, high = part.partition("-")
            numbers = range(int(low), int(high or low) + 1) if part else []
            expanded += [prefix + str(number).zfill(len(low)) for number in numbers] or [prefix]
    return expanded


@given(st.lists(names))
def test_unfolding_a_folded_list_returns_the_names(originals: list[str]) -> None:
    assert sorted(unfold(fold_names(originals))) == sorted(set(originals))


@pytest.mark.parametrize(
    ("originals", "folded"),
    [
        pytest.param(
            ["compute-0-0", "compute-0-1", "compute-0-2", "compute-0-3"],
            "compute-0-[0-3]",
            id="Table II",
        ),
        pytest.param(
            ["compute-0-10", "compute-0-9", "compute-0-2"], "compute-0-[2,9-10]", id="gaps"
        ),
        pytest.param(["c0001", "c0002", "c0100"], "c[0001-0002,0100]", id="leading zeros"),
        pytest.param(["web-1-0"], "web-1-0", id="one name"),
        pytest.param(["login", "login2"], "login,login2", id="no number"),
        pytest.param([], "", id="no names"),
    ],
)
def test_names_are_folded_by_their_last_number(originals: list[str], folded: str) -> None:
    assert fold_names(originals) == folded


def test_compute_0_9_sorts_before_compute_0_10() -> None:
    assert sorted(["compute-0-10", "compute-1-0", "compute-0-9"], key=natural_key) == [
        "compute-0-9",
        "compute-0-10",
        "compute-1-0",
    ]


@given(st.text())
def test_any_text_becomes_the_rest_of_one_line(text: str) -> None:
    assert (
        "\n" not in one_line(text)
        and one_line(text).isprintable()
        and len(f"x # {one_line(text)}".splitlines()) == 1
    )


@given(st.text())
def test_validators_accept_only_harmless_characters(text: str) -> None:
    for validator in (is_host, is_mac, is_ip):
        assert not validator(text) or re.fullmatch(r"[a-z0-9.:-]+", text)


@given(st.ip_addresses(v=4))
def test_every_ipv4_address_is_accepted(ip: ipaddress.IPv4Address) -> None:
    assert is_ip(str(ip))


@pytest.mark.parametrize(
    "text", ["", "10.1.1", "10.1.1.1.1", "010.1.1.1", "10.1.1.256", "10.1.1.1\n", "١٠.1.1.1", "::1"]
)
def test_ambiguous_forms_of_an_address_are_rejected(text: str) -> None:
    assert not is_ip(text)


@pytest.mark.parametrize("text", ["", "-a", "a-", "a" * 64, "a.b", "a\n", "ä", "A"])
def test_a_host_name_is_one_valid_label(text: str) -> None:
    assert not is_host(text)


@pytest.mark.parametrize("text", ["", "two words", 'a"b', "a\nb", "-a", "a;b"])
def test_a_word_with_other_characters_is_refused(text: str) -> None:
    with pytest.raises(DescriptionError, match="not a valid outlet"):
        check_word(text, "outlet", "web-1-0")
