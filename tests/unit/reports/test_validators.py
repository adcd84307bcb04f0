# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which words may stand in a file, in which order people count, and how names fold into a host list."""

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
    is_domain,
    is_host,
    is_ip,
    is_mac,
    natural_key,
    one_line,
)

names = st.from_regex(r"[a-c](-[0-9]{1,2}){0,2}(-0?[0-9]{1,3})?", fullmatch=True)


def unfold(folded: str) -> list[str]:
    """What a host list means (slurm.conf(5)), with a number in brackets at the end of a name at most."""
    found = []
    for item in re.findall(r"[^,\[]+(?:\[[^\]]*\])?", folded):
        prefix, _, inside = item.strip(",").partition("[")
        for part in inside.rstrip("]").split(",") if inside else [""]:
            low, _, high = part.partition("-")
            numbers = range(int(low), int(high or low) + 1) if part else []
            found += [prefix + str(number).zfill(len(low)) for number in numbers] or [prefix]
    return found


@given(st.lists(names))
def test_a_host_list_means_the_names_that_were_folded(given_names: list[str]) -> None:
    assert sorted(unfold(fold_names(given_names))) == sorted(set(given_names))


@pytest.mark.parametrize(
    ("given_names", "folded"),
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
        pytest.param(["web-1-0"], "web-1-0", id="one"),
        pytest.param(["login", "login2"], "login,login2", id="no number"),
        pytest.param([], "", id="nobody"),
    ],
)
def test_names_fold_by_their_last_number(given_names: list[str], folded: str) -> None:
    assert fold_names(given_names) == folded


def test_people_count_compute_0_9_before_compute_0_10() -> None:
    assert sorted(["compute-0-10", "compute-1-0", "compute-0-9"], key=natural_key) == [
        "compute-0-9",
        "compute-0-10",
        "compute-1-0",
    ]


@given(st.text())
def test_a_comment_is_the_rest_of_one_line_whatever_it_was(text: str) -> None:
    assert (
        "\n" not in one_line(text)
        and one_line(text).isprintable()
        and len(f"x # {one_line(text)}".splitlines()) == 1
    )


@given(st.text())
def test_no_text_that_could_break_out_is_a_host_a_domain_a_mac_or_an_address(text: str) -> None:
    for judge in (is_host, is_domain, is_mac, is_ip):
        assert not judge(text) or re.fullmatch(r"[a-z0-9.:-]+", text)


@given(st.ip_addresses(v=4))
def test_every_address_is_one(ip: ipaddress.IPv4Address) -> None:
    assert is_ip(str(ip))


@pytest.mark.parametrize(
    "text", ["", "10.1.1", "10.1.1.1.1", "010.1.1.1", "10.1.1.256", "10.1.1.1\n", "١٠.1.1.1", "::1"]
)
def test_what_a_daemon_could_read_otherwise_is_no_address(text: str) -> None:
    assert not is_ip(text)


@pytest.mark.parametrize("text", ["", "-a", "a-", "a" * 64, "a.b", "a\n", "ä", "A"])
def test_what_is_no_label_is_no_host(text: str) -> None:
    assert not is_host(text)


@pytest.mark.parametrize("text", ["", ".", "a..b", "a.", ".".join(["a" * 63] * 5)])
def test_what_is_no_domain_is_none(text: str) -> None:
    assert not is_domain(text)


@pytest.mark.parametrize("text", ["", "two words", 'a"b', "a\nb", "-a", "a;b"])
def test_a_word_is_plain_or_refused(text: str) -> None:
    with pytest.raises(DescriptionError, match="is no outlet"):
        check_word(text, "outlet", "web-1-0")
