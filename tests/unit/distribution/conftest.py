"""Fixture of the tests of distributions: a site in an empty folder."""

from __future__ import annotations

import pathlib

import pytest

from support.distributions import Site


@pytest.fixture
def site(tmp_path: pathlib.Path) -> Site:
    return Site(tmp_path)
