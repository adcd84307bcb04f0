"""Distributions of 5,000 and 20,000 packages from four sources, beside createrepo_c and mergerepo_c.

Every figure is of a whole process, Python's start included: CPU seconds, which a neighbour's noise inflates least, and
wall seconds.  A limit holds for the smaller of the two, the best of some turns.
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
# Seconds, megabytes; the figures, which are for 20,000 packages.
COLD, INCREMENTAL, NOTHING, CHILD, MEMORY, DISK = 1.5, 0.3, 0.1, 1.0, 400, 25


class Work(NamedTuple):
    """What a process of ours did, and the most memory that it had, in MB."""

    cost: Cost
    peak: float


class Bench:
    """A set of packages, and where things are built from it."""

    def __init__(self, scratch: pathlib.Path, size: int) -> None:
        from support.rpmset import write_set

        self.scratch, self.set = scratch, scratch / "set"
        counts = write_set(self.set, size)
        print(
            f"{size:,} packages: {', '.join(f'{name} {count:,}' for name, count in counts.items())}",
            flush=True,
        )
        for name in PRIORITIES:
            program("createrepo_c", "-q", str(self.set / name))

    def sources(self, local: str = "mirror") -> list[dict[str, Any]]:
        """The four sources; the local one with its metadata, or as a folder of RPMs."""
        return [
            {"name": name, "path": str(self.set / name), "priority": priority,
             "type": local if name == "local" else "mirror"}
            for name, priority in PRIORITIES.items()
        ]  # fmt: skip

    def ours(self, what: str, root: str, **asked: Any) -> Work:
        """One process of ours."""
        peaks: list[float] = []
        argv = [
            sys.executable,
            str(WORKER),
            what,
            str(self.scratch / root),
            json.dumps({"name": "rocks", **asked}),
        ]
        cost = cost_of(
            lambda: peaks.append(
                float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
            )
        )
        return Work(cost, peaks[0])

    def change(self, turn: int) -> None:
        """Put ten new versions into the local folder in place of the last turn's."""
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


def told(what: str, cost: Cost, limit: float | None, beside: str = "") -> bool:
    """One figure with its two kinds of seconds."""
    return figure(
        what,
        min(cost.cpu, cost.wall),
        "s",
        limit,
        f"cpu {cost.cpu:.2f}, wall {cost.wall:.2f}{beside}",
    )


def measure(scratch: pathlib.Path, size: int) -> bool:
    bench = Bench(scratch, size)
    strict = size == max(SIZES)
    kept = cold(bench, strict)
    kept = incremental(bench, strict) and kept
    return child(bench, strict) and kept


def cold(bench: Bench, strict: bool) -> bool:
    repositories = [word for name in PRIORITIES for word in ("--repo", (bench.set / name).as_uri())]
    theirs = best(
        2, lambda turn: program("mergerepo_c", "--no-database", "--omit-baseurl", "--method", "nvr", *repositories,
                                "-o", str(bench.scratch / f"mergerepo-{turn}"))
    )  # fmt: skip
    bench.ours("merge", "warm", sources=bench.sources())
    runs = [bench.ours("merge", f"merge-{turn}", sources=bench.sources()) for turn in range(TURNS)]
    mine = min((run.cost for run in runs), key=lambda cost: min(cost.cpu, cost.wall))
    kept = told(
        "cold merge of the newest",
        mine,
        COLD if strict else None,
        f" | mergerepo_c nvr: cpu {theirs.cpu:.2f}, wall {theirs.wall:.2f}",
    )
    closed = best(
        TURNS,
        lambda turn: bench.ours("merge", f"c-{turn}", sources=bench.sources(), closure="warn").cost,
    )
    told("the same, and its closure checked", closed, None)
    everything = [
        bench.ours("merge", f"all-{turn}", sources=bench.sources(), versions="all")
        for turn in range(2)
    ]
    told(
        "cold merge of all versions",
        min((run.cost for run in everything), key=lambda cost: cost.cpu),
        None,
    )
    peak = max(run.peak for run in [*runs, *everything])
    return figure("memory at its peak", peak, "MB", MEMORY if strict else None) and kept


def incremental(bench: Bench, strict: bool) -> bool:
    whole = bench.scratch / "whole"
    shutil.copytree(bench.set, whole)
    full = program("createrepo_c", "-q", "--no-database", str(whole))
    first = bench.ours("build", "root", sources=bench.sources("directory"))
    told(
        "first build: packages linked, checked, published",
        first.cost,
        None,
        f" | createrepo_c: cpu {full.cpu:.2f}, wall {full.wall:.2f}",
    )

    def turn_of(root: str, closure: str) -> Callable[[int], Cost]:
        def run(turn: int) -> Cost:
            bench.change(turn + len(closure))
            return bench.ours(
                "build", root, sources=bench.sources("directory"), closure=closure
            ).cost

        return run

    mine = best(TURNS, turn_of("root", "off"))
    shutil.copytree(bench.set / "local" / "Packages" / "changed", whole / "changed")
    theirs = program("createrepo_c", "-q", "--no-database", "--update", str(whole))
    kept = told(
        f"{CHANGED} local packages changed, published", mine, INCREMENTAL if strict else None,
        f" | createrepo_c --update: cpu {theirs.cpu:.2f}, wall {theirs.wall:.2f}",
    )  # fmt: skip
    bench.ours("build", "root", sources=bench.sources("directory"), closure="warn")
    told("the same, and its closure checked", best(TURNS, turn_of("root", "warn")), None)
    again = best(
        TURNS,
        lambda _turn: (
            bench.ours("build", "root", sources=bench.sources("directory"), closure="warn").cost
        ),
    )
    kept = told("nothing changed", again, NOTHING if strict else None) and kept
    bench.ours("build", "cold", sources=bench.sources("directory"), closure="warn")
    same = metadata(bench.scratch / "root") == metadata(bench.scratch / "cold")
    print(
        f"  {'incremental output equals a cold build':<58} {'yes, byte for byte' if same else 'NO'}"
    )
    return kept and same


def child(bench: Bench, strict: bool) -> bool:
    bench.ours("build", "family", sources=bench.sources(), versions="all", name="parent")
    root = bench.scratch / "family"
    before = disk(root)
    folder = bench.set / "local" / "Packages" / "changed"
    sources = [
        {"name": "parent", "type": "parent", "path": str(root / "parent" / "x86_64")},
        {"name": "ours", "type": "directory", "path": str(folder)},
    ]
    one = bench.ours("build", "family", sources=sources, versions="all", name="child")
    used = disk(root) - before
    kept = told(
        f"a child with {CHANGED} packages of its own, published",
        one.cost,
        CHILD if strict else None,
        " | the paper: under a minute",
    )
    return (
        figure(
            "what it takes on the disk", used, "MB", DISK if strict else None, "the paper: 25 MB"
        )
        and kept
    )


def metadata(root: pathlib.Path) -> dict[str, bytes]:
    folder = root / "rocks" / "x86_64" / "repodata"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def disk(folder: pathlib.Path) -> float:
    """Megabytes below a folder, each file once."""
    return (
        float(
            subprocess.run(
                ["du", "-sk", str(folder)], check=True, capture_output=True, text=True
            ).stdout.split()[0]
        )
        / 1024
    )


def main() -> int:
    kept = True
    with tempfile.TemporaryDirectory(prefix="rocks-bench-") as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = f"{folder}/compiled"
        for size in SIZES:
            kept = measure(pathlib.Path(folder) / str(size), size) and kept
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
