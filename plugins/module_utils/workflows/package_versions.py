# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find the versions of a package that nodes run now, over ssh, by rpm's version order."""

from __future__ import annotations

import fnmatch
from typing import Any, Final, Generator, Iterable, Mapping, NamedTuple, Optional, Sequence

from ..argument_specs import database_spec
from ..cluster.database import connect
from ..distribution.evr import evr_key, parse_evr
from ..errors import CommandError
from ..install.drift import NodeReport
from ..install.power.boot_target import load_boot_targets
from ..install.power.ssh_query import query_node
from ..install.rollout.concurrency import run_concurrently
from ..settings import load

OLDER: Final = "older"
INSTALLED: Final = "installed"
MISSING: Final = "not installed"
UNREACHABLE: Final = "unreachable"
STATES = (OLDER, INSTALLED, MISSING, UNREACHABLE)
MAX_NAMES = 20  # names in the message of the result


class VersionFinding(NamedTuple):
    """The versions of the package on a node."""

    node: str
    state: str
    """``older``, ``installed``, ``not installed`` or ``unreachable``."""
    packages: tuple[str, ...] = ()
    """Name, version and architecture; of an ``older`` node only those that are older."""
    message: str = ""


def argument_spec() -> dict[str, Any]:
    """Return the options of the module and of the action plugin."""
    return {
        "nodes": {"type": "list", "elements": "str"},
        "name": {"type": "str", "required": True},
        "older_than": {"type": "str"},
        **database_spec(),
    }


def find_versions(
    options: Mapping[str, Any],
    names: Sequence[str],
    _dry_run: bool,
    environment: Optional[Mapping[str, str]] = None,
) -> Generator[VersionFinding, None, None]:
    """Yield a finding for each node, as the nodes answer.

    Raises DescriptionError if ``older_than`` is not a version.
    """
    older_than = options["older_than"]
    if older_than:
        parse_evr(older_than)
    with connect(options["database"] or load(environment).database) as database:
        targets = load_boot_targets(database, list(names))
    for target, future in run_concurrently(query_node, targets.values()):
        try:
            report: NodeReport = future.result()
        except CommandError as error:
            yield VersionFinding(target.node, UNREACHABLE, message=error.what)
        else:
            yield compare_versions(target.node, report.packages, options["name"], older_than)


def compare_versions(
    node: str, packages: Iterable[str], pattern: str, older_than: Optional[str]
) -> VersionFinding:
    """Return the finding for a node with these packages (``name-[epoch:]version-release.arch``).

    pattern     a package's name; ``*`` and ``?`` match as in a shell
    older_than  ``[epoch:]version[-release]``; None: every version is ``installed``
    """
    installed = []
    older = []
    for package in sorted(packages):
        name, version, release = package.rpartition(".")[0].rsplit("-", 2)
        if fnmatch.fnmatchcase(name, pattern):
            installed.append(package)
            evr = parse_evr(f"{version}-{release}")
            if older_than and evr_key(evr) < evr_key(parse_evr(older_than)):
                older.append(package)
    if older:
        return VersionFinding(node, OLDER, tuple(older))
    return VersionFinding(node, INSTALLED if installed else MISSING, tuple(installed))


def format_version_finding(finding: VersionFinding) -> str:
    """Return a finding as one line."""
    detail = " ".join(finding.packages) or finding.message
    return f"{finding.node} {finding.state}" + (f": {detail}" if detail else "")


def result_of(findings: Sequence[VersionFinding]) -> dict[str, Any]:
    """Return the result of the module: a dictionary per node, and how many are in which state."""
    by_state: dict[str, list[str]] = {}
    for finding in sorted(findings):
        by_state.setdefault(finding.state, []).append(finding.node)
    counts = []
    for state in STATES:
        nodes = by_state.get(state, [])
        if nodes:
            more = f" and {len(nodes) - MAX_NAMES} more" if len(nodes) > MAX_NAMES else ""
            listed = f" ({', '.join(nodes[:MAX_NAMES])}{more})" if state != INSTALLED else ""
            counts.append(f"{len(nodes)} {state}{listed}")
    return {
        "nodes": {
            finding.node: {
                "state": finding.state,
                "packages": list(finding.packages),
                "message": finding.message,
            }
            for finding in sorted(findings)
        },
        "changed": False,
        "failed": UNREACHABLE in by_state,
        "msg": f"{len(findings)} node{'s' * (len(findings) != 1)}: {', '.join(counts) or 'none'}",
    }
