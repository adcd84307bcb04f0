# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Validate the description of a distribution before anything is read."""

from __future__ import annotations

import os
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
from ..urls import without_password

# Names of distributions, architectures and sources are used as folder names.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_URL = re.compile(r"(?:https?|file)://\S+")


def check_names(name: str, arch: str) -> None:
    """Raise DescriptionError if a distribution cannot have this name and architecture."""
    faults = list(_name_faults(name, arch))
    if faults:
        raise DescriptionError(
            "; ".join(faults),
            f'distribution "{name}"',
            "use letters, digits, '.', '_' and '-', with a letter or digit first",
        )


def check(distribution: Distribution) -> None:
    """Raise DescriptionError that lists every fault."""
    faults = list(_faults(distribution))
    if faults:
        raise DescriptionError("; ".join(faults), f'distribution "{distribution.name}"')


def _faults(distribution: Distribution) -> Iterator[str]:
    policy = distribution.policy
    yield from _name_faults(distribution.name, policy.arch)
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
        yield from _pin_faults(name, pin)


def _name_faults(name: str, arch: str) -> Iterator[str]:
    for what, value in (("name", name), ("architecture", arch)):
        if not value:
            yield f"the {what} is empty"
        elif not _NAME.fullmatch(value):
            yield f'the {what} "{value}" cannot be used as a folder name'


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
    yield from _place_faults(source)
    if source.checks_packages and not source.gpg_keys:
        yield "gpgcheck is set but gpg_keys is empty"
    if source.repo_gpgcheck and not source.gpg_keys:
        yield "repo_gpgcheck is set but gpg_keys is empty"
    if source.repo_gpgcheck and source.type == "directory":
        yield "repo_gpgcheck is set but a directory has no metadata"
    yield from _installer_faults(source)


def _installer_faults(source: Source) -> Iterator[str]:
    if source.installer_checksums and not source.gpg_keys:
        yield "installer_checksums is set but gpg_keys is empty"
    if source.installer_checksums and source.trust_installer:
        yield "installer_checksums and trust_installer exclude each other"
    if source.installer_iso and not source.installer_checksums:
        yield "installer_iso is set but installer_checksums is empty"
    if source.installer_checksums and source.type == "directory":
        yield "installer_checksums is set but a directory has no installer"


def _place_faults(source: Source) -> Iterator[str]:
    if bool(source.url) == bool(source.path):
        yield "set either url or path"
    elif source.type == "directory" and not source.path:
        yield "a directory needs path, not url"
    elif source.url and not _URL.fullmatch(source.url):
        yield f'"{without_password(source.url)}" is not a valid URL (http, https or file)'
    if source.url.startswith("file:") and not source.url.startswith(
        ("file:///", "file://localhost/")
    ):
        yield f'"{source.url}" names another machine; write file:// and an absolute path'
    if source.path and not os.path.isabs(source.path):
        yield f'the path "{source.path}" is not absolute'
    for option, path in (
        ("ca", source.ca),
        ("certificate", source.certificate),
        ("key", source.key),
        ("installer_checksums", source.installer_checksums),
        ("installer_iso", source.installer_iso),
    ):
        if path and not os.path.isfile(path):
            yield f"the file {path} of the option {option} does not exist"


def _pin_faults(name: str, pin: str) -> Iterator[str]:
    if pin.startswith(f"{name}-"):
        version = pin[len(name) + 1 :]
        architectures = (".noarch", *(f".{arch}" for arch in COMPATIBLE_ARCHES))
        for suffix in architectures:
            version = version.removesuffix(suffix)
        yield f'the pin of "{name}" is "{pin}"; write [epoch:]version[-release] only: {version}'
        return
    try:
        parse_evr(pin)
    except RocksError as error:
        yield f'the pin of "{name}": {error}'


def _not_a_choice(option: str, value: str, choices: tuple[str, ...]) -> str:
    return f'{option} is "{value}"; valid values are {", ".join(choices)}'
