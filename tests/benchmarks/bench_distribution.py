"""Builds of 5,000 and 20,000 packages from four sources, next to createrepo_c and mergerepo_c.

Every figure is for a whole process, including the start of Python: CPU seconds, which other
processes influence least, and wall seconds.  A limit applies to the smaller of the two, and to the
best of several turns.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import Any, Callable, NamedTuple

from support.measure import Cost, cost_of, figure

SIZES = (5_000, 20_000)
TURNS = 3
CHANGED = 10
WORKER = pathlib.Path(__file__).with_name("build_distribution.py")
PRIORITIES = {"os": 99, "updates": 98, "contrib": 50, "local": 10}
# Limits for 20,000 packages, in seconds.
COLD = 1.5
INCREMENTAL = 0.3
NOTHING = 0.1
CHILD = 1.0
# In megabytes.
MEMORY = 400
DISK = 25


class Work(NamedTuple):
    """The cost of one of our processes, and its peak memory in MB."""

    cost: Cost
    peak: float


class Bench:
    """A set of packages, and a folder for builds."""

    def __init__(self, scratch: pathlib.Path, size: int) -> None:
        from support.rpmset import write_set

        self.scratch = scratch
        self.set = scratch / "set"
        counts = write_set(self.set, size)
        print(
            f"{size:,} packages:",
            ", ".join(f"{name} {count:,}" for name, count in counts.items()),
            flush=True,
        )
        for name in PRIORITIES:
            program("createrepo_c", "-q", str(self.set / name))

    def sources(self, local: str = "mirror") -> list[dict[str, Any]]:
        """Return the four sources, of which ``local`` is a repository or a folder of RPMs."""
        return [
            {
                "name": name,
                "path": str(self.set / name),
                "priority": priority,
                "type": local if name == "local" else "mirror",
            }
            for name, priority in PRIORITIES.items()
        ]

    def ours(self, what: str, root: str, **options: Any) -> Work:
        """Run one of our processes."""
        peaks: list[float] = []
        argv = [
            sys.executable,
            str(WORKER),
            what,
            str(self.scratch / root),
            json.dumps({"name": "rocks", **options}),
        ]
        cost = cost_of(
            lambda: peaks.append(
                float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
            )
        )
        return Work(cost, peaks[0])

    def change(self, turn: int) -> None:
        """Replace the ten packages of the last turn in the local folder by new versions."""
        from support.rpms import Rpm, write

        folder = self.set / "local" / "Packages" / "changed"
        shutil.rmtree(folder, ignore_errors=True)
        for number in range(CHANGED):
            write(
                Rpm(
                    f"changed-{number}",
                    str(turn),
                    "1",
                    "x86_64",
                    files={f"/usr/bin/changed-{number}": "#!"},
                ),
                folder,
            )


def program(*argv: str) -> Cost:
    bin_ = pathlib.Path(sys.executable).parent
    return cost_of(
        lambda: subprocess.run(
            [str(bin_ / argv[0]), *argv[1:]],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    )


def best(turns: int, run: Callable[[int], Cost]) -> Cost:
    return min((run(turn) for turn in range(turns)), key=lambda cost: min(cost.cpu, cost.wall))


def seconds(what: str, cost: Cost, limit: float | None, compared: str = "") -> bool:
    """Print a figure with CPU and wall seconds, and return whether it is within the limit."""
    return figure(
        what,
        min(cost.cpu, cost.wall),
        "s",
        limit=limit,
        baseline=f"cpu {cost.cpu:.2f}, wall {cost.wall:.2f}{compared}",
    )


def measure(scratch: pathlib.Path, size: int) -> bool:
    bench = Bench(scratch, size)
    strict = size == max(SIZES)
    within = cold(bench, strict)
    within = incremental(bench, strict) and within
    return child(bench, strict) and within


def cold(bench: Bench, strict: bool) -> bool:
    repositories = [word for name in PRIORITIES for word in ("--repo", (bench.set / name).as_uri())]
    options = ["--no-database", "--omit-baseurl", "--method", "nvr", *repositories]

    def mergerepo(turn: int) -> Cost:
        return program("mergerepo_c", *options, "-o", str(bench.scratch / f"mergerepo-{turn}"))

    theirs = best(2, mergerepo)
    bench.ours("merge", "warm", sources=bench.sources())
    runs = [bench.ours("merge", f"merge-{turn}", sources=bench.sources()) for turn in range(TURNS)]
    mine = min((run.cost for run in runs), key=lambda cost: min(cost.cpu, cost.wall))
    within = seconds(
        "cold merge of the newest",
        mine,
        COLD if strict else None,
        f" | mergerepo_c nvr: cpu {theirs.cpu:.2f}, wall {theirs.wall:.2f}",
    )
    closed = best(
        TURNS,
        lambda turn: bench.ours("merge", f"c-{turn}", sources=bench.sources(), closure="warn").cost,
    )
    seconds("the same, with a check of all requirements", closed, None)
    everything = [
        bench.ours("merge", f"all-{turn}", sources=bench.sources(), versions="all")
        for turn in range(2)
    ]
    seconds(
        "cold merge of all versions",
        min((run.cost for run in everything), key=lambda cost: cost.cpu),
        None,
    )
    peak = max(run.peak for run in [*runs, *everything])
    return figure("memory at its peak", peak, "MB", limit=MEMORY if strict else None) and within


def incremental(bench: Bench, strict: bool) -> bool:
    whole = bench.scratch / "whole"
    shutil.copytree(bench.set, whole)
    full = program("createrepo_c", "-q", "--no-database", str(whole))
    first = bench.ours("build", "root", sources=bench.sources("directory"))
    seconds(
        "first build: packages linked, checked, published",
        first.cost,
        None,
        f" | createrepo_c: cpu {full.cpu:.2f}, wall {full.wall:.2f}",
    )

    def change_and_build(root: str, closure: str) -> Callable[[int], Cost]:
        def run(turn: int) -> Cost:
            bench.change(turn + len(closure))
            return bench.ours(
                "build", root, sources=bench.sources("directory"), closure=closure
            ).cost

        return run

    mine = best(TURNS, change_and_build("root", "off"))
    shutil.copytree(bench.set / "local" / "Packages" / "changed", whole / "changed")
    theirs = program("createrepo_c", "-q", "--no-database", "--update", str(whole))
    within = seconds(
        f"{CHANGED} local packages changed, published",
        mine,
        INCREMENTAL if strict else None,
        f" | createrepo_c --update: cpu {theirs.cpu:.2f}, wall {theirs.wall:.2f}",
    )
    bench.ours("build", "root", sources=bench.sources("directory"), closure="warn")
    seconds(
        "the same, with a check of all requirements",
        best(TURNS, change_and_build("root", "warn")),
        None,
    )
    unchanged = best(
        TURNS,
        lambda _turn: (
            bench.ours("build", "root", sources=bench.sources("directory"), closure="warn").cost
        ),
    )
    within = seconds("nothing changed", unchanged, NOTHING if strict else None) and within
    bench.ours("build", "cold", sources=bench.sources("directory"), closure="warn")
    same = metadata(bench.scratch / "root") == metadata(bench.scratch / "cold")
    print(
        f"  {'incremental output equals a cold build':<58} {'yes, byte for byte' if same else 'NO'}"
    )
    return within and same


def child(bench: Bench, strict: bool) -> bool:
    bench.ours("build", "family", sources=bench.sources(), versions="all", name="parent")
    root = bench.scratch / "family"
    before = disk(root)
    folder = bench.set / "local" / "Packages" / "changed"
    sources = [
        {"name": "parent", "type": "parent", "path": str(root / "parent" / "x86_64")},
        {"name": "ours", "type": "directory", "path": str(folder)},
    ]
    work = bench.ours("build", "family", sources=sources, versions="all", name="child")
    used = disk(root) - before
    within = seconds(
        f"child with {CHANGED} packages of its own, published",
        work.cost,
        CHILD if strict else None,
        " | the paper: under a minute",
    )
    return (
        figure(
            "disk space of the child",
            used,
            "MB",
            limit=DISK if strict else None,
            baseline="the paper: 25 MB",
        )
        and within
    )


def metadata(root: pathlib.Path) -> dict[str, bytes]:
    folder = root / "rocks" / "x86_64" / "repodata"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def disk(folder: pathlib.Path) -> float:
    """Return the megabytes below a folder, counting each file once."""
    return (
        float(
            subprocess.run(
                ["du", "-sk", str(folder)], check=True, capture_output=True, text=True
            ).stdout.split()[0]
        )
        / 1024
    )


def main() -> int:
    within = True
    with tempfile.TemporaryDirectory(prefix="rocks-bench-") as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = f"{folder}/compiled"
        for size in SIZES:
            within = measure(pathlib.Path(folder) / str(size), size) and within
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
