# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The parts of a report: the database snapshot that it reads, its functions and its result."""

from __future__ import annotations

import functools
import urllib.parse
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, NamedTuple, Optional, Protocol, Sequence

from ..cluster.database import Database
from ..cluster.engines.engine import Location
from ..cluster.hardware import Hardware
from ..cluster.model import Interface, Network, Node
from ..errors import RocksError
from ..process import ProgramResult
from .addresses import Address, list_addresses
from .templating import Templates
from .validators import is_ip, natural_key

# Contents by path.
Files = Mapping[str, str]
Options = Mapping[str, Any]
# Path -> content before and after; before is None if it is unknown or there was no file.
Changes = Mapping[str, tuple[Optional[str], str]]
Run = Callable[..., ProgramResult]


@dataclass(frozen=True)
class Snapshot:
    """One state of the database; every name, MAC address and IP address in it is valid."""

    nodes: tuple[Node, ...] = ()
    """In natural order: compute-0-9 before compute-0-10."""
    networks: tuple[Network, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    compute: frozenset[str] = frozenset()
    """Names of the nodes that run jobs."""
    hardware: Mapping[str, Hardware] = field(default_factory=dict)
    """By node; empty unless a report needs it, like the next two fields."""
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Node -> name -> value of the narrowest scope."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The inventory's groups with their nodes."""
    selections: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """SQL of a report's options -> the node names that it returned."""
    revision: int = 0
    """Increases with every change of the database."""
    faults: tuple[RocksError, ...] = ()
    """Why some values of the database are missing here."""

    def attribute(self, node: str, name: str) -> str:
        """Return a node's value of an attribute; empty if it is not set."""
        return self.attributes.get(node, {}).get(name, "")

    def compute_nodes(self) -> tuple[Node, ...]:
        """Return the nodes that run jobs."""
        return tuple(node for node in self.nodes if node.name in self.compute)

    @functools.cached_property
    def addresses(self) -> tuple[Address, ...]:
        """Every address with its names, node by node."""
        by_node: dict[str, list[Interface]] = {}
        for interface in sorted(self.interfaces, key=lambda row: natural_key(row.name)):
            by_node.setdefault(interface.node, []).append(interface)
        return tuple(list_addresses(self.nodes, by_node, self.networks))


@dataclass(frozen=True)
class Site:
    """The settings of a site for one report."""

    options: Options
    """The report's defaults, overridden by those in rocks.yml."""
    url: str
    """Base URL of the frontend's HTTP service, as nodes reach it."""
    database: Location
    """For a service that reads the database itself."""
    templates: Templates

    @property
    def server(self) -> str:
        """The IP address in ``url``; empty if it contains a name."""
        host = urllib.parse.urlsplit(self.url).hostname or ""
        return host if is_ip(host) else ""


class StagedFiles(NamedTuple):
    """Rendered files under temporary names, to be checked before they are installed."""

    files: Mapping[str, str]
    """Path -> temporary path of the new content, or the path itself if the file is unchanged."""
    folder: str
    """For files that only the check needs; removed after the check."""
    run: Run
    """Runs a program, as ``process.run`` does."""


class Service(Protocol):
    """A daemon that reads the files of a report.

    ``options`` are those of the report: a site can replace the commands.
    """

    @property
    def name(self) -> str:
        """The name in messages."""

    def is_running(self, options: Options, run: Run) -> bool:
        """Return whether the daemon runs and answers."""

    def reload(self, options: Options, run: Run, changed: Changes) -> None:
        """Make the daemon read the changed files, without a restart where that is possible.

        Raises CommandError with the daemon's message.
        """

    def restart(self, options: Options, run: Run) -> None:
        """Start the daemon again.  Raises CommandError."""


def _nothing_left_out(_snapshot: Snapshot, _site: Site) -> Sequence[RocksError]:
    return ()


def _nothing_to_prepare(_database: Database, _site: Site, _dry_run: bool) -> bool:
    return False


def _no_queries(_options: Options) -> Sequence[str]:
    return ()


def _no_stale_state(_snapshot: Snapshot, _site: Site) -> None:
    return None


@dataclass(frozen=True)
class Report:
    """The configuration files of one service as a function of the database."""

    name: str
    summary: str
    options: Options
    """All options with their defaults."""
    render: Callable[[Snapshot, Site], Files]
    """Pure: reads nothing but its parameters."""
    check: Callable[[StagedFiles, Site], None]
    """Runs the daemon's checker, or our own if there is none; raises what it rejects."""
    service: Optional[Service] = None
    serves_machines: bool = False
    """Machines wait for it: names, DHCP and DNS.  These are the first reports of ``registry``."""
    left_out: Callable[[Snapshot, Site], Sequence[RocksError]] = _nothing_left_out
    """Returns an error for each row that ``render`` leaves out of this report only."""
    needs: frozenset[str] = frozenset()
    """The optional parts of the snapshot that ``render`` reads."""
    queries: Callable[[Options], Sequence[str]] = _no_queries
    """Returns the users' SQL in the options, whose results ``render`` finds in the snapshot."""
    complete_options: Callable[[Options, Run], Options] = lambda options, _run: options
    """Fills in the options that are detected on this machine."""
    prepare_database: Callable[[Database, Site, bool], bool] = _nothing_to_prepare
    """Creates what the service needs in the database; the last parameter is ``dry_run``.

    Returns whether anything was, or would be, changed.
    """
    reconcile: Callable[[str, str], str] = lambda _current, rendered: rendered
    """Returns the content to write, given a file's current and rendered content."""
    drop_stale_state: Callable[[Snapshot, Site], None] = _no_stale_state
    """Removes cached state of the running service that contradicts the database."""


@dataclass(frozen=True)
class Outcome:
    """The result of writing one report."""

    report: str
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Path -> content before and after, of the files that changed or would change."""
    prepared: bool = False
    """The database was, or would be, changed for the service."""
    reloaded: bool = False
    """The service read the files; False if it is not running or the report has none."""
    warnings: tuple[str, ...] = ()
    """The rows and values that were left out, each with the reason and the remedy."""
    error: Optional[RocksError] = None
    """Why the report was not written; None if it was."""

    @property
    def changed(self) -> bool:
        """Whether a file or the database was, or would be, changed."""
        return bool(self.files) or self.prepared

    def to_data(self) -> dict[str, Any]:
        """Return the result in the form that the module returns."""
        return {
            "name": self.report,
            "changed": self.changed,
            "files": list(self.files),
            "reloaded": self.reloaded,
            "error": str(self.error or ""),
        }

    def differences(self) -> list[dict[str, str]]:
        """Return the changes in the form that Ansible's diff mode expects, file by file."""
        return [
            {"before": before, "after": after, "before_header": path, "after_header": path}
            for path, (before, after) in self.files.items()
        ] + ([{"prepared": "the database views of Kea"}] if self.prepared else [])
