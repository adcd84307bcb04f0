# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The audit names the person behind sudo, and nobody can take another name."""

from __future__ import annotations

import os

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.acting_user import acting_user


@pytest.mark.parametrize(
    ("euid", "sudo_user", "expected"), [(0, "bob", "bob"), (0, "", "root"), (1000, "bob", "alice")]
)
def test_only_root_is_believed(
    monkeypatch: pytest.MonkeyPatch, euid: int, sudo_user: str, expected: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    monkeypatch.setenv("SUDO_USER", sudo_user)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "root" if euid == 0 else "alice")
    assert acting_user() == expected
