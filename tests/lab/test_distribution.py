# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The stand-in distribution works with Red Hat's tools."""

from __future__ import annotations

import pathlib

import productmd
import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from lab.distribution import lists
from lab.distribution.sources import sources
from lab.image.installroot import install
from lab.image.tree import tree

SECONDS = 300.0
# The limit of packages: each takes seconds under emulation.
SMALL = 115


def dnf(*words: str, **repositories: pathlib.Path) -> str:
    options = ["--quiet", "--setopt=reposdir=/nonexistent", f"--setopt=cachedir={sources()}/../dnf"]
    options += [
        word
        for name, path in repositories.items()
        for word in (f"--repofrompath={name},file://{path}", f"--repo={name}")
    ]
    return process.run(["dnf", *options, *words], timeout=SECONDS).stdout


def test_every_dependency_is_satisfied_within_the_sources() -> None:
    folder = sources()
    assert (
        dnf("repoclosure", stock=tree(), updates=folder / "updates", third=folder / "third-party")
        == ""
    )


def test_the_updates_are_newer_than_the_stock() -> None:
    for name in lists.UPDATED:
        newest = dnf(
            "repoquery",
            "--latest-limit=1",
            "--queryformat=%{release}",
            name,
            stock=tree(),
            updates=sources() / "updates",
        )
        assert newest.strip().endswith(lists.UPDATE_TAG)


def test_every_package_is_signed_by_the_key_of_the_tree(tmp_path: pathlib.Path) -> None:
    keys = ["rpmkeys", "--dbpath", str(tmp_path)]
    process.run([*keys, "--import", str(tree() / "RPM-GPG-KEY-lab")], timeout=SECONDS)
    paths = sorted(
        str(path)
        for folder in (tree(), sources() / "third-party", sources() / "updates")
        for path in folder.rglob("*.rpm")
    )
    checked = process.run([*keys, "--checksig", *paths], timeout=SECONDS).stdout.splitlines()
    assert len(checked) == len(paths) > 150
    assert all(line.endswith(": digests signatures OK") for line in checked)


@pytest.mark.parametrize("release", lists.RELEASES)
def test_the_treeinfo_of_a_tree_has_its_release_and_existing_images(release: str) -> None:
    info = productmd.TreeInfo()
    info.load(str(tree(release) / ".treeinfo"))
    assert info.release.version == release
    for path in (info.stage2.mainimage, *info.images.images["x86_64"].values()):
        assert (tree(release) / path).is_file()


def test_the_small_profile_is_small_and_verifies(tmp_path: pathlib.Path) -> None:
    root = tmp_path / "root"
    install(root, {"stock": f"file://{tree()}"}, ["@core"])
    argv = ["rpm", "--root", str(root), "--dbpath", "/var/lib/rpm"]
    names = process.run(
        [*argv, "-qa", "--queryformat", "%{NAME}\\n"], timeout=SECONDS
    ).stdout.split()
    assert len(names) <= SMALL
    assert {"kernel", "systemd", "openssh-server", "python3", "rpm", "curl", "lab-release"} <= set(
        names
    )
    # Only what belongs to the running system can differ.
    verified = process.run(
        [*argv, "--verify", "--all", "--nomtime", "--noconfig"], timeout=SECONDS, ok=(0, 1)
    ).stdout
    assert [
        line
        for line in verified.splitlines()
        if not line.endswith((" /dev", " /proc", " /sys", " /run"))
    ] == []


def test_the_larger_profile_of_a_container_has_scheduler_and_file_system(
    tmp_path: pathlib.Path,
) -> None:
    root = tmp_path / "root"
    selection = [
        "@core",
        "@standard",
        "@network-file-system-client",
        "dnf",
        "slurm-slurmd",
        "slurm-slurmctld",
        "munge",
    ]
    install(
        root,
        {"stock": f"file://{tree()}", "third": f"file://{sources()}/third-party"},
        selection,
        ["kernel", "dracut"],
    )
    for argv in (
        ["slurmd", "-V"],
        ["slurmctld", "-V"],
        ["munge", "--version"],
        ["mount.nfs", "-V"],
        ["dnf", "--version"],
    ):
        assert process.run(["chroot", str(root), *argv], timeout=SECONDS).stdout
    owner = (root / "etc/munge").stat().st_uid
    assert f"munge:x:{owner}:" in (root / "etc/passwd").read_text()
