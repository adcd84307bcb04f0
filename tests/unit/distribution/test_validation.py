"""The description of a distribution is validated before anything is read."""

from __future__ import annotations

import dataclasses
import importlib.util
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.build import optional_imports
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.build.validation import check
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import (
    Distribution,
    Policy,
    Source,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, NotFound

OS = Source("os", url="https://mirror.example.org/9/BaseOS/x86_64/os", gpg_keys=("/etc/pki/key",))
VALID = Distribution("rocks", (OS, Source("local", "directory", path="/srv/local")))


def policy(**fields: Any) -> dict[str, Any]:
    return {"policy": Policy(**fields)}


def test_a_valid_description_raises_no_error() -> None:
    check(VALID)


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        pytest.param({"name": "../rocks"}, ['name "../rocks"'], id="name with a slash"),
        pytest.param({"name": ".pool"}, ['name ".pool"'], id="hidden name"),
        pytest.param({"sources": ()}, ["no sources"], id="no sources"),
        pytest.param({"sources": (OS, OS)}, ['"os"', "two sources"], id="one name twice"),
        pytest.param({"layout": "copy"}, ['"copy"', "links", "symlink"], id="layout"),
        pytest.param({"closure": "yes"}, ['"yes"', "profiles"], id="closure"),
        pytest.param(policy(versions="latest"), ['"latest"', "newest"], id="versions"),
        pytest.param(policy(arch="x86_64/.."), ['architecture "x86_64/.."'], id="architecture"),
        pytest.param(policy(install_only_limit=0), ["install_only_limit is 0"], id="limit"),
        pytest.param(policy(pins={"slurm": "a:1"}), ['"slurm"', '"a:1"'], id="pin"),
        pytest.param(
            policy(pins={"foo": "foo-1-1.noarch"}), ["foo-1-1.noarch", "only: 1-1"], id="rpm -q"
        ),
        pytest.param({"name": ""}, ["name is empty"], id="empty name"),
    ],
)
def test_an_error_contains_the_faulty_value(change: dict[str, Any], facts: list[str]) -> None:
    with pytest.raises(DescriptionError) as raised:
        check(dataclasses.replace(VALID, **change))

    assert raised.value.where.startswith("distribution ")
    assert all(fact in raised.value.what for fact in facts)


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        pytest.param({"name": "a/b"}, ['source "a/b"'], id="name with a slash"),
        pytest.param({"type": "http"}, ['"http"', "mirror", "directory"], id="type"),
        pytest.param({"url": ""}, ["either url or path"], id="neither url nor path"),
        pytest.param({"path": "/srv"}, ["either url or path"], id="both url and path"),
        pytest.param({"url": "ftp://example.org"}, ['"ftp://example.org"', "https"], id="scheme"),
        pytest.param({"type": "directory"}, ["directory", "path"], id="directory with a url"),
        pytest.param(
            {"url": "file://srv/os"}, ["file://srv/os", "absolute"], id="file URL of host"
        ),
        pytest.param({"url": "", "path": "srv/os"}, ["srv/os", "not absolute"], id="relative path"),
        pytest.param({"certificate": "/absent.pem"}, ["/absent.pem", "certificate"], id="no file"),
        pytest.param({"fetch": "all"}, ['"all"', "everything"], id="fetch"),
        pytest.param(
            {"skip_metadata": ("comps",)}, ['"comps"', "groups", "modules"], id="skip_metadata"
        ),
        pytest.param(
            {"gpg_keys": (), "gpgcheck": True}, ["gpgcheck", "gpg_keys"], id="gpgcheck without keys"
        ),
        pytest.param(
            {"gpg_keys": (), "repo_gpgcheck": True},
            ["repo_gpgcheck", "gpg_keys"],
            id="repo_gpgcheck without keys",
        ),
        pytest.param(
            {"type": "directory", "path": "/srv", "url": "", "repo_gpgcheck": True},
            ["repo_gpgcheck", "no metadata"],
            id="repo_gpgcheck of a directory",
        ),
    ],
)
def test_an_error_in_a_source_contains_its_name(change: dict[str, Any], facts: list[str]) -> None:
    with pytest.raises(DescriptionError) as raised:
        check(dataclasses.replace(VALID, sources=(dataclasses.replace(OS, **change),)))

    assert raised.value.what.startswith('source "')
    assert all(fact in raised.value.what for fact in facts)


def test_one_error_lists_all_faults() -> None:
    invalid: dict[str, Any] = {"layout": "x", "closure": "y"}

    with pytest.raises(DescriptionError) as raised:
        check(Distribution("a b", (), **invalid))

    assert all(fact in raised.value.what for fact in ('"a b"', "sources", '"x"', '"y"'))


def test_one_error_lists_all_missing_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(NotFound) as raised:
        optional_imports.check(
            Distribution("rocks", (Source("local", "directory", path="/srv/local"),))
        )

    assert raised.value.what.endswith(": zstandard createrepo_c")
    assert "python3-zstandard python3-createrepo_c" in raised.value.hint
    assert "pip install zstandard createrepo_c" in raised.value.hint
