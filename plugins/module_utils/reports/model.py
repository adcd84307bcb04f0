# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a report is, and what it is made from: one state of the database, read once for all of them."""

from __future__ import annotations

import functools
import urllib.parse
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, NamedTuple, Optional, Protocol

from ..cluster.database import Database
from ..cluster.engine import Location
from ..cluster.model import Interface, Network, Node
from ..process import ProgramResult
from .addresses import Address, list_addresses
from .templating import Templates
from .validators import is_ip, natural_key

# Contents by path.
Files = Mapping[str, str]
Options = Mapping[str, Any]
# Path -> content before and after; before is None where nobody knows, or where there was none.
Changes = Mapping[str, tuple[Optional[str], str]]
Run = Callable[..., ProgramResult]


class Hardware(NamedTuple):
    """What the first installation counted; ``cpus`` are hardware threads, memory is in MiB."""

    cpus: int
    sockets: int
    cores: int
    threads: int
    memory: int
    gpus: int = 0


@dataclass(frozen=True)
class Snapshot:
    """One state of the database, with every name, MAC and address checked.

    nodes       in the order in which people count: compute-0-9 before compute-0-10
    compute     the names of the nodes that run jobs
    hardware    node -> what was counted; empty unless a report needs it, as are the next two
    attributes  node -> name -> value, the narrowest scope having won
    groups      group -> its nodes, as the inventory has them
    revision    grows with each change of the database
    """

    nodes: tuple[Node, ...] = ()
    networks: tuple[Network, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    compute: frozenset[str] = frozenset()
    hardware: Mapping[str, Hardware] = field(default_factory=dict)
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    revision: int = 0

    def attribute(self, node: str, name: str) -> str:
        """A node's value of an attribute, or nothing."""
        return self.attributes.get(node, {}).get(name, "")

    def compute_nodes(self) -> tuple[Node, ...]:
        """The nodes that run jobs."""
        return tuple(node for node in self.nodes if node.name in self.compute)

    @functools.cached_property
    def addresses(self) -> tuple[Address, ...]:
        """Every address with its names, node by node."""
        further: dict[str, list[Interface]] = {}
        for interface in sorted(self.interfaces, key=lambda one: natural_key(one.name)):
            further.setdefault(interface.node, []).append(interface)
        return tuple(list_addresses(self.nodes, further, self.networks))


@dataclass(frozen=True)
class Site:
    """What a report needs beside the database.

    options   of this report: its defaults, over them what the site says
    url       how nodes reach the frontend's HTTP face
    database  where the database is, for a service that reads it itself
    templates    lays values out by a template
    """

    options: Options
    url: str
    database: Location
    templates: Templates

    @property
    def server(self) -> str:
        """The address in ``url``, where it holds one."""
        host = urllib.parse.urlsplit(self.url).hostname or ""
        return host if is_ip(host) else ""


class StagedFiles(NamedTuple):
    """Rendered files that stand aside, to be checked before they take their names.

    files   path -> where its new content is, or the path itself when it stays as it is
    folder  for what only the check needs; it is removed afterwards
    run     ``command.run``
    """

    files: Mapping[str, str]
    folder: str
    run: Run


class Service(Protocol):
    """A daemon that reads a report.  ``options`` are the report's: a site may say other commands."""

    @property
    def name(self) -> str:
        """As a message names it."""

    def is_running(self, options: Options, run: Run) -> bool:
        """Whether it serves."""

    def reload(self, options: Options, run: Run, changed: Changes) -> None:
        """Make it take the changed files, without a restart where it can.  Raises CommandError with its words."""

    def restart(self, options: Options, run: Run) -> None:
        """Start it again.  Raises CommandError."""


def _nothing_to_prepare(_database: Database, _site: Site, _dry_run: bool) -> bool:
    return False


def _no_stale_state(_snapshot: Snapshot, _site: Site) -> None:
    return None


@dataclass(frozen=True)
class Report:
    """One service's configuration as a function of the database.

    render   the files, from values alone
    check    the daemon's own check of them, or ours where there is none; raises what it finds
    needs    the further parts of the snapshot that it reads
    look     completes the options with what only the machine can say
    prepare  makes what the service needs besides files, in the database; whether it changed anything
    keep     the content of a file, given what it is now and what was rendered
    drop_stale_state   makes a running service forget what it remembers and the database no longer says
    """

    name: str
    summary: str
    options: Options
    render: Callable[[Snapshot, Site], Files]
    check: Callable[[StagedFiles, Site], None]
    service: Optional[Service] = None
    needs: frozenset[str] = frozenset()
    complete_options: Callable[[Options, Run], Options] = lambda options, _run: options
    prepare_database: Callable[[Database, Site, bool], bool] = _nothing_to_prepare
    reconcile: Callable[[str, str], str] = lambda _before, after: after
    drop_stale_state: Callable[[Snapshot, Site], None] = _no_stale_state


@dataclass(frozen=True)
class Outcome:
    """What became of one report.

    files     path -> content before and after, of what changed or would change
    prepared  the database was, or would be, changed for it
    reloaded  the service took the files; False when it does not run, or has none
    """

    report: str
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    prepared: bool = False
    reloaded: bool = False

    @property
    def changed(self) -> bool:
        return bool(self.files) or self.prepared

    def to_data(self) -> dict[str, Any]:
        """As a module returns it."""
        files = list(self.files)
        return {
            "name": self.report,
            "changed": self.changed,
            "files": files,
            "reloaded": self.reloaded,
        }

    def differences(self) -> list[dict[str, str]]:
        """As Ansible's diff mode shows them, file by file."""
        return [
            {"before": before, "after": after, "before_header": path, "after_header": path}
            for path, (before, after) in self.files.items()
        ] + ([{"prepared": "the database views of Kea"}] if self.prepared else [])
