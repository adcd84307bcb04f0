# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Validate the description of a distribution before anything is read."""

from __future__ import annotations

import re
from typing import Iterator, get_args

from ...errors import DescriptionError, RocksError
from ..arches import COMPATIBLE_ARCHES, OTHER_NAMES
from ..evr import parse_evr
from ..model import (
    Closure,
    Distribution,
    Fetch,
    Layout,
    SkippedMetadata,
    Source,
    SourceType,
    Versions,
)

# Names of distributions, architectures and sources are used as folder names.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_URL = re.compile(r"(?:https?|file)://\S+")


def check(distribution: Distribution) -> None:
    """Raise DescriptionError that lists every fault."""
    faults = list(_faults(distribution))
    if faults:
        raise DescriptionError("; ".join(faults), f'distribution "{distribution.name}"')


def _faults(distribution: Distribution) -> Iterator[str]:
    policy = distribution.policy
    for what, name in (("name", distribution.name), ("architecture", policy.arch)):
        if not _NAME.fullmatch(name):
            yield f'the {what} "{name}" cannot be used as a folder name'
    if _NAME.fullmatch(policy.arch) and policy.arch not in COMPATIBLE_ARCHES:
        hint = OTHER_NAMES.get(policy.arch.lower(), "")
        yield (
            f'the architecture "{policy.arch}" is not supported; '
            + (f"its name in RPM is {hint}" if hint else f"use {', '.join(COMPATIBLE_ARCHES)}")
        )
    if not distribution.sources:
        yield "it has no sources"
    names = [source.name for source in distribution.sources]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f'the name "{name}" is used by two sources'
    for source in distribution.sources:
        yield from (f'source "{source.name}": {fault}' for fault in _source_faults(source))
    for option, value, choices in (
        ("layout", distribution.layout, get_args(Layout)),
        ("closure", distribution.closure, get_args(Closure)),
        ("versions", policy.versions, get_args(Versions)),
    ):
        if value not in choices:
            yield _not_a_choice(option, value, choices)
    if policy.install_only_limit < 1:
        yield f"install_only_limit is {policy.install_only_limit}; it must be at least 1"
    for name, pin in sorted(policy.pins.items()):
        try:
            parse_evr(pin)
        except RocksError as error:
            yield f'the pin of "{name}": {error}'


def _source_faults(source: Source) -> Iterator[str]:
    if not _NAME.fullmatch(source.name):
        yield "the name cannot be used as a folder name"
    if source.type not in get_args(SourceType):
        yield _not_a_choice("type", source.type, get_args(SourceType))
        return
    if source.fetch not in get_args(Fetch):
        yield _not_a_choice("fetch", source.fetch, get_args(Fetch))
    for kind in source.skip_metadata:
        if kind not in get_args(SkippedMetadata):
            yield _not_a_choice("skip_metadata", kind, get_args(SkippedMetadata))
    if bool(source.url) == bool(source.path):
        yield "set either url or path"
    elif source.type == "directory" and not source.path:
        yield "a directory needs path, not url"
    elif source.url and not _URL.fullmatch(source.url):
        yield f'"{source.url}" is not a valid URL (http, https or file)'
    if source.checks_packages and not source.gpg_keys:
        yield "gpgcheck is set but gpg_keys is empty"
    if source.repo_gpgcheck and not source.gpg_keys:
        yield "repo_gpgcheck is set but gpg_keys is empty"
    if source.repo_gpgcheck and source.type == "directory":
        yield "repo_gpgcheck is set but a directory has no metadata"


def _not_a_choice(option: str, value: str, choices: tuple[str, ...]) -> str:
    return f'{option} is "{value}"; valid values are {", ".join(choices)}'
