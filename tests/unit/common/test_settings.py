# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The site's settings: where the frontend is for whom."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings, parse


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://10.1.1.1", "http://10.1.1.1"),
        ("http://10.1.1.1:8080", "http://10.1.1.1:8080"),
        ("https://10.1.1.1", "http://10.1.1.1"),
        ("https://frontend-0.cluster:8443", "http://frontend-0.cluster"),
    ],
)
def test_boot_loaders_reach_the_frontend_without_tls(url: str, plain: str) -> None:
    assert Settings(url=url).plain_url == plain


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("url: [1]", "url is [1]"),
        ("databse: x", "unknown key 'databse'"),
        ("- a", "a mapping is expected"),
        ("url: 'x\n", "rocks.yml:2: not YAML"),
    ],
)
def test_what_is_no_setting_is_said_with_its_place(text: str, message: str) -> None:
    with pytest.raises(DescriptionError) as raised:
        parse(text, "rocks.yml")
    assert message in str(raised.value)
