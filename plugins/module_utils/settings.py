# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The site's settings: ``/etc/rocks/rocks.yml``, or the file that ROCKS_CONFIG names (contract C2).

Only what every command needs to find its way: the database, the trees, the service, the report flavours.  What
describes the cluster itself is in the database.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Mapping, Optional
from urllib.parse import urlsplit

from .errors import DescriptionError, NotFound
from .files import read_text

DEFAULT_PATH = "/etc/rocks/rocks.yml"


@dataclasses.dataclass(frozen=True)
class Settings:
    """What ``rocks.yml`` may say, and what holds when it does not.

    database       the administrator's URL: ``sqlite:///PATH`` or ``mysql://USER@HOST/NAME``
    reader         the URL of the account that sees no secret; empty: the same database, opened read-only
    service        the URL of the HTTP face's account; empty: the administrator's
    distributions  the folder that holds the distributions' trees (C4)
    url            how nodes reach the frontend's HTTP face, without a trailing slash; https:// for what the service says
    authority      the certificate (PEM) that the HTTP face's descends from, which nodes get with their kickstart;
                   empty: they know it already, or `url` has no TLS
    viewers        addresses and networks, parted by blanks, from which people may look at the page
    reports        report name -> options: flavour, path, enabled
    """

    database: str = "sqlite:///var/lib/rocks/cluster.sqlite"
    reader: str = ""
    service: str = ""
    distributions: str = "/var/lib/rocks/install"
    url: str = "http://10.1.1.1"
    authority: str = ""
    viewers: str = "127.0.0.0/8 ::1"
    reports: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def plain_url(self) -> str:
        """The frontend over plain HTTP, the only one that GRUB speaks: trees and boot answers are there in any case."""
        return (
            f"http://{urlsplit(self.url).hostname}" if self.url.startswith("https://") else self.url
        )


def load(environment: Optional[Mapping[str, str]] = None) -> Settings:
    """Read the settings of the process's own environment, or of the one given; a missing file means the defaults, unless ROCKS_CONFIG named it.

    ROCKS_DATABASE in the environment overrides the database's URL; the two other URLs then fall back to it.
    Raises DescriptionError that names the file and the line or key.
    """
    environment = os.environ if environment is None else environment
    path = environment.get("ROCKS_CONFIG", DEFAULT_PATH)
    try:
        settings = parse(read_text(path), path)
    except NotFound:
        if "ROCKS_CONFIG" in environment:
            raise
        settings = Settings()
    if environment.get("ROCKS_DATABASE"):
        settings = dataclasses.replace(
            settings, database=environment["ROCKS_DATABASE"], reader="", service=""
        )
    return settings


def parse(text: str, path: str) -> Settings:
    """Settings from YAML text; ``path`` is only named in errors."""
    import yaml  # here, so that a module that is given every option needs no PyYAML

    try:
        given = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else path
        raise DescriptionError(f"not YAML ({getattr(error, 'problem', error)})", where) from None
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    if not isinstance(given, dict):
        raise DescriptionError(
            "a mapping is expected", path, f"known keys: {', '.join(sorted(fields))}"
        )
    unknown = sorted(set(map(str, given)) - set(fields))
    if unknown:
        raise DescriptionError(
            f"unknown key {unknown[0]!r}", path, f"known keys: {', '.join(sorted(fields))}"
        )
    for name, value in given.items():
        wanted = Mapping if name == "reports" else str
        if not isinstance(value, wanted):
            raise DescriptionError(
                f"{name} is {value!r}",
                path,
                f"a {'mapping' if name == 'reports' else 'text'} is expected",
            )
    return Settings(**given)
