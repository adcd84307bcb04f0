# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is the description of a distribution one that can be built?  Everything that is wrong with it, at once."""

from __future__ import annotations

import re
from typing import Iterator, get_args

from ...errors import DescriptionError, RocksError
from ..evr import parse_evr
from ..model import Closure, Distribution, Fetch, Layout, Source, SourceType, Versions

# They become names of folders.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_URL = re.compile(r"(?:https?|file)://\S+")


def check(distribution: Distribution) -> None:
    """Raises DescriptionError that lists every fault."""
    faults = list(_faults(distribution))
    if faults:
        raise DescriptionError("; ".join(faults), f'distribution "{distribution.name}"')


def _faults(distribution: Distribution) -> Iterator[str]:
    policy = distribution.policy
    for what, name in (("the name", distribution.name), ("the architecture", policy.arch)):
        if not _NAME.fullmatch(name):
            yield f'{what} "{name}" can be no name of a folder'
    if not distribution.sources:
        yield "it has no sources"
    names = [source.name for source in distribution.sources]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f'two sources are called "{name}"'
    for source in distribution.sources:
        yield from (f'source "{source.name}": {fault}' for fault in _source_faults(source))
    for what, value, known in (
        ("layout", distribution.layout, get_args(Layout)),
        ("closure", distribution.closure, get_args(Closure)),
        ("versions", policy.versions, get_args(Versions)),
    ):
        if value not in known:
            yield f'{what} is "{value}", and can be {" or ".join(known)}'
    if policy.install_only_limit < 1:
        yield f"install_only_limit is {policy.install_only_limit}, and at least 1 version has to stay"
    for name, pin in sorted(policy.pins.items()):
        try:
            parse_evr(pin)
        except RocksError as error:
            yield f'the pin of "{name}": {error}'


def _source_faults(source: Source) -> Iterator[str]:
    if not _NAME.fullmatch(source.name):
        yield "this can be no name of a folder"
    if source.type not in get_args(SourceType):
        yield f'type is "{source.type}", and can be {" or ".join(get_args(SourceType))}'
        return
    if source.fetch not in get_args(Fetch):
        yield f'fetch is "{source.fetch}", and can be {" or ".join(get_args(Fetch))}'
    if bool(source.url) == bool(source.path):
        yield "it needs a url or a path, one of the two"
    elif source.type == "directory" and not source.path:
        yield "a directory has a path and no url"
    elif source.url and not _URL.fullmatch(source.url):
        yield f'"{source.url}" is no URL of http, https or file'
    if source.checks_packages and not source.gpg_keys:
        yield "gpgcheck is on and there are no gpg_keys"
    if source.repo_gpgcheck and not source.gpg_keys:
        yield "repo_gpgcheck is on and there are no gpg_keys"
    if source.repo_gpgcheck and source.type == "directory":
        yield "repo_gpgcheck is on, and a directory has no metadata that could be signed"
