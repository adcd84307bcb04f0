# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run ``rocks_dist``: turn its options into calls of ``distribution.api``, and results into JSON.

The cluster database adds the profiles of the nodes, and the generations that install orders use.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Mapping, Optional, Sequence

from ..attribute_values import to_text
from ..cluster.database import connect
from ..cluster.engines.engine import parse_url
from ..distribution import api
from ..distribution.api import PublishOptions
from ..distribution.build.installer_images import NO_BOOT
from ..distribution.build.profile_hook import ProfileHook
from ..distribution.build.result import BuildResult
from ..distribution.model import (
    DEFAULT_INSTALL_ONLY,
    Change,
    Changes,
    Distribution,
    Policy,
    ProgressCallback,
    Source,
    Verdict,
    ignore_progress,
)
from ..errors import DescriptionError
from ..profile.compile.evaluate import make_evaluator
from ..profile.output.profile_store import ProfileRequest
from ..settings import Settings
from . import compile_profiles
from .compile_profiles import CompileTarget, ProfileSet

MAX_WARNINGS = 20
"""Warnings that the module prints; old rolls cause dozens."""


@dataclasses.dataclass(frozen=True)
class BuildRequest:
    params: Mapping[str, Any]
    """The module's options."""
    settings: Settings
    dry_run: bool

    @property
    def root(self) -> str:
        """The folder of all distributions."""
        return self.params["path"] or self.settings.distributions


@dataclasses.dataclass(frozen=True)
class ClusterInput:
    """What the cluster database contributes to a build."""

    profiles: ProfileSet = dataclasses.field(default_factory=ProfileSet)
    in_use: Sequence[str] = ()
    """Generations that install orders use."""


@dataclasses.dataclass(frozen=True)
class BuildOutcome:
    changed: bool
    result: Optional[BuildResult]
    """None if the distribution was removed."""


def run(request: BuildRequest, progress: ProgressCallback = ignore_progress) -> BuildOutcome:
    """Build, switch, promote or remove a distribution, as the options request."""
    params = request.params
    root = request.root
    name = params["name"]
    arch = params["arch"]
    dry_run = request.dry_run
    if params["keep"] < 1:
        raise DescriptionError(
            f"keep is {params['keep']}; it must be at least 1, for the published generation",
            "options",
        )
    cluster = _read_cluster(request)
    options = PublishOptions(
        keep=params["keep"],
        in_use=[*params["in_use"], *cluster.in_use],
        wait=params["wait"],
    )
    if params["state"] == "absent":
        removed = api.remove(root, name, arch, options=options, dry_run=dry_run)
        return BuildOutcome(changed=removed, result=None)
    if params["generation"] is not None:
        result = api.switch_generation(
            root, name, arch, params["generation"], options=options, dry_run=dry_run
        )
    elif params["promote_from"] is not None:
        result = api.promote(
            root, name, arch, params["promote_from"], options=options, dry_run=dry_run
        )
    else:
        hook = _make_hook(params, cluster)
        result = api.rebuild(
            distribution_from_options(params),
            root,
            hook=hook,
            options=options,
            dry_run=dry_run,
            progress=progress,
        )
    return BuildOutcome(changed=result.changed, result=result)


def distribution_from_options(params: Mapping[str, Any]) -> Distribution:
    """Return the distribution that the module's options describe."""
    install_only = params["install_only"]
    policy = Policy(
        arch=params["arch"],
        versions=params["versions"],
        pins={name: to_text(pin, name) for name, pin in params["pins"].items()},
        install_only=DEFAULT_INSTALL_ONLY if install_only is None else tuple(install_only),
        install_only_limit=params["install_only_limit"],
        drop_stale=params["drop_stale"],
    )
    return Distribution(
        name=params["name"],
        sources=tuple(Source(**_lists_as_tuples(row)) for row in params["sources"]),
        policy=policy,
        release=params["release"] or "",
        xml=tuple(params["xml"]),
        layout=params["layout"],
        closure=params["closure"],
        allowed_unmet=tuple(params["open"]),
        allow_shrink=params["allow_shrink"],
        allow_older=params["allow_older"],
        sign_key=params["sign_key"],
    )


def module_result(outcome: BuildOutcome, name: str, *, details: bool) -> dict[str, Any]:
    """Return the module's result, as RETURN of ``rocks_dist`` documents it."""
    result = outcome.result
    if result is None:
        before = f"{name}\n" if outcome.changed else ""
        return {"changed": outcome.changed, "diff": {"before": before, "after": ""}}
    generation = result.generation
    values: dict[str, Any] = {
        "changed": outcome.changed,
        "generation": generation.identity,
        "tree": generation.path,
        "packages": dict(generation.packages),
        **changes_as_dict(result.changes),
        "conflicts": [
            {"package": nevra, "taken": preferred, "left_out": other}
            for nevra, preferred, other in result.clashes
        ],
        "remarks": list(result.remarks),
        "unmet": list(result.unmet),
        "lint": list(result.warnings),
        "diff": {
            **changes_as_diff(result.changes),
            "before_header": "published",
            "after_header": generation.identity,
        },
    }
    if details:
        verdicts = result.verdicts()
        values["chosen"] = [verdict_as_dict(verdict) for verdict in verdicts if verdict.chosen]
        values["left_out"] = [
            verdict_as_dict(verdict) for verdict in verdicts if not verdict.chosen
        ]
    return values


def collect_warnings(outcome: BuildOutcome, release: str) -> list[str]:
    """Return the warnings that the module prints, and a count of those it does not print.

    release  the option of that name: nodes are installed from a distribution that has a release
    """
    result = outcome.result
    if result is None:
        return []
    no_boot = [remark for remark in result.remarks if release and remark.startswith(NO_BOOT)]
    warnings = [*result.unmet, *result.warnings]
    if len(warnings) > MAX_WARNINGS:
        more = f"and {len(warnings) - MAX_WARNINGS} more; see unmet and lint in the result"
        warnings = [*warnings[:MAX_WARNINGS], more]
    return [*no_boot, *warnings]


def changes_as_dict(changes: Changes) -> dict[str, Any]:
    """Return changes in the form of the modules' results."""
    return {
        "added": list(changes.added),
        "removed": list(changes.removed),
        "upgraded": [_change_as_dict(change) for change in changes.upgraded],
        "downgraded": [_change_as_dict(change) for change in changes.downgraded],
        "rebuilt": list(changes.rebuilt),
        "advisories": list(changes.advisories),
    }


def changes_as_diff(changes: Changes) -> dict[str, str]:
    """Return changes as two lists of packages, for ``--diff``."""
    before = [*changes.removed, *changes.rebuilt]
    after = [*changes.added, *(f"{nevra} (other content)" for nevra in changes.rebuilt)]
    for change in (*changes.upgraded, *changes.downgraded):
        before.append(f"{change.name}-{change.before}.{change.arch}")
        after.append(f"{change.name}-{change.after}.{change.arch}")
    return {
        "before": "".join(f"{nevra}\n" for nevra in sorted(before)),
        "after": "".join(f"{nevra}\n" for nevra in sorted(after)),
    }


def verdict_as_dict(verdict: Verdict) -> dict[str, str]:
    """Return the decision about a package in the form of the modules' results."""
    package = verdict.package
    return {"package": package.nevra, "source": package.source, "reason": verdict.reason}


def _change_as_dict(change: Change) -> dict[str, str]:
    return {
        "name": change.name,
        "arch": change.arch,
        "before": str(change.before),
        "after": str(change.after),
    }


def _lists_as_tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}


def _make_hook(params: Mapping[str, Any], cluster: ClusterInput) -> ProfileHook:
    """Return the compiler of the nodes' profiles and of those listed in the options."""
    listed = [
        ProfileRequest(
            row["root"], {name: to_text(value, name) for name, value in row["attributes"].items()}
        )
        for row in params["profiles"]
    ]
    profiles = ProfileSet(
        required=cluster.profiles.required,
        listed=listed,
        optional=cluster.profiles.optional,
    )
    target = CompileTarget(
        release=params["release"] or "",
        graph=params["graph"],
        evaluate=make_evaluator(params["eval_user"], params["eval_timeout"]),
    )
    return compile_profiles.make_hook(profiles, target)


def _read_cluster(request: BuildRequest) -> ClusterInput:
    """Read the cluster database, unless ``nodes`` is false or there is no database."""
    params = request.params
    url = params["database"] or request.settings.reader or request.settings.database
    if params["nodes"] is False:
        return ClusterInput()
    if params["nodes"] is None and not params["database"] and not _database_exists(url):
        return ClusterInput()
    name = params["name"]
    arch = params["arch"]
    with connect(url, read_only=True) as database:
        return ClusterInput(
            profiles=compile_profiles.load_profile_set(database, name, arch),
            in_use=compile_profiles.generations_in_use(database, name, arch),
        )


def _database_exists(url: str) -> bool:
    """Return False for an SQLite file that does not exist yet; a database on a server exists."""
    location = parse_url(url)
    return location.engine != "sqlite" or os.path.exists(location.name)
