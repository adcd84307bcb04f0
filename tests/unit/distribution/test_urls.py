# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""No error shows the password of a URL."""

from __future__ import annotations

import string
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Source
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.urls import without_password

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
