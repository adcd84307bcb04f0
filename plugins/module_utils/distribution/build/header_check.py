# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check that fetched packages are what the metadata of their source describes.

rpm installs what the header of a file states, whatever the metadata says.  dnf refuses a package
whose header names a module that no document describes.
"""

from __future__ import annotations

from typing import Iterator, Mapping, Sequence

from ...errors import DescriptionError
from ..arches import SOURCE_ARCHES
from ..metadata import shards
from ..model import Package, pool_path
from ..sources.base import Directory, ForeignParent, Input, Parent
from ..sources.rpm_identity import RpmIdentity, read_identity
from .plan import Plan

SHOWN_ERRORS = 20


def check_headers(plan: Plan, packages: Mapping[str, Sequence[Package]], pool: str) -> None:
    """Read the headers of packages in the pool.

    packages  source name -> packages

    Packages that the previous generation has under the same name were checked when it was built.
    Raises DescriptionError that lists every package which is another one than its metadata states.
    """
    known = {(package.checksum, package.nevra) for package in _previous_packages(plan)}
    for source_input in plan.inputs:
        if _is_trusted(source_input):
            continue
        faults = [
            fault
            for package in packages.get(source_input.source.name, ())
            if (package.checksum, package.nevra) not in known
            for fault in _faults(plan, package, read_identity(pool_path(pool, package.checksum)))
        ]
        if faults:
            shown = "\n".join(faults[:SHOWN_ERRORS])
            raise DescriptionError(
                f"{len(faults)} of its packages cannot be published\n{shown}",
                source_input.source.where,
                "exclude these packages, or choose another mirror",
            )


def _is_trusted(source_input: Input) -> bool:
    """Return whether the metadata of a source was made from the headers, by this frontend."""
    if isinstance(source_input, ForeignParent):
        return False
    return isinstance(source_input, (Directory, Parent))


def _previous_packages(plan: Plan) -> Iterator[Package]:
    """Yield the packages that the shards which this build decided had before."""
    if plan.previous:
        for number in plan.parts.composition.changed & plan.previous.index.shards.keys():
            for verdict in plan.previous.verdicts(number):
                if verdict.chosen:
                    yield verdict.package


def _faults(plan: Plan, package: Package, identity: RpmIdentity) -> Iterator[str]:
    expected = (package.name, package.epoch, package.version, package.release)
    is_source = package.arch in SOURCE_ARCHES
    if identity[:4] != expected or (identity.arch != package.arch and not is_source):
        yield (
            f"{package.location}: its header describes {identity.nevra}, the metadata describes"
            f" {package.nevra}"
        )
    elif identity.module and _needs_document(plan, package):
        yield (
            f"{package.location}: dnf refuses to install {package.nevra}, because no source has the"
            f" document of its module {identity.module}"
        )


def _needs_document(plan: Plan, package: Package) -> bool:
    """Return whether dnf would see a package of a module without its document."""
    composition = plan.parts.composition
    if composition.modules.streams.membership_of(package) is not None:
        return False
    # Packages of a whole mirror that were not chosen are not in the repository.
    return package in composition.shards[shards.shard_of(package.name)].packages()
