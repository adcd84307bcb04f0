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
from ..metadata.index import INDEX, Index, encode
from ..model import Package, pool_path
from ..publish import STAGING
from ..sources.local import Changed
from ..storage import pool
from ..storage.pool import Places
from .auxiliary_metadata import KINDS
from .plan import Plan, build_document, mirror_set
from .tree import BUILD_FOLDER, Tree

PUBLIC_KEY = "RPM-GPG-KEY-rocks"


def realise(plan: Plan, places: Places) -> str:
    """The generation's folder, complete, under its name; the same folder when it was there already.

    Raises Changed when a source is not any more what the plan was made from, and what is wrong with a package.
    """
    folder = places.generations(plan.distribution.name, plan.distribution.policy.arch)
    target = os.path.join(folder, plan.identity)
    if os.path.isdir(target):
        # The same content, but perhaps keys that were not asked for when it was built.
        _check_signatures(plan, places)
        return target
    with pool.owing(places):
        fresh = _packages(plan, places)
        aside = os.path.join(folder, STAGING)
        try:
            tree = Tree(aside)
            _fill(tree, plan, places)
            for one in plan.inputs:
                if not one.unchanged():
                    raise Changed(
                        "it changed while the distribution was built", one.source.where, "run again"
                    )
            pool.flush(places.root, [*fresh, *tree.unflushed])
            os.rename(aside, target)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)  # on a full disk it would be in the way
            raise
    files.sync_directory(folder)
    return target


def _packages(plan: Plan, places: Places) -> list[str]:
    """Bring the packages of the sets that are not there yet, and make the sets; the paths that must be flushed."""
    lacking = {
        name: packages()
        for name, packages in _sets(plan).items()
        if not os.path.isdir(os.path.join(places.sets, name))
    }
    wanted: dict[str, list[Package]] = {}
    for packages in lacking.values():
        for package in packages:
            wanted.setdefault(package.source, []).append(package)
    fresh: list[str] = []
    os.makedirs(places.sets, exist_ok=True)
    for one in plan.inputs:
        needed = wanted.get(one.source.name, [])
        new = [pool_path(places.pool, package.checksum) for package in needed]
        new = [path for path in new if not os.path.exists(path)]
        one.bring(needed)
        fresh += new
    _check_signatures(plan, places)
    for name, packages in lacking.items():
        pool.link_set(places, name, packages, shards.file_names(packages))
        fresh.append(os.path.join(places.sets, name))
    if lacking:
        fresh.append(places.sets)
    return fresh


def _sets(plan: Plan) -> dict[str, Callable[[], Sequence[Package]]]:
    """Every set that the generation links -> what gives its packages."""
    pieces = [piece for piece in plan.composition.pieces.values() if piece.shard.packages]
    sets: dict[str, Callable[[], Sequence[Package]]] = {
        piece.shard.content: piece.packages for piece in pieces
    }
    for packages in plan.mirrored.values():
        sets[mirror_set(packages)] = functools.partial(list, packages)
    return sets


def _check_signatures(plan: Plan, places: Places) -> None:
    """Of the packages in shards that were decided anew; of the others it was done when they were."""
    checked = {one.source.name: one.source for one in plan.inputs if one.source.checks_packages}
    if not checked:
        return
    from ..sources.signatures import Signed, check_packages

    wanted: dict[str, list[Package]] = {name: [] for name in checked}
    for number in plan.composition.changed & plan.composition.pieces.keys():
        for package in plan.composition.pieces[number].packages():
            if package.source in checked:
                wanted[package.source].append(package)
    wanted.update(
        {name: list(packages) for name, packages in plan.mirrored.items() if name in checked}
    )
    memory = os.path.join(places.cache, "signatures")
    os.makedirs(memory, exist_ok=True)
    for name, packages in wanted.items():
        signed = [
            Signed(pool_path(places.pool, package.checksum), package.location)
            for package in packages
        ]
        check_packages(checked[name], signed, memory)


def _fill(tree: Tree, plan: Plan, places: Places) -> None:
    pieces = plan.composition.pieces
    sets = {
        shards.folder_of(number): piece.shard.content
        for number, piece in pieces.items()
        if piece.shard.packages
    }
    sets.update(
        {f"Mirrors/{name}": mirror_set(packages) for name, packages in plan.mirrored.items()}
    )
    tree.link_packages(sets, places, plan.distribution.layout)
    for path, content in metadata_files(plan).items():
        tree.write(path, content)
    _sign(tree, plan)
    for path, existing in plan.installer.files.items():
        tree.link(path, existing)
    _build(tree, plan)
    if plan.installer.text:
        with open(os.path.join(tree.folder, writer.REPOMD), "rb") as file:
            repomd = hashlib.sha256(file.read()).hexdigest()
        text = treeinfo.merged(
            plan.installer.text, plan.installer.where, dict(plan.installer.checksums), repomd
        )
        tree.write(treeinfo.NAME, text.encode())


def metadata_files(plan: Plan) -> Mapping[str, bytes]:
    """The files of the metadata: path in the tree -> content."""
    pieces = plan.composition.pieces
    count = sum(piece.shard.packages for piece in pieces.values())
    rows = {
        number: (
            piece.frames,
            {kind: frame.open_length for kind, frame in piece.shard.frames.items()},
        )
        for number, piece in pieces.items()
    }
    index = Index(
        arch=plan.distribution.policy.arch,
        release=plan.distribution.release,
        identity=plan.identity,
        layout=plan.distribution.layout,
        signer=plan.distribution.sign_key,
        rules=plan.rules,
        origins={one.source.name: one.origin for one in plan.inputs},
        rows=plan.composition.rows,
        heads=writer.head_lengths(count),
        shards={number: piece.shard for number, piece in pieces.items()},
        files=plan.checksums,
        moment=plan.timestamp,
    )
    contents = plan.documents.contents
    records = [
        *writer.framed(rows, count),
        *(writer.document(kind, contents[kind]) for kind in KINDS if kind in contents),
        writer.document(BUILD_RECORD, build_document(plan.build)),
        writer.document(INDEX, encode(index)),
    ]
    return writer.files_of(records, plan.timestamp)


def _sign(tree: Tree, plan: Plan) -> None:
    key = plan.distribution.sign_key
    if not key:
        return
    from ..sources.signatures import public_key, sign

    tree.unflushed.append(sign(os.path.join(tree.folder, writer.REPOMD), key))
    tree.write(PUBLIC_KEY, public_key(key).encode())


def _build(tree: Tree, plan: Plan) -> None:
    """The XML; what the previous generation has in the same words is linked from it."""
    before = plan.previous.index.files if plan.previous else {}
    for below, text in plan.build.items():
        path = f"{BUILD_FOLDER}/{below}"
        if plan.previous and before.get(path) == plan.checksums[path]:
            tree.link(path, os.path.join(plan.previous.folder, path))
        else:
            tree.write(path, text.encode())
