"""What can be wrong with the description of a distribution is said before anything is read."""

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
GOOD = Distribution("rocks", (OS, Source("local", "directory", path="/srv/local")))


def test_a_good_one_passes() -> None:
    check(GOOD)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": "../rocks"}, 'the name "../rocks" can be no name of a folder'),
        ({"name": ".pool"}, 'the name ".pool" can be no name of a folder'),
        ({"sources": ()}, "it has no sources"),
        ({"sources": (OS, OS)}, 'two sources are called "os"'),
        ({"layout": "copy"}, 'layout is "copy", and can be links or symlink'),
        ({"closure": "yes"}, 'closure is "yes", and can be whole or profiles or warn or off'),
        ({"policy": Policy(versions="latest")}, 'versions is "latest", and can be newest or all'),
        (
            {"policy": Policy(arch="x86_64/..")},
            'the architecture "x86_64/.." can be no name of a folder',
        ),
        ({"policy": Policy(install_only_limit=0)}, "at least 1 version has to stay"),
        ({"policy": Policy(pins={"slurm": "a:1"})}, 'the pin of "slurm": "a:1" is not a version'),
    ],
)
def test_a_fault_is_named(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DescriptionError) as raised:
        check(dataclasses.replace(GOOD, **change))

    assert complaint in str(raised.value)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": "a/b"}, 'source "a/b": this can be no name of a folder'),
        ({"type": "http"}, 'type is "http", and can be mirror or parent or directory'),
        ({"url": ""}, "it needs a url or a path, one of the two"),
        ({"path": "/srv"}, "it needs a url or a path, one of the two"),
        ({"url": "ftp://example.org"}, '"ftp://example.org" is no URL of http, https or file'),
        ({"type": "directory"}, "a directory has a path and no url"),
        ({"fetch": "all"}, 'fetch is "all", and can be needed or everything'),
        ({"gpg_keys": (), "gpgcheck": True}, "gpgcheck is on and there are no gpg_keys"),
        ({"gpg_keys": (), "repo_gpgcheck": True}, "repo_gpgcheck is on and there are no gpg_keys"),
        (
            {"type": "directory", "path": "/srv", "url": "", "repo_gpgcheck": True},
            "a directory has no metadata",
        ),
    ],
)
def test_a_fault_of_a_source_is_named_with_the_source(
    change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(DescriptionError) as raised:
        check(dataclasses.replace(GOOD, sources=(dataclasses.replace(OS, **change),)))

    assert str(raised.value).startswith('distribution "rocks": source "')
    assert complaint in str(raised.value)


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(DescriptionError) as raised:
        check(Distribution("a b", (), layout="x", closure="y"))

    assert str(raised.value).count(";") == 3


def test_libraries_that_are_missing_are_named_before_anything_is_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(NotFound) as raised:
        optional_imports.check(
            Distribution("rocks", (Source("local", "directory", path="/srv/local"),))
        )

    assert str(raised.value) == (
        "these Python libraries are not installed: zstandard createrepo_c; "
        "install python3-zstandard python3-createrepo_c, or run: pip install zstandard createrepo_c"
    )
