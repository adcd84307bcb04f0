# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Drivers are built for each kernel of the distribution if a kernel or the sources are new (6.2.3).

dnf, rpmbuild, make and the compiler are real.  The packages of compiler and kernels are not: the
build root has the programs of this machine, and kernel-devel contains a Makefile that compiles.
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
OLD = "5.14.0-427.13.1.el9"
NEW = "5.14.0-427.16.1.el9"
# Mount the programs of this machine into the build root.
MOUNT_OVERLAY = (
    'mount -t overlay -o "lowerdir=/usr,upperdir=$1.upper,workdir=$1.work" overlay "$1/usr"; '
    'shift; exec "$@"'
)


def kernel(release: str, variant: str = "") -> list[Rpm]:
    """Return the core and devel packages of a kernel."""
    name = f"kernel-{variant}" if variant else "kernel"
    uname = f"{release}.x86_64" + (f"+{variant}" if variant else "")
    version, _hyphen, package_release = release.partition("-")
    makefile = f"/usr/src/kernels/{uname}/Makefile"
    return [
        Rpm(
            f"{name}-core",
            version,
            package_release,
            "x86_64",
            provides=[f"kernel-uname-r = {uname}"],
        ),
        Rpm(f"{name}-devel", version, package_release, "x86_64", files={makefile: MAKEFILE}),
    ]


class Stage:
    """A frontend with a stock, and the sources of drivers."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.folder = site.folder
        self.root = scratch.make(self.folder / "build")
        for name in ("proc", "var/tmp"):
            (self.root / name).mkdir(parents=True)
        for suffix in ("upper", "work"):
            (self.folder / f"build.{suffix}").mkdir()
        self.drivers: list[dict[str, str]] = []

    def stock(self, *rpms: Rpm) -> None:
        """Replace the packages of the vendor."""
        for name, packages in (("BaseOS", rpms), ("AppStream", TOOLS)):
            folder = self.folder / "stock" / name / "x86_64" / "os"
            shutil.rmtree(folder, ignore_errors=True)
            repository(folder, packages)

    def source(self, name: str, text: str) -> None:
        """Add the sources of a driver to build."""
        path = pack(self.folder / f"{name}.tar.gz", name, text)
        self.drivers = [driver for driver in self.drivers if driver["name"] != name]
        self.drivers.append({"name": name, "version": "1.2", "source": str(path)})

    def rebuild(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run playbooks/rebuild-dist.yml."""
        variables = {
            "distribution_mirror": (self.folder / "stock").as_uri(),
            "distribution_release": "rhel9",
            "distribution_settings": str(self.folder / "settings"),
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
            ["unshare", "--mount", "sh", "-ec", MOUNT_OVERLAY, "sh", str(self.root), *play],
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

    def built_rpms(self) -> dict[str, int]:
        """Return the RPMs of drivers, and the time of each file."""
        paths = (self.folder / "local").rglob("kmod-*.rpm")
        return {path.name: path.stat().st_mtime_ns for path in sorted(paths)}

    def published_drivers(self) -> list[str]:
        """Return the RPMs of drivers in the published tree."""
        return [
            name for name in self.site.nevras("rocks") if name.startswith(("kmod-gm", "kmod-myri"))
        ]


@pytest.fixture
def stage(site: Site) -> Stage:
    return Stage(site)


def rpm_name(driver: str, release: str, variant: str = "") -> str:
    return f"kmod-{driver}{variant}-1.2-1.{release.replace('-', '_')}.x86_64.rpm"


def test_each_driver_is_built_for_each_kernel_if_kernel_or_sources_are_new(
    stage: Stage,
) -> None:
    stage.stock(*kernel(OLD), *kernel(OLD, "rt"), *kernel(OLD, "debug"))
    stage.source("gm", "int gm(void) { return 0; }\n")
    stage.source("myri", "int myri(void) { return 0; }\n")
    result = stage.rebuild()
    assert result.returncode == 0, result.stdout + result.stderr
    first = stage.built_rpms()
    assert list(first) == [
        rpm_name(driver, OLD, variant) for driver in ("gm", "myri") for variant in ("", "-rt")
    ]
    assert len(stage.published_drivers()) == 4
    (rpm,) = (stage.folder / "local").rglob(rpm_name("myri", OLD))
    description = subprocess.run(
        ["rpm", "-qp", "--requires", "--list", rpm], capture_output=True, text=True, check=True
    ).stdout
    assert f"kernel-uname-r = {OLD}.x86_64\n" in description
    assert f"/lib/modules/{OLD}.x86_64/extra/myri/myri.ko\n" in description

    second_run = stage.rebuild()
    assert "changed=0" in second_run.stdout, second_run.stdout
    assert stage.built_rpms() == first

    stage.stock(*kernel(OLD), *kernel(NEW))
    stage.drivers = stage.drivers[1:]  # remove gm
    dry_run = stage.rebuild("--check")
    assert dry_run.returncode == 0, dry_run.stdout
    assert stage.built_rpms() == first
    result = stage.rebuild()
    assert result.returncode == 0, result.stdout
    second = stage.built_rpms()
    assert list(second) == [rpm_name("myri", NEW)]  # only the newest kernel is chosen
    published = stage.published_drivers()
    assert len(published) == 1

    stage.source("myri", "not C\n")
    result = stage.rebuild()
    assert result.returncode != 0
    assert "myri.c" in result.stdout
    assert (stage.published_drivers(), stage.built_rpms()) == (published, second)


def test_an_error_contains_the_path_of_missing_sources(stage: Stage) -> None:
    stage.stock(*kernel(OLD))
    stage.drivers = [{"name": "myri", "version": "1.2", "source": "/nonexistent/myri.tar.gz"}]
    result = stage.rebuild()
    assert result.returncode != 0
    assert "/nonexistent/myri.tar.gz does not exist; nothing was changed" in " ".join(
        result.stdout.split()
    )


@pytest.mark.parametrize("name", ["../../precious", "", ".", "a/b"])
def test_a_name_that_is_a_path_is_refused_before_anything_is_removed(
    stage: Stage, name: str
) -> None:
    stage.stock(*kernel(OLD))
    stage.source("gm", "int gm(void) { return 0; }\n")
    precious = stage.root.parent / "precious"
    precious.mkdir()
    stage.drivers[0]["name"] = name
    result = stage.rebuild()
    assert result.returncode != 0
    assert "is not a valid name of a module" in " ".join(result.stdout.split())
    assert precious.is_dir()
