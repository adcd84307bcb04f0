# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes a planned generation: fetches what is not here yet, fills a folder, flushes it, and gives it its name."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
from typing import Callable, Mapping, Sequence

from ... import files
from ..metadata import shards, treeinfo, writer
from ..metadata.index import BUILD as BUILD_RECORD
from ..metadata.index import INDEX, Index, encode_index
from ..model import Package, pool_path
from ..publish import STAGING
from ..sources.local import SourceChanged
from ..storage import pool
from ..storage.pool import StorePaths
from .auxiliary_metadata import KINDS
from .plan import Plan, build_document, mirror_set
from .tree import BUILD_FOLDER, Tree

PUBLIC_KEY = "RPM-GPG-KEY-rocks"


def realise(plan: Plan, store: StorePaths) -> str:
    """The generation's folder, complete, under its name; the same folder when it was there already.

    Raises Changed when a source is not any more what the plan was made from, and what is wrong with a package.
    """
    folder = store.generations_folder(plan.distribution.name, plan.distribution.policy.arch)
    target = os.path.join(folder, plan.identity)
    if os.path.isdir(target):
        # The same content, but perhaps keys that were not asked for when it was built.
        _check_signatures(plan, store)
        return target
    with pool.gc_on_failure(store):
        fresh = _packages(plan, store)
        aside = os.path.join(folder, STAGING)
        try:
            tree = Tree(aside)
            _fill(tree, plan, store)
            for one in plan.inputs:
                if not one.unchanged():
                    raise SourceChanged(
                        "it changed while the distribution was built", one.source.where, "run again"
                    )
            pool.flush_files(store.root, [*fresh, *tree.unflushed])
            os.rename(aside, target)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)  # on a full disk it would be in the way
            raise
    files.sync_directory(folder)
    return target


def _packages(plan: Plan, store: StorePaths) -> list[str]:
    """Bring the packages of the sets that are not there yet, and make the sets; the paths that must be flushed."""
    lacking = {
        name: packages()
        for name, packages in _sets(plan).items()
        if not os.path.isdir(os.path.join(store.sets, name))
    }
    wanted: dict[str, list[Package]] = {}
    for packages in lacking.values():
        for package in packages:
            wanted.setdefault(package.source, []).append(package)
    fresh: list[str] = []
    os.makedirs(store.sets, exist_ok=True)
    for one in plan.inputs:
        needed = wanted.get(one.source.name, [])
        new = [pool_path(store.pool, package.checksum) for package in needed]
        new = [path for path in new if not os.path.exists(path)]
        one.fetch_packages(needed)
        fresh += new
    _check_signatures(plan, store)
    for name, packages in lacking.items():
        pool.create_set(store, name, packages, shards.file_names(packages))
        fresh.append(os.path.join(store.sets, name))
    if lacking:
        fresh.append(store.sets)
    return fresh


def _sets(plan: Plan) -> dict[str, Callable[[], Sequence[Package]]]:
    """Every set that the generation links -> what gives its packages."""
    pieces = [piece for piece in plan.composition.pieces.values() if piece.shard.packages]
    sets: dict[str, Callable[[], Sequence[Package]]] = {
        piece.shard.content_digest: piece.packages for piece in pieces
    }
    for packages in plan.mirrored.values():
        sets[mirror_set(packages)] = functools.partial(list, packages)
    return sets


def _check_signatures(plan: Plan, store: StorePaths) -> None:
    """Of the packages in shards that were decided anew; of the others it was done when they were."""
    checked = {one.source.name: one.source for one in plan.inputs if one.source.checks_packages}
    if not checked:
        return
    from ..sources.signatures import SignedFile, check_package_signatures

    wanted: dict[str, list[Package]] = {name: [] for name in checked}
    for number in plan.composition.changed & plan.composition.pieces.keys():
        for package in plan.composition.pieces[number].packages():
            if package.source in checked:
                wanted[package.source].append(package)
    wanted.update(
        {name: list(packages) for name, packages in plan.mirrored.items() if name in checked}
    )
    memory = os.path.join(store.cache, "signatures")
    os.makedirs(memory, exist_ok=True)
    for name, packages in wanted.items():
        signed = [
            SignedFile(pool_path(store.pool, package.checksum), package.location)
            for package in packages
        ]
        check_package_signatures(checked[name], signed, memory)


def _fill(tree: Tree, plan: Plan, store: StorePaths) -> None:
    pieces = plan.composition.pieces
    sets = {
        shards.shard_folder(number): piece.shard.content_digest
        for number, piece in pieces.items()
        if piece.shard.packages
    }
    sets.update(
        {f"Mirrors/{name}": mirror_set(packages) for name, packages in plan.mirrored.items()}
    )
    tree.link_packages(sets, store, plan.distribution.layout)
    for path, content in metadata_files(plan).items():
        tree.write(path, content)
    _sign(tree, plan)
    for path, existing in plan.installer.files.items():
        tree.link(path, existing)
    _build(tree, plan)
    if plan.installer.text:
        with open(os.path.join(tree.folder, writer.REPOMD), "rb") as file:
            repomd = hashlib.sha256(file.read()).hexdigest()
        text = treeinfo.merge_treeinfo(
            plan.installer.text, plan.installer.where, dict(plan.installer.checksums), repomd
        )
        tree.write(treeinfo.FILE_NAME, text.encode())


def metadata_files(plan: Plan) -> Mapping[str, bytes]:
    """The files of the metadata: path in the tree -> content."""
    pieces = plan.composition.pieces
    count = sum(piece.shard.packages for piece in pieces.values())
    rows = {
        number: (
            piece.frames,
            {kind: frame.content_length for kind, frame in piece.shard.frames.items()},
        )
        for number, piece in pieces.items()
    }
    index = Index(
        arch=plan.distribution.policy.arch,
        release=plan.distribution.release,
        identity=plan.identity,
        layout=plan.distribution.layout,
        signer=plan.distribution.sign_key,
        rules_digest=plan.rules_digest,
        origins={one.source.name: one.origin for one in plan.inputs},
        directory_digests=plan.composition.directory_digests,
        head_lengths=writer.head_lengths(count),
        shards={number: piece.shard for number, piece in pieces.items()},
        files=plan.checksums,
        newest_timestamp=plan.timestamp,
    )
    contents = plan.documents.contents
    records = [
        *writer.framed_records(rows, count),
        *(writer.make_record(kind, contents[kind]) for kind in KINDS if kind in contents),
        writer.make_record(BUILD_RECORD, build_document(plan.build)),
        writer.make_record(INDEX, encode_index(index)),
    ]
    return writer.repodata_files(records, plan.timestamp)


def _sign(tree: Tree, plan: Plan) -> None:
    key = plan.distribution.sign_key
    if not key:
        return
    from ..sources.signatures import export_public_key, sign_file

    tree.unflushed.append(sign_file(os.path.join(tree.folder, writer.REPOMD), key))
    tree.write(PUBLIC_KEY, export_public_key(key).encode())


def _build(tree: Tree, plan: Plan) -> None:
    """The XML; what the previous generation has in the same words is linked from it."""
    before = plan.previous.index.files if plan.previous else {}
    for below, text in plan.build.items():
        path = f"{BUILD_FOLDER}/{below}"
        if plan.previous and before.get(path) == plan.checksums[path]:
            tree.link(path, os.path.join(plan.previous.folder, path))
        else:
            tree.write(path, text.encode())
