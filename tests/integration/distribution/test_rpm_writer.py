# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packages of the tests' own writer are valid for rpm and dnf, which other tests rely on."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support.dnf import dnf
from support.rpms import BUILD_TIME, Change, Link, Rpm, image, repository, write

BASE = Rpm(
    "base-files",
    "1.0~rc1",
    "1.el9",
    arch="x86_64",
    files={
        "/etc/motd": "hello\n",
        "/usr/bin/": "",
        "/usr/bin/hello": "#!/bin/sh\n",
        "/bin": Link("usr/bin"),
    },
    changelog=[Change(BUILD_TIME, "A Packager <a@example.org>", "- first")],
    scriptlets={"post": "-- lua\nio.open('/post-ran', 'w'):close()"},
)
PACKAGES = [
    BASE,
    Rpm(
        "app",
        "2.0^git1",
        "3",
        epoch=1,
        requires=["base-files >= 1.0~rc1-1", "(lib or base-files)"],
        padding=5000,
    ),
    Rpm(
        "lib",
        arch="i686",
        provides=["libfoo.so.1"],
        obsoletes=["old < 3"],
        conflicts=["bad"],
        recommends=["app"],
    ),
    Rpm("app", "2.0", arch="x86_64", source=True, files={"/app.spec": "Name: app"}),
    Rpm(
        "shell",
        scriptlets={"pre": "exit 0", "post": "exit 0", "preun": "exit 0", "postun": "exit 0"},
    ),
    Rpm("bare"),
]


@pytest.mark.parametrize("rpm", PACKAGES, ids=lambda rpm: rpm.filename)
def test_every_digest_of_a_written_package_is_right(rpm: Rpm, tmp_path: pathlib.Path) -> None:
    lines = process.run(
        ["rpmkeys", "-Kv", str(write(rpm, tmp_path))], timeout=30
    ).stdout.splitlines()[1:]
    assert [line.split()[-1] for line in lines] == ["OK"] * 4


def test_rpm_reads_the_described_relations(tmp_path: pathlib.Path) -> None:
    path = str(write(PACKAGES[2], tmp_path))
    obsoletes = "[%{obsoletes} %{obsoleteflags:depflags} %{obsoleteversion}]"
    tags = f"%{{nevra}}|{obsoletes}|%{{conflicts}}|%{{recommends}}|[%{{provides}} ]"
    output = process.run(["rpm", "-qp", "--qf", tags, path], timeout=30).stdout
    assert output == "lib-1.0-1.i686|old < 3|bad|app|lib lib(x86-32) libfoo.so.1 "


def test_the_same_description_gives_the_same_bytes() -> None:
    assert [image(rpm) for rpm in PACKAGES] == [image(rpm) for rpm in PACKAGES]


def test_dnf_installs_written_packages_into_a_root(tmp_path: pathlib.Path) -> None:
    upstream = repository(tmp_path / "upstream", PACKAGES)
    root = tmp_path / "root"
    dnf(tmp_path / "dnf", {"os": upstream.as_uri()}, f"--installroot={root}", "install", "app")
    assert (root / "etc/motd").read_text() == "hello\n"
    assert (root / "post-ran").exists()
    assert process.run(["rpm", "--root", str(root), "-Va"], timeout=60).stdout == ""
