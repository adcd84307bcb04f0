# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The face of the room: a distribution's description becomes a generation on the disk (paper, Figure 5).

In this order: open the sources, choose, merge what goes with the packages, compile the profiles, check that everything
is met (plan.py), and only then fetch packages, fill a folder, and give it its name (realise.py).  Nothing that a
client sees has changed then; publish.py does that.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Callable, Iterable, Mapping, NamedTuple, Optional

from ...errors import RocksError, combine
from .. import publish
from ..metadata.index import PublishedGeneration, open_published
from ..model import (
    Changes,
    Distribution,
    Generation,
    Package,
    ProgressCallback,
    Verdict,
    ignore_progress,
)
from ..sources.base import Input, open_source
from ..sources.local import SourceChanged
from ..storage import pool
from ..storage.pool import StorePaths
from . import optional_imports, validation
from .cache import BuildCache, inputs_digest, load, save

if TYPE_CHECKING:
    from .plan import Plan
    from .profile_hook import ProfileHook

MAX_ATTEMPTS = 3
ADVISORIES = "updateinfo"


class BuildResult(NamedTuple):
    """What a build came to.

    changed   the generation is not the published one
    changes   from the published generation to this one
    clashes   NEVRA, the source that is preferred, the other one: equal names, different files
    remarks   what is no fault, but may surprise
    unmet     what its packages or profiles need and it does not have, when that is no error
    warnings  what the XML of its profiles should not say, and may
    verdicts  gives what became of every candidate
    """

    generation: Generation
    changed: bool
    changes: Changes
    clashes: tuple[tuple[str, str, str], ...]
    remarks: tuple[str, ...]
    unmet: tuple[str, ...]
    warnings: tuple[str, ...]
    verdicts: Callable[[], list[Verdict]]


def build(
    distribution: Distribution,
    root: str,
    *,
    hook: Optional[ProfileHook] = None,
    dry_run: bool = False,
    progress: ProgressCallback = ignore_progress,
) -> BuildResult:
    """Build a generation, unless the one that these sources give is there already.

    root   the folder of all distributions; the caller holds ``publish.alone``
    hook   compiles the profiles; what it raises ends the build
    check  say what would be built: metadata is read, no package is fetched, and below ``root`` only the cache is
           written to

    Raises DescriptionError, NotFound or Conflict for what is wrong with the description, a source or a package, and
    Unavailable when a source does not answer or keeps changing, or the disk is full.  What is published is untouched.
    """
    validation.check(distribution)
    optional_imports.check(distribution)
    store = StorePaths(root)
    with publish.translate_os_errors(distribution.name), pool.shared_lock(store):
        for _round in range(MAX_ATTEMPTS - 1):
            with contextlib.suppress(SourceChanged):
                return _build(distribution, store, hook, dry_run, progress)
        return _build(distribution, store, hook, dry_run, progress)


def _build(
    distribution: Distribution,
    store: StorePaths,
    hook: Optional[ProfileHook],
    dry_run: bool,
    progress: ProgressCallback,
) -> BuildResult:
    name, arch = distribution.name, distribution.policy.arch
    inputs = _opened(distribution, store, progress)
    memory = load(store, name, arch)
    digest = inputs_digest(distribution, inputs, hook.key if hook else "")
    published = publish.current_generation(store, name, arch)
    folder = store.generations_folder(name, arch)
    previous = open_published(os.path.join(folder, published)) if published else None
    if memory.inputs == digest and os.path.isdir(os.path.join(folder, memory.generation)):
        again = (
            previous
            if memory.generation == published
            else open_published(os.path.join(folder, memory.generation))
        )
        if again:
            return _known(distribution, again, previous, memory)
    from .plan import make_plan  # here, because an unchanged distribution needs nothing of it

    made = make_plan(
        distribution, inputs, store, previous=previous, memory=memory, hook=hook, fetch=not dry_run
    )
    path = os.path.join(folder, made.identity)
    if not dry_run:
        from . import materialise

        path = materialise.realise(made, store)
        save(
            store,
            name,
            arch,
            BuildCache(digest, made.identity, made.unmet, made.warnings, made.file_shards),
        )
    return _planned(made, path)


def _opened(
    distribution: Distribution, store: StorePaths, progress: ProgressCallback
) -> list[Input]:
    """Every source; who has two that do not answer hears of both."""
    inputs: list[Input] = []
    faults: list[RocksError] = []
    for source in distribution.sources:
        try:
            inputs.append(open_source(source, store, progress))
        except RocksError as error:
            faults.append(error)
    if faults:
        raise combine(faults)
    return inputs


def _known(
    distribution: Distribution,
    again: PublishedGeneration,
    previous: Optional[PublishedGeneration],
    memory: BuildCache,
) -> BuildResult:
    """The answer when nothing was built because nothing changed."""
    shards = again.index.shards.values()
    return BuildResult(
        Generation(
            distribution.name,
            again.index.arch,
            again.index.identity,
            again.folder,
            again.index.counts,
        ),
        again is not previous,
        Changes() if again is previous else compare_generations(previous, again),
        tuple(clash for shard in shards for clash in shard.clashes),
        tuple(remark for shard in shards for remark in shard.remarks),
        memory.unmet,
        memory.warnings,
        lambda: [verdict for number in again.index.shards for verdict in again.verdicts(number)],
    )


def _planned(made: Plan, path: str) -> BuildResult:
    pieces = made.composition.pieces
    counts = {source.name: 0 for source in made.distribution.sources}
    for piece in pieces.values():
        for source, number in piece.shard.counts.items():
            counts[source] += number
    advisories = made.documents.contents.get(ADVISORIES, b"")
    found = _difference(
        made.previous,
        {number: piece.shard.content_digest for number, piece in pieces.items()},
        lambda number: pieces[number].packages(),
        advisories,
    )
    return BuildResult(
        Generation(
            made.distribution.name, made.distribution.policy.arch, made.identity, path, counts
        ),
        made.previous is None or made.previous.index.identity != made.identity,
        found,
        tuple(clash for piece in pieces.values() for clash in piece.shard.clashes),
        tuple(remark for piece in pieces.values() for remark in piece.shard.remarks),
        made.unmet,
        made.warnings,
        lambda: [verdict for piece in pieces.values() for verdict in piece.verdicts()],
    )


def compare_generations(
    before: Optional[PublishedGeneration], after: PublishedGeneration
) -> Changes:
    """What one generation has that another has not; None stands for an empty one."""
    contents = {number: shard.content_digest for number, shard in after.index.shards.items()}
    return _difference(before, contents, after.packages, after.document(ADVISORIES))


def _difference(
    before: Optional[PublishedGeneration],
    contents: Mapping[int, str],
    packages: Callable[[int], Iterable[Package]],
    advisories: bytes,
) -> Changes:
    """Only the shards whose content differs are looked at."""
    from .. import changes

    old = (
        {number: shard.content_digest for number, shard in before.index.shards.items()}
        if before
        else {}
    )
    numbers = sorted(
        number for number in {*old, *contents} if old.get(number) != contents.get(number)
    )
    was = [package for number in numbers if before for package in before.packages(number)]
    now = [package for number in numbers if number in contents for package in packages(number)]
    known = before.document(ADVISORIES) if before else b""
    return changes.compare_packages(
        was, now, _fresh(known, advisories) if advisories != known else ()
    )


def _fresh(before: bytes, after: bytes) -> Iterable[str]:
    from ..metadata import updateinfo  # here, for its parser

    return updateinfo.advisory_ids(after) - updateinfo.advisory_ids(before)
