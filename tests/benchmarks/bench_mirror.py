# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A mirror of 3,000 small files over loopback nginx, checked and flushed, beside lftp with 10 connections, unchecked.

Runs take turns, each into a folder of its own: ext4 slows down where many files have just been removed.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Callable

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Package, Source
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources.mirror import (
    fetch_packages,
    take_snapshot,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources.signatures import (
    SignedFile,
    check_package_signatures,
)
from support.keys import make_key
from support.measure import figure
from support.nginx import nginx
from support.rpms import Rpm, repository
from support.rpmset import plan

FILES, PACKAGES, TURNS = 3_000, 1_000, 7
NOTHING_NEW = 0.2


def packages_of(folder: pathlib.Path) -> list[Package]:
    """What primary.xml says."""
    import createrepo_c

    found: list[Package] = []
    (primary,) = (folder / "repodata").glob("*-primary.xml.zst")
    createrepo_c.xml_parse_primary(
        str(primary),
        pkgcb=lambda one: found.append(
            Package(
                one.name,
                one.arch,
                int(one.epoch),
                one.version,
                one.release,
                one.pkgId,
                "sha256",
                one.size_package,
                one.location_href,
                "os",
            )
        ),
        do_files=False,
    )
    return found


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def ours(url: str, packages: list[Package], target: pathlib.Path) -> None:
    for name in ("cache", "pool"):
        (target / name).mkdir(parents=True, exist_ok=True)
    taken = take_snapshot(Source("os", url=url), str(target / "cache"))
    fetch_packages(taken, packages, str(target / "pool"))


def lftp(url: str, target: pathlib.Path) -> None:
    subprocess.run(["lftp", "-c", f"mirror --parallel=10 {url}/ {target}"], check=True)


def transfers(scratch: pathlib.Path) -> bool:
    rows = [
        dataclasses.replace(row.rpm, files={"/usr/share/doc/readme": row.rpm.name})
        for row in plan(2 * FILES)
    ]
    folder = repository(scratch / "www", list({rpm.filename: rpm for rpm in rows}.values())[:FILES])
    packages = packages_of(folder)
    size = sum(one.size for one in packages) / 1e6
    print(
        f"mirror: {len(packages):,} files, {size:.0f} MB, loopback nginx; wall seconds, the best of {TURNS} turns"
    )
    with nginx(folder, scratch) as url:
        mine, theirs = [], []
        for turn in range(TURNS):
            mine.append(seconds(functools.partial(ours, url, packages, scratch / f"ours-{turn}")))
            theirs.append(seconds(functools.partial(lftp, url, scratch / f"lftp-{turn}")))
        kept = figure(
            "everything, checked",
            min(mine),
            "s",
            min(theirs),
            f"lftp, unchecked: {min(theirs):.3f} s",
        )
        again = [seconds(lambda: ours(url, packages, scratch / "ours-0")) for _ in range(TURNS)]
        theirs = [seconds(lambda: lftp(url, scratch / "lftp-0")) for _ in range(TURNS)]
        return (
            figure("nothing new", min(again), "s", NOTHING_NEW, f"lftp: {min(theirs):.3f} s")
            and kept
        )


def signed(scratch: pathlib.Path) -> None:
    key = make_key(scratch, "vendor")
    folder = repository(
        scratch / "signed", [Rpm(f"package-{number}") for number in range(PACKAGES)]
    )
    paths = sorted(folder.rglob("*.rpm"))
    key.sign_packages(*paths)
    memory = scratch / "memory"
    memory.mkdir()
    source = Source("os", url="http://localhost", gpg_keys=(str(key.public),))
    rows = [SignedFile(str(path), path.name) for path in paths]
    print(f"signatures: {PACKAGES:,} packages")
    figure(
        "each checked", seconds(lambda: check_package_signatures(source, rows, str(memory))), "s"
    )
    figure(
        "each remembered", seconds(lambda: check_package_signatures(source, rows, str(memory))), "s"
    )


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="rocks-bench-") as folder:
        kept = transfers(pathlib.Path(folder))
        signed(pathlib.Path(folder))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
