"""What libsolv installs is in the set, and packages outside of the set have no influence on it."""

from __future__ import annotations

import hashlib
import pathlib
import random
from typing import Iterable, Sequence
from xml.sax.saxutils import escape

import pytest
import solv
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata import (
    capabilities,
    compression,
    slices,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Policy, Source
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.resolve.dependencies import (
    ProviderIndex,
    find_unsatisfied,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.resolve.install_set import (
    Candidate,
    Universe,
    find_install_set,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.resolve.resolver import (
    resolve_packages,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.resolve.rules import (
    build_rules,
)
from support.samples import sample

ARCH = "x86_64"
NAMES = ("a", "b", "c", "d", "e", "f")
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<metadata'
    ' xmlns="http://linux.duke.edu/metadata/common"'
    ' xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="0">\n'
)


def no_owners(_path: str) -> Iterable[str]:
    return ()


def make_pool(candidates: Sequence[Candidate], folder: pathlib.Path) -> solv.Pool:
    """Load packages into libsolv."""
    file = folder / "primary.xml"
    file.write_bytes(HEAD.encode() + b"".join(row.xml for row in candidates) + b"</metadata>\n")
    pool = solv.Pool()
    pool.setarch(ARCH)
    repo = pool.add_repo("r")
    assert repo.add_rpmmd(solv.xfopen(str(file)), None)
    pool.addfileprovides()
    pool.createwhatprovides()
    return pool


def solve(pool: solv.Pool, entries: Iterable[str]) -> set[str]:
    """Return the NEVRAs that libsolv installs for these names; empty: it cannot install them."""
    jobs = []
    for name in entries:
        selection = pool.select(name, solv.Selection.SELECTION_NAME)
        jobs += selection.jobs(solv.Job.SOLVER_INSTALL)
    solver = pool.Solver()
    if solver.solve(jobs):
        return set()
    return {f"{row.name}-{row.evr}.{row.arch}" for row in solver.transaction().newsolvables()}


def package(name: str, arch: str, sections: dict[str, list[str]]) -> Candidate:
    dependencies = "".join(
        f"<rpm:{kind}>{''.join(f'<rpm:entry name={entry!r}/>' for entry in entries)}</rpm:{kind}>"
        for kind, entries in sections.items()
        if entries
    ).replace("'", '"')
    checksum = hashlib.sha256(f"{name}.{arch}".encode()).hexdigest()
    xml = (
        f'<package type="rpm"><name>{name}</name><arch>{arch}</arch>'
        f'<version epoch="0" ver="1" rel="1"/><location href="{name}.{arch}.rpm"/>'
        f'<checksum type="sha256" pkgid="YES">{checksum}</checksum>'
        f"<format>{dependencies}</format></package>\n"
    )
    return Candidate(name, arch, f"{name}-1-1.{arch}", checksum, xml.encode())


ATOM = st.sampled_from([*NAMES, "x", "y", "z"])
RICH = st.tuples(ATOM, st.sampled_from(["or", "and", "if"]), ATOM).map(
    lambda parts: f"({' '.join(parts)})"
)
DEPENDENCY = st.one_of(ATOM, ATOM, RICH)
SECTIONS = st.fixed_dictionaries(
    {
        "provides": st.lists(st.sampled_from(["x", "y", "z"]), max_size=2),
        "requires": st.lists(DEPENDENCY, max_size=2),
        "recommends": st.lists(DEPENDENCY, max_size=1),
        "supplements": st.lists(DEPENDENCY, max_size=1),
    }
)
ARCHES = st.sampled_from(["x86_64", "x86_64", "noarch", "i686"])
UNIVERSES = st.fixed_dictionaries({name: st.tuples(ARCHES, SECTIONS) for name in NAMES}).map(
    lambda rows: [
        package(name, arch, {**sections, "provides": [name, *sections["provides"]]})
        for name, (arch, sections) in rows.items()
    ]
)


@settings(max_examples=300, deadline=None)
@given(UNIVERSES, st.sets(st.sampled_from(NAMES), min_size=1, max_size=2))
def test_the_installed_packages_are_in_the_set_and_depend_on_it_only(
    tmp_path_factory: pytest.TempPathFactory, candidates: list[Candidate], entries: set[str]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    allowed = find_install_set(Universe(candidates, ARCH, no_owners), entries, {})
    installed = solve(make_pool(candidates, folder), entries)
    assert installed <= {row.nevra for row in allowed}
    if installed:
        assert solve(make_pool(allowed, folder), entries) == installed


def test_a_requirement_with_one_provider_leaves_no_choice() -> None:
    """The package that is installed anyway meets the requirement, so the other one is left out."""
    candidates = [
        package("a", ARCH, {"provides": ["a"], "requires": ["x", "b"]}),
        package("b", ARCH, {"provides": ["b", "x"]}),
        package("c", ARCH, {"provides": ["c", "x"]}),
    ]
    universe = Universe(candidates, ARCH, no_owners)
    assert [row.name for row in find_install_set(universe, ["a"], {})] == ["a", "b"]
    assert [row.name for row in find_install_set(universe, ["a", "-c"], {})] == ["a", "b"]
    assert [row.name for row in find_install_set(universe, ["@g"], {"g": ["c"]})] == ["c"]


def test_real_packages_are_as_libsolv_installs_them(tmp_path: pathlib.Path) -> None:
    """CentOS Stream 9 AppStream, with one package that provides what it requires of BaseOS."""
    (path,) = (sample("cs9-appstream") / "repodata").glob("*-primary.xml.gz")
    primary = slices.slice_primary(compression.decompress(path.read_bytes(), str(path)), "", "")
    chosen = resolve_packages(primary.packages, build_rules(Policy(), [Source("")])).chosen_packages
    candidates = [
        Candidate(
            name=row.name,
            arch=row.arch,
            nevra=row.nevra,
            checksum=row.checksum,
            xml=primary.package_xml(row.checksum, row.location),
        )
        for row in chosen
    ]
    entries = capabilities.extract_entries(b"".join(row.xml for row in candidates))
    missing = find_unsatisfied(ProviderIndex(entries.provides, lambda _paths: ()), entries.requires)
    names = {escape(capabilities.parse_entry(entry).name) for entry in missing}
    base = package("base", "noarch", {"provides": sorted(n for n in names if n[0] != "(")})
    candidates.append(base)
    universe = Universe(candidates, ARCH, no_owners)
    pool = make_pool(candidates, tmp_path)
    solved = 0
    for name in random.Random(1).sample(sorted({row.name for row in chosen}), 60):
        installed = solve(pool, [name])
        allowed = {row.nevra for row in find_install_set(universe, [name], {})}
        assert installed <= allowed, (name, sorted(installed - allowed))
        solved += bool(installed)
    assert solved > 40
