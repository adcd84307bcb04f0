# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The site's settings: ``/etc/rocks/rocks.yml``, or the file that ROCKS_CONFIG names (contract C2).

They contain only what a command needs to start: the database, the root of the distributions, the
service's addresses and the options of reports.  The description of the cluster is in the database.
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
    """The keys of ``rocks.yml`` with their defaults."""

    database: str = "sqlite:///var/lib/rocks/cluster.sqlite"
    """The administrator's URL: ``sqlite:///PATH`` or ``mysql://USER@HOST/NAME``."""
    reader: str = ""
    """URL of the account that cannot read secrets; empty: the same database, opened read-only."""
    service: str = ""
    """URL of the HTTP service's account; empty: the administrator's."""
    distributions: str = "/var/lib/rocks/install"
    """Root of the distributions (contract C4)."""
    url: str = "http://10.1.1.1"
    """Base URL of the HTTP service as nodes reach it; https:// protects what the service sends."""
    authority: str = ""
    """CA certificate (PEM) of the HTTP service, which nodes get with their kickstart.
    Empty: nodes trust it already, or ``url`` has no TLS."""
    accounts: str = "/var/lib/rocks/accounts/bundle"
    """The bundle of accounts; its modification time is the least version that new nodes accept."""
    viewers: str = "127.0.0.0/8 ::1"
    """Addresses and networks, separated by spaces, from which the pages can be read."""
    scheduler: str = ""
    """``slurm``, ``pbs`` or ``none``: how a reinstallation frees nodes; empty: each command must
    name one."""
    rolls: str = (
        "/usr/share/ansible/collections/ansible_collections/npaci/rocks/rolls:/etc/rocks/rolls"
    )
    """Folders that contain rolls, separated by colons. A later folder has precedence."""
    reports: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Report name -> options, such as ``path`` and ``enabled``."""

    @property
    def roll_folders(self) -> list[str]:
        """The folders that contain rolls."""
        return [folder for folder in self.rolls.split(":") if folder]

    @property
    def plain_url(self) -> str:
        """Base URL of the frontend over plain HTTP, where trees and boot answers are always served.

        GRUB speaks no HTTPS.
        """
        if self.url.startswith("https://"):
            return f"http://{urlsplit(self.url).hostname}"
        return self.url


def load(environment: Optional[Mapping[str, str]] = None) -> Settings:
    """Read the settings.  A missing file means the defaults, unless ROCKS_CONFIG named it.

    environment  variables that replace those of the process

    ROCKS_DATABASE overrides ``database``; ``reader`` and ``service`` then fall back to it.
    Raises DescriptionError with the file and the line or key.
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
    """Parse YAML text; ``path`` is only used in errors."""
    import yaml  # modules that get every option as an argument run without PyYAML

    try:
        content = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else path
        raise DescriptionError(f"not YAML ({getattr(error, 'problem', error)})", where) from None
    names = sorted(field.name for field in dataclasses.fields(Settings))
    hint = f"known keys: {', '.join(names)}"
    if not isinstance(content, dict):
        raise DescriptionError("a mapping is expected", path, hint)
    unknown = sorted(set(map(str, content)) - set(names))
    if unknown:
        raise DescriptionError(f"unknown key {unknown[0]!r}", path, hint)
    for name, value in content.items():
        expected, noun = (Mapping, "mapping") if name == "reports" else (str, "text")
        if not isinstance(value, expected):
            raise DescriptionError(f"{name} is {value!r}", path, f"a {noun} is expected")
    return Settings(**content)
