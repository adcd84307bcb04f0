"""What clients make of a tree that we built: dnf, libsolv (today's and Debian's), createrepo_c and
mergerepo_c.
"""

from __future__ import annotations

import dataclasses
import pathlib
import random
import re
import sys

import pytest
import solv

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata import compression
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata.index import (
    record_paths,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import CommandError
from support.distributions import Site
from support.dnf import dnf
from support.nginx import nginx
from support.repodata import packages
from support.rpms import Rpm, repository

FILESYSTEM = Rpm("filesystem", "3.16", "5", files={"/etc/": "", "/usr/bin/": "", "/var/": ""})
BASH = Rpm(
    "bash",
    "5.1.8",
    "9",
    "x86_64",
    requires=["filesystem"],
    files={"/usr/bin/bash": "#!"},
    provides=["/bin/sh"],
)
COMPUTE = Rpm("rocks-compute", "1.0", "1", requires=["bash >= 5.1", "/usr/share/deep/file"])
DEEP = Rpm("deep", "1", "1", files={"/usr/share/deep/file": "x", "/usr/share/deep/": ""})
OLD = Rpm("bash", "5.0", "1", "x86_64")
FILLERS = [
    Rpm(f"filler-{number:03}", "1", "1", "x86_64", requires=["filesystem"]) for number in range(150)
]
COMPS = """<comps>
  <group><id>cluster</id><name>Cluster</name><packagelist><packagereq type="mandatory">rocks-compute</packagereq></packagelist></group>
  <environment><id>node</id><name>Node</name><grouplist><groupid>cluster</groupid></grouplist></environment>
</comps>"""
ADVISORY = """<updates><update from="a@b" status="final" type="security" version="1"><id>RHSA-1</id><title>fix</title>
<issued date="2026-01-01 00:00:00"/><severity>Important</severity><description>d</description><references/>
<pkglist><collection short="a"><name>a</name><package name="bash" version="5.1.8" release="9" epoch="0" arch="x86_64">
<filename>bash-5.1.8-9.x86_64.rpm</filename></package></collection></pkglist></update></updates>"""


@pytest.fixture
def tree(site: Site) -> pathlib.Path:
    """A distribution of four sources, built twice so that most of its frames were taken over."""
    os_ = site.mirror(
        "os", [FILESYSTEM, OLD, DEEP, *FILLERS], extra={"group": COMPS, "updateinfo": ADVISORY}
    )
    updates, local = site.mirror("updates", [BASH]), site.directory("local", [COMPUTE])
    site.build("rocks", os_, updates, local)
    site.directory("local", [dataclasses.replace(COMPUTE, version="1.1")])
    site.build("rocks", os_, updates, local)
    return site.tree("rocks")


def test_dnf_installs_from_it_into_a_root(tree: pathlib.Path, tmp_path: pathlib.Path) -> None:
    root = tmp_path / "root"

    dnf(tmp_path / "dnf", {"rocks": tree.as_uri()}, "install", f"--installroot={root}", "rocks-compute", "filler-001",
        options=["tsflags=noscripts"])  # fmt: skip

    said = process.run(["rpm", f"--root={root}", "-qa"], timeout=60).stdout
    assert sorted(said.split()) == [
        "bash-5.1.8-9.x86_64", "deep-1-1.noarch", "filesystem-3.16-5.noarch", "filler-001-1-1.x86_64",
        "rocks-compute-1.1-1.noarch",
    ]  # fmt: skip
    assert (root / "usr/share/deep/file").read_text() == "x"


def test_dnf_installs_a_group_and_knows_the_environment(
    tree: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    root = tmp_path / "root"

    dnf(tmp_path / "dnf", {"rocks": tree.as_uri()}, "install", f"--installroot={root}", "@node")

    assert "rocks-compute" in process.run(["rpm", f"--root={root}", "-qa"], timeout=60).stdout


def test_dnf_knows_which_package_an_advisory_is_about(
    tree: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    said = dnf(tmp_path / "dnf", {"rocks": tree.as_uri()}, "repoquery", "--advisory=RHSA-1")

    assert said.split() == ["bash-0:5.1.8-9.x86_64"]


def test_dnf_finds_nothing_missing(tree: pathlib.Path, tmp_path: pathlib.Path) -> None:
    said = dnf(tmp_path / "dnf", {"rocks": tree.as_uri()}, "repoclosure", "--repo=rocks")

    assert said.strip() == ""


@pytest.mark.parametrize("seed", range(4))
def test_what_we_find_missing_is_what_dnf_repoclosure_finds(
    site: Site, tmp_path: pathlib.Path, seed: int
) -> None:
    chance = random.Random(seed)
    rpms = [_needy(chance, f"package-{number:02}") for number in range(10)]

    built = site.build("rocks", site.mirror("os", rpms))
    argv = ["repoclosure", "--repo=rocks"]
    options = [
        f"{name}={tmp_path / name}"
        for name in ("cachedir", "persistdir", "logdir", "reposdir", "varsdir")
    ]
    words = [word for option in [*options, "gpgcheck=0"] for word in ("--setopt", option)]
    said = process.run(
        ["dnf", "-q", "--disableplugin=local", "--releasever=9", "--forcearch=x86_64", *words,
         f"--repofrompath=rocks,{site.tree('rocks').as_uri()}", *argv],
        timeout=120, ok=(0, 1),
    ).stdout  # fmt: skip

    theirs: dict[str, set[str]] = {}
    nevra = ""
    for line in said.splitlines():
        if line.startswith("package: "):
            nevra = line.split()[1]
        elif line.startswith("    "):
            theirs.setdefault(line.strip(), set()).add(nevra)
    ours = dict(_missing(remark) for remark in built.unmet)
    assert theirs
    assert ours == theirs


def test_a_conjunction_of_which_one_half_is_missing_is_missing(
    site: Site, tmp_path: pathlib.Path
) -> None:
    """dnf repoclosure lets it pass; dnf install does not."""
    needy = Rpm("needy", requires=["(deep and nowhere)"])

    built = site.build("rocks", site.mirror("os", [needy, DEEP]))

    assert built.unmet == ("nothing provides (deep and nowhere), which needy-1.0-1.noarch needs",)
    with pytest.raises(CommandError, match="nothing provides"):
        dnf(
            tmp_path / "dnf",
            {"rocks": site.tree("rocks").as_uri()},
            "install",
            f"--installroot={tmp_path / 'root'}",
            "needy",
        )


def _needy(chance: random.Random, name: str) -> Rpm:
    """A package that needs three things, some of which are there."""
    other = f"package-{chance.randrange(15):02}"
    needs = chance.sample(
        [other, f"{other} >= {chance.choice('123')}", f"{other} = 2-1", f"/opt/{other}/x", f"/usr/bin/{other}",
         f"({other} or package-00)", f"cap({other}) < 2", f"cap({other}) >= 2:1"],
        3,
    )  # fmt: skip
    version = chance.choice("123")
    return Rpm(name, version, "1", requires=needs, provides=[f"cap({name}) = {version}"],
               files={f"/opt/{name}/x": "", f"/usr/bin/{name}": "#!"})  # fmt: skip


def _missing(remark: str) -> tuple[str, set[str]]:
    """``nothing provides CAPABILITY, which A, B needs``, taken apart."""
    found = re.fullmatch(r"nothing provides (.*), which (.*) needs?", remark)
    assert found, remark
    return found[1], {f"{name}" for name in found[2].split(", ")}


def test_dnf_installs_over_http_from_the_link_and_from_the_generation(
    tree: pathlib.Path, tmp_path: pathlib.Path, site: Site
) -> None:
    (tmp_path / "nginx").mkdir()
    with nginx(site.root, tmp_path / "nginx") as url:
        for number, path in enumerate((tree, tree.resolve())):
            root = tmp_path / f"root-{number}"
            where = f"{url}/{path.relative_to(site.root)}"
            dnf(
                tmp_path / "dnf",
                {"rocks": where},
                "install",
                f"--installroot={root}",
                "rocks-compute",
            )
            assert (
                "rocks-compute" in process.run(["rpm", f"--root={root}", "-qa"], timeout=60).stdout
            )


def test_dnf_reposync_mirrors_it_and_the_mirror_is_whole(
    tree: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """A child that is no Rocks frontend: any tool may copy the tree."""
    dnf(
        tmp_path / "dnf",
        {"rocks": tree.as_uri()},
        "reposync",
        "--repoid=rocks",
        "-p",
        str(tmp_path),
        "--download-metadata",
    )

    assert len(list((tmp_path / "rocks").rglob("*.rpm"))) == len(packages(tree))
    assert len(packages(tmp_path / "rocks")) == len(packages(tree))


def test_the_libsolv_of_dnf_5_solves_it(tree: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Today's libsolv, from PyPI; its wheel has no zstd, so that the frames are expanded here."""
    pool = solv.Pool()
    pool.setarch("x86_64")
    repo = pool.add_repo("rocks")
    for kind in ("primary", "filelists"):
        path = tmp_path / f"{kind}.xml"
        path.write_bytes(
            compression.decompress((tree / record_paths(str(tree))[kind]).read_bytes(), kind)
        )
        extend = solv.Repo.REPO_EXTEND_SOLVABLES if kind == "filelists" else 0
        assert repo.add_rpmmd(solv.xfopen(str(path)), "FL" if extend else None, extend)
    pool.addfileprovides()
    pool.createwhatprovides()
    solver = pool.Solver()

    problems = solver.solve(
        pool.select("rocks-compute", solv.Selection.SELECTION_NAME).jobs(solv.Job.SOLVER_INSTALL)
    )

    assert not problems
    assert sorted(str(one) for one in solver.transaction().newsolvables()) == [
        "bash-5.1.8-9.x86_64", "deep-1-1.noarch", "filesystem-3.16-5.noarch", "rocks-compute-1.1-1.noarch",
    ]  # fmt: skip


def test_createrepo_c_updates_it_and_finds_every_package_known(
    tree: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    before = {one.nevra(): one.pkgId for one in packages(tree)}
    copy = tmp_path / "copy"
    process.run(["cp", "-rL", str(tree), str(copy)], timeout=60)

    said = process.run(["createrepo_c", "--update", "--no-database", str(copy)], timeout=60)

    assert {one.nevra(): one.pkgId for one in packages(copy)} == before
    assert f"Parsing {len(before)}" not in said.stdout + said.stderr


def test_mergerepo_c_merges_it(tree: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Today's; Debian's 0.17 is from before zstd, and cannot read what today's createrepo_c writes
    either.
    """
    program = str(pathlib.Path(sys.executable).with_name("mergerepo_c"))
    other = repository(tmp_path / "other", [Rpm("extra")])

    process.run(
        [program, "--no-database", "--omit-baseurl", "--repo", tree.as_uri(), "--repo", other.as_uri(),
         "-o", str(tmp_path / "merged")],
        timeout=60,
    )  # fmt: skip

    assert len(packages(tmp_path / "merged")) == len(packages(tree)) + 1


def test_our_own_frames_are_one_file_to_everybody(tree: pathlib.Path) -> None:
    """The zstd program's library reads a row of frames as one stream, and so do we."""
    path = tree / record_paths(str(tree))["primary"]

    text = compression.decompress(path.read_bytes(), str(path))

    assert text.count(b"<package ") == len(packages(tree))
    assert text.endswith(b"</metadata>\n")
