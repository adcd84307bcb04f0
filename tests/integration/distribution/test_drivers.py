# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Drivers are built with the distribution: an RPM for each of its kernels, when a kernel or the sources are new (6.2.3).

dnf, rpmbuild, make and the compiler are real. The packages of compiler and kernels are not: the build root has this
machine's programs, and a kernel-devel is a Makefile that compiles.
"""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from support import scratch
from support.ansible import BIN, ROOT
from support.distributions import Site
from support.drivers import pack
from support.rpms import Rpm, repository

SECONDS = 300
MAKEFILE = """\
modules:
	for source in $(M)/*.c; do gcc -c -o $${source%.c}.ko $$source || exit 1; done
"""
TOOLS = [
    Rpm("bash", provides=["/bin/sh"]),
    *(Rpm(name) for name in ("elfutils-libelf-devel", "gcc", "kmod", "make", "rpm-build", "tar")),
]
OLD, NEW = "5.14.0-427.13.1.el9", "5.14.0-427.16.1.el9"
# A chroot into the build root meets this machine's programs there.
MOUNT = 'mount -t overlay -o "lowerdir=/usr,upperdir=$1.upper,workdir=$1.work" overlay "$1/usr"; shift; exec "$@"'


def kernel(release: str, variant: str = "") -> list[Rpm]:
    """What a kernel's packages provide, and what modules are built with."""
    name = f"kernel-{variant}" if variant else "kernel"
    uname = f"{release}.x86_64" + (f"+{variant}" if variant else "")
    version = release.split("-")
    devel = Rpm(
        f"{name}-devel", *version, "x86_64", files={f"/usr/src/kernels/{uname}/Makefile": MAKEFILE}
    )
    return [Rpm(f"{name}-core", *version, "x86_64", provides=[f"kernel-uname-r = {uname}"]), devel]


class Stage:
    """A frontend with a stock to build from, and a driver's sources."""

    def __init__(self, site: Site) -> None:
        self.site, self.folder = site, site.folder
        self.root = scratch.make(self.folder / "build")
        for name in ("proc", "var/tmp"):
            (self.root / name).mkdir(parents=True)
        for suffix in ("upper", "work"):
            (self.folder / f"build.{suffix}").mkdir()
        self.drivers: list[dict[str, str]] = []

    def stock(self, *rpms: Rpm) -> None:
        """What the vendor has now."""
        for name, some in (("BaseOS", rpms), ("AppStream", TOOLS)):
            place = self.folder / "stock" / name / "x86_64" / "os"
            shutil.rmtree(place, ignore_errors=True)
            repository(place, some)

    def source(self, name: str, text: str) -> None:
        """Sources of a driver's maker; from now on it is built."""
        path = pack(self.folder / f"{name}.tar.gz", name, text)
        self.drivers = [one for one in self.drivers if one["name"] != name]
        self.drivers.append({"name": name, "version": "1.2", "source": str(path)})

    def rebuild(self, *words: str) -> subprocess.CompletedProcess[str]:
        """playbooks/rebuild-dist.yml."""
        variables = {
            "distribution_mirror": (self.folder / "stock").as_uri(),
            "distribution_release": "rhel9",
            "distribution_path": str(self.site.root),
            "distribution_contrib": str(self.folder / "contrib"),
            "distribution_local": str(self.folder / "local"),
            "distribution_xml": [str(ROOT / "xml"), str(self.folder / "xml")],
            "distribution_closure": "whole",
            "distribution_install_libraries": False,
            "distribution_build_root": str(self.root),
            "distribution_drivers": self.drivers,
        }
        play = [
            str(BIN / "ansible-playbook"),
            "playbooks/rebuild-dist.yml",
            "-e",
            json.dumps(variables),
            *words,
        ]
        return subprocess.run(
            ["unshare", "--mount", "sh", "-ec", MOUNT, "sh", str(self.root), *play],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env={
                "PATH": f"{BIN}:/usr/sbin:/usr/bin",
                "HOME": "/root",
                "LANG": "C.UTF-8",
                "ANSIBLE_NOCOLOR": "1",
            },
        )

    def built(self) -> dict[str, int]:
        """The RPMs of drivers, and when each was written."""
        found = (self.folder / "local").rglob("kmod-*.rpm")
        return {path.name: path.stat().st_mtime_ns for path in sorted(found)}

    def published(self) -> list[str]:
        """Those that nodes can install."""
        return [
            name for name in self.site.nevras("rocks") if name.startswith(("kmod-gm", "kmod-myri"))
        ]


@pytest.fixture
def stage(site: Site) -> Stage:
    return Stage(site)


def named(driver: str, release: str, variant: str = "") -> str:
    return f"kmod-{driver}{variant}-1.2-1.{release.replace('-', '_')}.x86_64.rpm"


def test_each_kernel_has_an_rpm_of_each_driver_built_when_the_kernel_or_the_sources_are_new(
    stage: Stage,
) -> None:
    stage.stock(*kernel(OLD), *kernel(OLD, "rt"), *kernel(OLD, "debug"))
    stage.source("gm", "int gm(void) { return 0; }\n")
    stage.source("myri", "int myri(void) { return 0; }\n")
    ended = stage.rebuild()
    assert ended.returncode == 0, ended.stdout + ended.stderr
    first = stage.built()
    assert list(first) == [
        named(driver, OLD, variant) for driver in ("gm", "myri") for variant in ("", "-rt")
    ]
    assert len(stage.published()) == 4
    (rpm,) = (stage.folder / "local").rglob(named("myri", OLD))
    asked = subprocess.run(
        ["rpm", "-qp", "--requires", "--list", rpm], capture_output=True, text=True, check=True
    ).stdout
    assert f"kernel-uname-r = {OLD}.x86_64\n" in asked
    assert f"/lib/modules/{OLD}.x86_64/extra/myri/myri.ko\n" in asked

    again = stage.rebuild()
    assert "changed=0" in again.stdout, again.stdout
    assert stage.built() == first

    stage.stock(*kernel(OLD), *kernel(NEW))
    stage.drivers = stage.drivers[1:]  # gm is no longer wanted
    rehearsed = stage.rebuild("--check")
    assert rehearsed.returncode == 0, rehearsed.stdout
    assert stage.built() == first
    ended = stage.rebuild()
    assert ended.returncode == 0, ended.stdout
    second = stage.built()
    assert list(second) == [named("myri", NEW)]  # a distribution has the newest kernel alone
    published = stage.published()
    assert len(published) == 1

    stage.source("myri", "no C at all\n")
    ended = stage.rebuild()
    assert ended.returncode != 0
    assert "myri.c" in ended.stdout
    assert (stage.published(), stage.built()) == (published, second)


def test_a_source_that_is_missing_is_named(stage: Stage) -> None:
    stage.stock(*kernel(OLD))
    stage.drivers = [{"name": "myri", "version": "1.2", "source": "/nonexistent/myri.tar.gz"}]
    ended = stage.rebuild()
    assert ended.returncode != 0
    assert "/nonexistent/myri.tar.gz does not exist; nothing was changed" in " ".join(
        ended.stdout.split()
    )


@pytest.mark.parametrize("name", ["../../precious", "", ".", "a/b"])
def test_a_name_that_leads_out_of_the_build_root_is_refused_before_anything_is_removed(
    stage: Stage, name: str
) -> None:
    stage.stock(*kernel(OLD))
    stage.source("gm", "int gm(void) { return 0; }\n")
    precious = stage.root.parent / "precious"
    precious.mkdir()
    stage.drivers[0]["name"] = name
    ended = stage.rebuild()
    assert ended.returncode != 0
    assert "is not a valid name of a module" in " ".join(ended.stdout.split())
    assert precious.is_dir()
