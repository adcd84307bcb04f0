# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write a planned generation to the disk: fetch its packages, fill, flush and rename its folder."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
from typing import Callable, Mapping, Sequence

from ... import files
from ..metadata import shards, treeinfo, writer
from ..metadata.index import BUILD, INDEX, encode_index
from ..model import Package, pool_path
from ..publish import STAGING_FOLDER
from ..sources.repository_access import SourceChanged
from ..storage import pool
from ..storage.pool import StorePaths
from .auxiliary_metadata import KINDS
from .header_check import check_headers
from .plan import Plan, build_document, mirror_set
from .tree import BUILD_FOLDER, Tree

PUBLIC_KEY = "RPM-GPG-KEY-rocks"


def fetch_packages(plan: Plan, store: StorePaths) -> list[str]:
    """Fetch the packages of sets that do not exist, check signatures, and make the sets.

    Returns the paths of new files and folders, which must be flushed before the generation is
    renamed.  Raises an error for a package that is missing, damaged, not signed or another one than
    its metadata states.
    """
    missing_sets = {
        name: packages()
        for name, packages in _sets(plan).items()
        if not os.path.isdir(os.path.join(store.sets, name))
    }
    packages_by_source: dict[str, list[Package]] = {}
    for packages in missing_sets.values():
        for package in packages:
            packages_by_source.setdefault(package.source, []).append(package)
    new_paths: list[str] = []
    os.makedirs(store.sets, exist_ok=True)
    for source_input in plan.inputs:
        source_packages = packages_by_source.get(source_input.source.name, [])
        pool_paths = [pool_path(store.pool, package.checksum) for package in source_packages]
        new_paths += [path for path in pool_paths if not os.path.exists(path)]
        source_input.fetch_packages(source_packages)
    check_headers(plan, packages_by_source, store.pool)
    # Also if no package is new: the keys can be new.
    _check_signatures(plan, store)
    for name, packages in missing_sets.items():
        pool.create_set(store, name, packages, shards.file_names(packages))
        new_paths.append(os.path.join(store.sets, name))
    if missing_sets:
        new_paths.append(store.sets)
    return new_paths


def fill_generation(plan: Plan, store: StorePaths, new_paths: Sequence[str]) -> None:
    """Fill the generation's folder, flush it, and give it its name.  An existing one is kept.

    new_paths  what ``fetch_packages`` returned

    Raises SourceChanged if a source is no longer what the plan was made from.
    """
    if os.path.isdir(plan.folder):
        return
    parent = os.path.dirname(plan.folder)
    staging = os.path.join(parent, STAGING_FOLDER)
    try:
        tree = Tree(staging)
        _fill(tree, plan, store)
        for source_input in plan.inputs:
            if not source_input.is_unchanged():
                raise SourceChanged(
                    "it changed during the build", source_input.source.where, "run again"
                )
        pool.flush_files(store.root, [*new_paths, *tree.unflushed])
        os.rename(staging, plan.folder)
    except BaseException:
        # The next build would remove it too, but on a full disk its space is needed now.
        shutil.rmtree(staging, ignore_errors=True)
        raise
    files.sync_directory(parent)


def _sets(plan: Plan) -> dict[str, Callable[[], Sequence[Package]]]:
    """Return every set that the generation links: name -> function that returns its packages."""
    sets: dict[str, Callable[[], Sequence[Package]]] = {
        composed.shard.content_digest: composed.packages
        for composed in plan.parts.composition.shards.values()
        if composed.shard.packages
    }
    for packages in plan.mirrors.values():
        sets[mirror_set(packages)] = functools.partial(list, packages)
    return sets


def _check_signatures(plan: Plan, store: StorePaths) -> None:
    """Check the packages of the shards that this build decided.

    The packages of other shards were checked by the build that decided them.
    """
    sources = {
        source_input.source.name: source_input.source
        for source_input in plan.inputs
        if source_input.source.checks_packages
    }
    if not sources:
        return
    # Imported here because it takes 14 ms to load and an unchanged build does not need it.
    from ..sources.signatures import SignedFile, check_package_signatures

    packages_by_source: dict[str, list[Package]] = {name: [] for name in sources}
    for number in plan.parts.composition.changed & plan.parts.composition.shards.keys():
        for package in plan.packages(number):
            if package.source in sources:
                packages_by_source[package.source].append(package)
    packages_by_source.update(
        {name: list(packages) for name, packages in plan.mirrors.items() if name in sources}
    )
    cache_folder = os.path.join(store.cache, "signatures")
    os.makedirs(cache_folder, exist_ok=True)
    for name, packages in packages_by_source.items():
        signed_files = [
            SignedFile(pool_path(store.pool, package.checksum), package.location)
            for package in packages
        ]
        check_package_signatures(sources[name], signed_files, cache_folder)


def _fill(tree: Tree, plan: Plan, store: StorePaths) -> None:
    """Write everything that a generation contains (contract C4)."""
    sets = {
        shards.shard_folder(number): shard.content_digest
        for number, shard in plan.index.shards.items()
        if shard.packages
    }
    sets.update(
        {f"Mirrors/{name}": mirror_set(packages) for name, packages in plan.mirrors.items()}
    )
    tree.link_packages(sets, store, plan.distribution.layout)
    for path, content in metadata_files(plan).items():
        tree.write(path, content)
    _sign(tree, plan)
    for path, existing in plan.parts.installer.files.items():
        tree.link(path, existing)
    _write_build_files(tree, plan)
    if plan.parts.installer.text:
        with open(os.path.join(tree.folder, writer.REPOMD), "rb") as file:
            repomd = hashlib.sha256(file.read()).hexdigest()
        text = treeinfo.merge_treeinfo(
            plan.parts.installer.text,
            plan.parts.installer.where,
            dict(plan.parts.installer.checksums),
            repomd,
        )
        tree.write(treeinfo.FILE_NAME, text.encode())


def metadata_files(plan: Plan) -> Mapping[str, bytes]:
    """Return the files of the repository's metadata: path in the tree -> content."""
    frames_by_shard = {
        number: (
            composed.frames,
            {kind: frame.content_length for kind, frame in composed.shard.frames.items()},
        )
        for number, composed in plan.parts.composition.shards.items()
    }
    contents = plan.parts.documents.contents
    records = [
        *writer.framed_records(frames_by_shard, plan.parts.composition.package_count),
        *(writer.make_record(kind, contents[kind]) for kind in KINDS if kind in contents),
        writer.make_record(BUILD, build_document(plan.parts.build_files)),
        writer.make_record(INDEX, encode_index(plan.index)),
    ]
    return writer.repodata_files(records, plan.index.newest_timestamp)


def _sign(tree: Tree, plan: Plan) -> None:
    key = plan.distribution.sign_key
    if not key:
        return
    # Imported here because it takes 14 ms to load and an unchanged build does not need it.
    from ..sources.signatures import export_public_key, sign_file

    tree.unflushed.append(sign_file(os.path.join(tree.folder, writer.REPOMD), key))
    tree.write(PUBLIC_KEY, export_public_key(key).encode())


def _write_build_files(tree: Tree, plan: Plan) -> None:
    """Write the XML and the profiles; unchanged files are linked from the previous generation."""
    before = plan.previous.index.files if plan.previous else {}
    for relative_path, text in plan.parts.build_files.items():
        path = f"{BUILD_FOLDER}/{relative_path}"
        if plan.previous and before.get(path) == plan.index.files[path]:
            tree.link(path, os.path.join(plan.previous.folder, path))
        else:
            tree.write(path, text.encode())
