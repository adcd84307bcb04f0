# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From the options of ``rocks_dist`` to calls of the room ``distribution``, and from what they give to its result.

Joins that room with the cluster database, where there is one; no room imports it.
"""

from __future__ import annotations

import os
from typing import Any, Mapping, NamedTuple, Optional, Sequence

from ..cluster.database import connect
from ..cluster.engine import locate
from ..distribution import api
from ..distribution.api import PublishOptions
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
from .profile_target import to_text

SHOWN = 20  # warnings at most; old rolls give dozens


class BuildRequest(NamedTuple):
    """The module's options, the site's settings, and whether only to say what would change."""

    params: Mapping[str, Any]
    settings: Settings
    dry_run: bool

    @property
    def root(self) -> str:
        return self.params["path"] or self.settings.distributions


class ClusterInput(NamedTuple):
    """What the cluster database says: the profiles to compile, and the generations that orders need."""

    profiles: compile_profiles.ProfileSet = compile_profiles.ProfileSet()
    in_use: Sequence[str] = ()


class BuildOutcome(NamedTuple):
    """What was done, or would be; ``built`` is None when the distribution is not there any more."""

    changed: bool
    built: Optional[BuildResult]


def run(asked: BuildRequest, progress: ProgressCallback = ignore_progress) -> BuildOutcome:
    """Do what the options ask for."""
    params = asked.params
    name, arch, dry_run = params["name"], params["arch"], asked.dry_run
    if params["keep"] < 1:
        raise DescriptionError(
            f"keep is {params['keep']}, and the published generation always stays", "options"
        )
    known = _known(asked)
    options = PublishOptions(params["keep"], [*params["in_use"], *known.in_use], params["wait"])
    if params["state"] == "absent":
        return BuildOutcome(
            api.remove(asked.root, name, arch, options=options, dry_run=dry_run), None
        )
    if params["generation"]:
        built = api.switch_generation(
            asked.root, name, arch, params["generation"], options=options, dry_run=dry_run
        )
    elif params["promote_from"]:
        built = api.promote(
            asked.root, name, arch, params["promote_from"], options=options, dry_run=dry_run
        )
    else:
        hook = _hook(params, known)
        asked_for = distribution_from_options(params)
        built = api.rebuild(
            asked_for, asked.root, hook=hook, options=options, dry_run=dry_run, progress=progress
        )
    return BuildOutcome(built.changed, built)


def distribution_from_options(params: Mapping[str, Any]) -> Distribution:
    """The description that the options give."""
    install_only = params["install_only"]
    policy = Policy(
        arch=params["arch"],
        versions=params["versions"],
        pins={name: to_text(pin) for name, pin in params["pins"].items()},
        install_only=DEFAULT_INSTALL_ONLY if install_only is None else tuple(install_only),
        install_only_limit=params["install_only_limit"],
        drop_stale=params["drop_stale"],
    )
    return Distribution(
        name=params["name"],
        sources=tuple(Source(**_frozen(row)) for row in params["sources"]),
        policy=policy,
        release=params["release"] or "",
        xml=tuple(params["xml"]),
        layout=params["layout"],
        closure=params["closure"],
        allowed_unmet=tuple(params["open"]),
        sign_key=params["sign_key"],
    )


def module_result(outcome: BuildOutcome, name: str, *, details: bool) -> dict[str, Any]:
    """The module's result."""
    built = outcome.built
    if built is None:
        before = f"{name}\n" if outcome.changed else ""
        return {"changed": outcome.changed, "diff": {"before": before, "after": ""}}
    changes = built.changes
    values: dict[str, Any] = {
        "changed": outcome.changed,
        "generation": built.generation.identity,
        "tree": built.generation.path,
        "packages": dict(built.generation.packages),
        **changes_as_dict(changes),
        "conflicts": [
            {"package": nevra, "taken": taken, "left_out": left}
            for nevra, taken, left in built.clashes
        ],
        "remarks": list(built.remarks),
        "unmet": list(built.unmet),
        "lint": list(built.warnings),
        "diff": {
            **changes_as_diff(changes),
            "before_header": "published",
            "after_header": built.generation.identity,
        },
    }
    if details:
        verdicts = built.verdicts()
        values["chosen"] = [verdict_as_dict(one) for one in verdicts if one.chosen]
        values["left_out"] = [verdict_as_dict(one) for one in verdicts if not one.chosen]
    return values


def collect_warnings(outcome: BuildOutcome) -> list[str]:
    """What the administrator is to be told besides the result: the first of many."""
    built = outcome.built
    every = [*built.unmet, *built.warnings] if built else []
    more = (
        [f"and {len(every) - SHOWN} more; see unmet and lint in the result"]
        if len(every) > SHOWN
        else []
    )
    return every[:SHOWN] + more


def changes_as_dict(changes: Changes) -> dict[str, Any]:
    """Changes as a module returns them."""
    return {
        "added": list(changes.added),
        "removed": list(changes.removed),
        "upgraded": [_change(one) for one in changes.upgraded],
        "downgraded": [_change(one) for one in changes.downgraded],
        "rebuilt": list(changes.rebuilt),
        "advisories": list(changes.advisories),
    }


def changes_as_diff(changes: Changes) -> dict[str, str]:
    """Changes as two lists of packages, for ``--diff``."""
    before, after = [*changes.removed, *changes.rebuilt], [*changes.added]
    after += [f"{nevra} (other content)" for nevra in changes.rebuilt]
    for one in (*changes.upgraded, *changes.downgraded):
        before.append(f"{one.name}-{one.before}.{one.arch}")
        after.append(f"{one.name}-{one.after}.{one.arch}")
    return {
        "before": "".join(f"{row}\n" for row in sorted(before)),
        "after": "".join(f"{row}\n" for row in sorted(after)),
    }


def verdict_as_dict(verdict: Verdict) -> dict[str, str]:
    """What became of a candidate, as a module returns it."""
    package = verdict.package
    return {"package": package.nevra, "source": package.source, "reason": verdict.reason}


def _change(change: Change) -> dict[str, str]:
    return {
        "name": change.name,
        "arch": change.arch,
        "before": str(change.before),
        "after": str(change.after),
    }


def _frozen(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}


def _hook(params: Mapping[str, Any], known: ClusterInput) -> ProfileHook:
    listed = [
        ProfileRequest(
            row["root"], {name: to_text(value) for name, value in row["attributes"].items()}
        )
        for row in params["profiles"]
    ]
    asked = known.profiles._replace(required=[*known.profiles.required, *listed])
    evaluate = make_evaluator(params["eval_user"], params["eval_timeout"])
    return compile_profiles.make_hook(
        asked, compile_profiles.CompileTarget(params["release"] or "", params["graph"], evaluate)
    )


def _known(asked: BuildRequest) -> ClusterInput:
    """What the database says, unless the options say that it shall not be asked, or there is none."""
    params = asked.params
    url = params["database"] or asked.settings.reader or asked.settings.database
    if params["nodes"] is False or (
        params["nodes"] is None and not params["database"] and not _is_there(url)
    ):
        return ClusterInput()
    with connect(url, read_only=True) as database:
        profiles = compile_profiles.load_profile_set(database, params["name"], params["arch"])
        return ClusterInput(
            profiles, compile_profiles.generations_in_use(database, params["name"], params["arch"])
        )


def _is_there(url: str) -> bool:
    """A database on a server is there when the settings name it; a file may not have been made yet."""
    location = locate(url)
    return location.engine != "sqlite" or os.path.exists(location.name)
