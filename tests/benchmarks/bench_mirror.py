# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A mirror of 3,000 small files over loopback nginx, checked and flushed.

The baseline is lftp with 10 connections, unchecked. Runs take turns, each into a new folder,
because ext4 slows down where many files have just been removed.
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

FILES = 3_000
PACKAGES = 1_000
TURNS = 7
NOTHING_NEW = 0.2


def packages_of(folder: pathlib.Path) -> list[Package]:
    """Return the packages of primary.xml."""
    import createrepo_c

    packages: list[Package] = []
    (primary,) = (folder / "repodata").glob("*-primary.xml.zst")
    createrepo_c.xml_parse_primary(
        str(primary),
        pkgcb=lambda row: packages.append(
            Package(
                row.name,
                row.arch,
                int(row.epoch),
                row.version,
                row.release,
                row.pkgId,
                "sha256",
                row.size_package,
                row.location_href,
                "os",
            )
        ),
        do_files=False,
    )
    return packages


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def ours(url: str, packages: list[Package], target: pathlib.Path) -> None:
    for name in ("cache", "pool"):
        (target / name).mkdir(parents=True, exist_ok=True)
    snapshot = take_snapshot(Source("os", url=url), str(target / "cache"))
    fetch_packages(snapshot, packages, str(target / "pool"))


def lftp(url: str, target: pathlib.Path) -> None:
    subprocess.run(["lftp", "-c", f"mirror --parallel=10 {url}/ {target}"], check=True)


def transfers(scratch: pathlib.Path) -> bool:
    rows = [
        dataclasses.replace(row.rpm, files={"/usr/share/doc/readme": row.rpm.name})
        for row in plan(2 * FILES)
    ]
    folder = repository(scratch / "www", list({rpm.filename: rpm for rpm in rows}.values())[:FILES])
    packages = packages_of(folder)
    size = sum(package.size for package in packages) / 1e6
    print(f"mirror: {len(packages):,} files, {size:.0f} MB, loopback nginx")
    print(f"wall seconds, the best of {TURNS} turns")
    with nginx(folder, scratch) as url:
        our_times = []
        lftp_times = []
        for turn in range(TURNS):
            our_times.append(
                seconds(functools.partial(ours, url, packages, scratch / f"ours-{turn}"))
            )
            lftp_times.append(seconds(functools.partial(lftp, url, scratch / f"lftp-{turn}")))
        within_limit = figure(
            "everything, checked",
            min(our_times),
            "s",
            limit=min(lftp_times),
            baseline=f"lftp, unchecked: {min(lftp_times):.3f} s",
        )
        again = [seconds(lambda: ours(url, packages, scratch / "ours-0")) for _ in range(TURNS)]
        lftp_times = [seconds(lambda: lftp(url, scratch / "lftp-0")) for _ in range(TURNS)]
        return (
            figure(
                "nothing new",
                min(again),
                "s",
                limit=NOTHING_NEW,
                baseline=f"lftp: {min(lftp_times):.3f} s",
            )
            and within_limit
        )


def check_signatures(scratch: pathlib.Path) -> None:
    key = make_key(scratch, "vendor")
    folder = repository(
        scratch / "signed", [Rpm(f"package-{number}") for number in range(PACKAGES)]
    )
    paths = sorted(folder.rglob("*.rpm"))
    key.sign_packages(*paths)
    cache = scratch / "signatures"
    cache.mkdir()
    source = Source("os", url="http://localhost", gpg_keys=(str(key.public),))
    rows = [SignedFile(str(path), path.name) for path in paths]
    print(f"signatures: {PACKAGES:,} packages")
    figure("each checked", seconds(lambda: check_package_signatures(source, rows, str(cache))), "s")
    figure(
        "each from the cache",
        seconds(lambda: check_package_signatures(source, rows, str(cache))),
        "s",
    )


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="rocks-bench-") as folder:
        within_limit = transfers(pathlib.Path(folder))
        check_signatures(pathlib.Path(folder))
    return 0 if within_limit else 1


if __name__ == "__main__":
    sys.exit(main())
