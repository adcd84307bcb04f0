"""A site with sources, which builds and publishes distributions as ``rocks_dist`` does."""

from __future__ import annotations

import hashlib
import pathlib
import shutil
from typing import Any, Iterable, Optional

import createrepo_c

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.api import (
    PublishOptions,
    rebuild,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.build.profile_hook import (
    ProfileHook,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.build.result import (
    BuildResult,
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
        """Write a repository; ``extra`` and ``revision`` go to ``support.rpms.repository``."""
        extra = options.pop("extra", {})
        revision = options.pop("revision", 1_700_000_000)
        folder = self.folder / "sources" / name
        shutil.rmtree(folder / "Packages", ignore_errors=True)
        repository(folder, rpms, extra=extra, revision=revision)
        return Source(name, "mirror", path=str(folder), **options)

    def directory(self, name: str, rpms: Iterable[Rpm] = (), **options: Any) -> Source:
        """Write a folder that contains only these RPM files."""
        folder = self.folder / "sources" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for rpm in rpms:
            write(rpm, folder)
        return Source(name, "directory", path=str(folder), **options)

    def parent(self, name: str, distribution: str, **options: Any) -> Source:
        """Return a published distribution of this site as a source."""
        return Source(name, "parent", path=str(self.tree(distribution)), **options)

    def build(
        self,
        name: str,
        *sources: Source,
        hook: Optional[ProfileHook] = None,
        keep: int = 3,
        **options: Any,
    ) -> BuildResult:
        """Build and publish; ``options`` are fields of Distribution and Policy."""
        return rebuild(
            distribution(name, *sources, **options),
            str(self.root),
            hook=hook,
            options=PublishOptions(keep=keep),
        )

    def dry_run(
        self, name: str, *sources: Source, hook: Optional[ProfileHook] = None, **options: Any
    ) -> BuildResult:
        """Return what ``build`` would return, without a change."""
        return rebuild(
            distribution(name, *sources, **options), str(self.root), hook=hook, dry_run=True
        )

    def tree(self, name: str) -> pathlib.Path:
        """Return the link to the published tree."""
        return self.root / name / ARCH

    def packages(self, name: str) -> list[createrepo_c.Package]:
        """Return the published packages as createrepo_c reads them, sorted by NEVRA."""
        return sorted(packages(self.tree(name)), key=lambda package: package.nevra())

    def nevras(self, name: str) -> list[str]:
        """Return the NEVRAs of the published packages, always with the epoch."""
        return [package.nevra() for package in self.packages(name)]


def distribution(name: str, *sources: Source, **options: Any) -> Distribution:
    """Return a Distribution whose closure is not enforced by default."""
    policy = {key: options.pop(key) for key in list(options) if key in Policy.__dataclass_fields__}
    return Distribution(name, sources, Policy(**policy), **{"closure": "warn", **options})


def content(folder: pathlib.Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder, by path; links are followed."""
    digests = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and path.is_dir():
            digests.update(
                {
                    f"{path.relative_to(folder)}/{name}": digest
                    for name, digest in content(path).items()
                }
            )
        elif path.is_file():
            digests[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return digests
