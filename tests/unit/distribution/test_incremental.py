"""An incremental build has the same bytes as a build without a cache (contract C7)."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
import random
import shutil

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.build.result import (
    BuildResult,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata import (
    compression,
    slices,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Source
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources import base
from support.distributions import Site, content
from support.rpms import Rpm, write

NAMES = [f"package-{number:02}" for number in range(24)]


def random_rpm(chance: random.Random, name: str) -> Rpm:
    return Rpm(
        name,
        version=chance.choice(["1.0", "1.0~rc1", "1.1", "1.1^git2", "2.0"]),
        release=chance.choice(["1", "2"]),
        arch=chance.choice(["x86_64", "x86_64", "i686", "noarch"]),
        epoch=chance.choice([0, 0, 0, 1]),
        variant=chance.choice(["", "", "rebuilt"]),
        files={f"/usr/bin/{name}": "#!", f"/opt/{name}/x": "x"},
        requires=[
            chance.choice(
                [*NAMES, "/usr/bin/package-01", "/opt/package-02/x", "(package-03 or package-04)"]
            )
        ],
    )


def meddle(chance: random.Random, folder: pathlib.Path) -> None:
    """Add, remove or rewrite a few packages of a directory."""
    for name in chance.sample(NAMES, 3):
        for old in folder.glob(f"{name}-*.rpm"):
            old.unlink()
        if chance.random() < 0.7:
            write(random_rpm(chance, name), folder)


def sources(site: Site) -> tuple[Source, ...]:
    """Return the sources of the tests."""
    folder = site.folder / "sources"
    return (
        Source("os", path=str(folder / "os")),
        Source("updates", path=str(folder / "updates"), priority=98),
        Source("contrib", "directory", path=str(folder / "contrib"), priority=20),
        Source("local", "directory", path=str(folder / "local"), exclude=("package-05",)),
    )


def cold(site: Site) -> tuple[BuildResult, dict[str, str]]:
    """Build the same sources below an empty root; return the result and the content of the tree."""
    fresh = Site(site.folder)
    fresh.root = site.folder / "cold"
    fresh.store = dataclasses.replace(site.store, root=str(fresh.root))
    shutil.rmtree(fresh.root, ignore_errors=True)
    built = fresh.build("rocks", *sources(site))
    return built, content(fresh.tree("rocks"))


@pytest.mark.parametrize("seed", range(4))
def test_an_incremental_build_equals_a_cold_build_after_any_changes(site: Site, seed: int) -> None:
    chance = random.Random(seed)
    site.mirror("os", [random_rpm(chance, name) for name in NAMES])
    site.mirror("updates", [random_rpm(chance, name) for name in NAMES[:8]])
    for name in ("contrib", "local"):
        site.directory(name, [random_rpm(chance, name) for name in chance.sample(NAMES, 5)])

    seen: set[str] = set()
    for step in range(5):
        built = site.build("rocks", *sources(site), keep=9)
        fresh, tree = cold(site)
        identity = built.generation.identity
        assert (identity, built.unmet) == (fresh.generation.identity, fresh.unmet), (
            f"seed {seed}, step {step}"
        )
        # An existing generation is not written again, even if other candidates were left out.
        if identity not in seen:
            assert (built.remarks, built.clashes) == (fresh.remarks, fresh.clashes)
            assert content(site.tree("rocks")) == tree, f"seed {seed}, step {step}"
        seen.add(identity)
        meddle(chance, site.folder / "sources" / chance.choice(["contrib", "local"]))
        if step == 3:
            site.mirror(
                "updates",
                [random_rpm(chance, name) for name in NAMES[4:12]],
                revision=1_700_000_001,
            )


def test_an_incremental_build_of_a_child_equals_a_cold_build(site: Site) -> None:
    chance = random.Random(7)
    site.build("parent", site.mirror("os", [random_rpm(chance, name) for name in NAMES]))
    parent = site.parent("parent", "parent")
    local = site.directory("local", [random_rpm(chance, NAMES[0])])
    for _step in range(3):
        site.build("rocks", parent, local)
        warm = content(site.tree("rocks"))
        shutil.rmtree(site.root / ".generations" / "rocks")
        (site.root / "rocks" / "x86_64").unlink()
        shutil.rmtree(site.store.cache)
        site.build("rocks", parent, local)
        assert content(site.tree("rocks")) == warm
        meddle(chance, pathlib.Path(local.path))


def test_changed_descriptions_of_a_source_are_read_again(site: Site) -> None:
    """The shards then have the same packages but different XML."""
    names = [Rpm(name) for name in NAMES]
    site.mirror("os", names)
    site.mirror("updates", [])
    site.directory("contrib", [])
    site.directory("local", [])
    site.build("rocks", *sources(site))
    _rewrite(site.folder / "sources" / "os", b"A package for tests", b"In other words")
    site.build("rocks", *sources(site))
    site.directory("local", [Rpm("site")])

    site.build("rocks", *sources(site))

    assert content(site.tree("rocks")) == cold(site)[1]
    assert {package.summary for package in site.packages("rocks") if package.name != "site"} == {
        "In other words"
    }


def test_changed_rules_choose_the_packages_of_unchanged_sources_again(site: Site) -> None:
    os_ = site.mirror("os", [Rpm("a", "1.0"), Rpm("a", "2.0")])
    site.build("rocks", os_)

    site.build("rocks", os_, pins={"a": "1.0"})

    assert site.nevras("rocks") == ["a-0:1.0-1.noarch"]


def _rewrite(repository: pathlib.Path, before: bytes, after: bytes) -> None:
    """Change the text of a repository's primary.xml."""
    folder = repository / "repodata"
    (path,) = folder.glob("*-primary.xml.zst")
    data = compression.compress_frame(
        compression.decompress(path.read_bytes(), "primary").replace(before, after)
    )
    name = f"{hashlib.sha256(data).hexdigest()}-primary.xml.zst"
    (folder / name).write_bytes(data)
    repomd = (folder / "repomd.xml").read_text()
    begin = repomd.index('<data type="primary">')
    end = repomd.index("</data>", begin)
    record = (
        f'<data type="primary"><checksum type="sha256">{name[:64]}</checksum>'
        f'<location href="repodata/{name}"/>'
    )
    (folder / "repomd.xml").write_text(repomd[:begin] + record + repomd[end:])


class TestProportionalWork:
    """The tests replace the functions that must not be called."""

    def test_an_unchanged_build_reads_no_metadata(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        os_ = site.mirror("os", [Rpm(name) for name in NAMES])
        local = site.directory("local", [Rpm("site")])
        site.build("rocks", os_, local)
        monkeypatch.setattr(base, "decompress", lambda *_: pytest.fail("metadata was read"))
        monkeypatch.setattr(slices, "slice_primary", lambda *_: pytest.fail("metadata was sliced"))

        assert not site.build("rocks", os_, local).changed

    def test_a_changed_directory_does_not_cause_reading_a_mirror(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        os_ = site.mirror("os", [Rpm(name) for name in NAMES])
        local = site.directory("local", [Rpm("site")])
        site.build("rocks", os_, local)
        write(Rpm("site", "2.0"), local.path)
        monkeypatch.setattr(base, "decompress", lambda *_: pytest.fail("metadata was read"))

        built = site.build("rocks", os_, local)

        assert [change.name for change in built.changes.upgraded] == ["site"]

    def test_the_xml_of_a_restored_package_is_read_from_its_source(self, site: Site) -> None:
        """The local package that replaced it was removed, and no generation has its XML."""
        os_ = site.mirror("os", [Rpm(name) for name in NAMES])
        local = site.directory("local", [Rpm(NAMES[3], "9.0")])
        site.build("rocks", os_, local)
        site.directory("local", [])

        site.build("rocks", os_, local, allow_shrink=True)

        assert f"{NAMES[3]}-0:1.0-1.noarch" in site.nevras("rocks")
