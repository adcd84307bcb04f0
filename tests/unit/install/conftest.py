"""A pin for orders."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Pin


@pytest.fixture
def pin() -> Pin:
    return Pin("rocks", "x86_64", "4c19e0b2aa17", "ab" * 32)
