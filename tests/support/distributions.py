"""A site that builds distributions: sources written in a line, built and published as ``rocks_dist`` does it."""

from __future__ import annotations

import hashlib
import pathlib
import shutil
from typing import Any, Iterable, Optional

import createrepo_c

from ansible_collections.npaci.rocks.plugins.module_utils.distribution import publish
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.build.pipeline import (
    BuildResult,
    build,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.build.profile_hook import (
    ProfileHook,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import (
    Distribution,
    Policy,
    Source,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.storage.pool import (
    StorePaths,
)

from .repodata import packages
from .rpms import Rpm, repository, write

ARCH = "x86_64"


class Site:
    """Folders with sources, and the root of the distributions that are built from them."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.root = folder / "install"
        self.store = StorePaths(str(self.root))

    def mirror(self, name: str, rpms: Iterable[Rpm] = (), **options: Any) -> Source:
        """A repository; what of ``options`` is not a Source's is for ``support.rpms.repository``."""
        extra, revision = options.pop("extra", {}), options.pop("revision", 1_700_000_000)
        folder = self.folder / "sources" / name
        shutil.rmtree(folder / "Packages", ignore_errors=True)
        repository(folder, rpms, extra=extra, revision=revision)
        return Source(name, "mirror", path=str(folder), **options)

    def directory(self, name: str, rpms: Iterable[Rpm] = (), **options: Any) -> Source:
        """A folder of RPM files, in which nothing else is."""
        folder = self.folder / "sources" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for rpm in rpms:
            write(rpm, folder)
        return Source(name, "directory", path=str(folder), **options)

    def parent(self, name: str, distribution: str, **options: Any) -> Source:
        """A distribution that this site publishes."""
        return Source(name, "parent", path=str(self.tree(distribution)), **options)

    def build(
        self,
        name: str,
        *sources: Source,
        hook: Optional[ProfileHook] = None,
        keep: int = 3,
        **options: Any,
    ) -> BuildResult:
        """Build and publish; ``options`` are the Distribution's and the Policy's."""
        asked = distribution(name, *sources, **options)
        with publish.build_lock(self.store, name, ARCH, 0):
            built = build(asked, str(self.root), hook=hook)
            publish.publish(self.store, name, ARCH, built.generation.identity)
            publish.prune(self.store, name, ARCH, keep)
        return built

    def dry_run(
        self, name: str, *sources: Source, hook: Optional[ProfileHook] = None, **options: Any
    ) -> BuildResult:
        """What ``build`` would come to."""
        return build(
            distribution(name, *sources, **options), str(self.root), hook=hook, dry_run=True
        )

    def tree(self, name: str) -> pathlib.Path:
        """The published tree."""
        return self.root / name / ARCH

    def packages(self, name: str) -> list[createrepo_c.Package]:
        """The packages of the published repository, as createrepo_c reads them, sorted by NEVRA."""
        return sorted(packages(self.tree(name)), key=lambda package: package.nevra())

    def nevras(self, name: str) -> list[str]:
        """Their NEVRAs, always with the epoch."""
        return [package.nevra() for package in self.packages(name)]


def distribution(name: str, *sources: Source, **options: Any) -> Distribution:
    """A Distribution whose closure is not enforced unless the test says so."""
    policy = {key: options.pop(key) for key in list(options) if key in Policy.__dataclass_fields__}
    return Distribution(name, sources, Policy(**policy), **{"closure": "warn", **options})


def content(folder: pathlib.Path) -> dict[str, str]:
    """Every file below a folder, links followed: path -> SHA-256."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and path.is_dir():
            found.update(
                {
                    f"{path.relative_to(folder)}/{name}": digest
                    for name, digest in content(path).items()
                }
            )
        elif path.is_file():
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
