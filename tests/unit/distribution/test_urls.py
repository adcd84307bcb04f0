# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""No error shows the password of a URL."""

from __future__ import annotations

import string
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.build.url_variables import (
    replace_variables,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import (
    Distribution,
    Source,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.urls import without_password
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError

SECRETS = st.text(string.ascii_letters + string.digits + "!$&'()*+,;=~%/:@#?", min_size=1)


@given(password=SECRETS, path=st.text(string.ascii_letters + "/", max_size=20))
def test_no_part_of_a_password_is_shown(password: str, path: str) -> None:
    secret = f"zq{password}qz"
    shown = Source("os", url=f"https://user:{secret}@mirror.example/{path}").where

    assert "zq" not in shown
    assert "qz" not in shown
    assert "user" not in shown.replace("source", "")


@pytest.mark.parametrize(
    "url",
    [
        "https://mirror.example/os",
        "http://mirror.example:8080/a:b@c/os",
        "http://[::1]:8080/os",
        "http://mirror.example/os?user=a@example.org",
        "file:///srv/a@b",
    ],
)
def test_other_urls_are_shown_as_they_are(url: str) -> None:
    assert without_password(url) == url
    assert urlsplit(url).password is None


class TestVariables:
    """The variables of dnf in the places of sources."""

    def replaced(self, url: str, **fields: Any) -> str:
        distribution = Distribution("rocks", (Source("os", url=url),), **fields)
        return replace_variables(distribution).sources[0].url

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("http://m/$releasever/BaseOS/$basearch/os", "http://m/9/BaseOS/x86_64/os"),
            ("http://m/${releasever}-stream/$arch", "http://m/9-stream/x86_64"),
            ("http://m/$releasever_major", "http://m/9"),
            ("http://m/os", "http://m/os"),
        ],
    )
    def test_known_ones_are_replaced(self, url: str, expected: str) -> None:
        assert self.replaced(url, release="rhel9") == expected

    @pytest.mark.parametrize(
        ("url", "release", "remedy"),
        [
            ("http://m/$releasever/os", "", "set release"),
            ("http://m/$contentdir/os", "rhel9", r"\$contentdir.*write its value"),
            ("http://m/${stream}", "rhel9", "write its value"),
            ("http://m/$releasever_minor", "rhel9", "write the number"),
        ],
    )
    def test_others_are_errors(self, url: str, release: str, remedy: str) -> None:
        with pytest.raises(DescriptionError, match=remedy):
            self.replaced(url, release=release)
