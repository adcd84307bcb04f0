"""The programs for nodes, started as a node starts them, on the oldest Python of a supported
release and on this one.

The other tests of this folder import the programs, so that they see one Python only.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
from typing import Iterator, Sequence

import pytest

from support.accounts import ALICE, NODE, Frontend, write
from support.ansible import ROOT
from support.installer_image import oldest, options, version
from support.oldestpython import oldest_python
from support.waiting import until

pytestmark = pytest.mark.programs
PROGRAMS_FOLDER = ROOT / "xml" / "programs"
PROGRAMS = sorted(path.name for path in PROGRAMS_FOLDER.glob("*.py"))
# Other programs import them; they have no command line.
LIBRARIES = (
    "account_merge.py",
    "installer_screen.py",
    "partition_disks.py",
    "partition_layout.py",
    "partition_places.py",
)
SECONDS = 30
LAYOUT = """
/                  RK_ROOT    xfs   330
swap               RK_SWAP    swap   20
/state/partition1  RK_STATE1  xfs    30 grow keep
"""
COLUMNS = [
    row.option.partition("=")[2]
    for row in options().values()
    if row.program == "lsblk" and "=" in row.option and version(row.known_in) <= oldest(row.package)
]
# Prints like EL 8's lsblk: unknown columns are an error, and JSON has sizes and flags as texts.
LSBLK = """#!{python}
import json, sys
columns = sys.argv[sys.argv.index("--output") + 1].split(",")
for column in columns:
    if column not in {known!r}:
        sys.exit("lsblk: unknown column: " + column)
names = dict(name="sda", kname="sda", tran="sata", wwn="w", serial="s")
disk = dict(names, type="disk", size=str(1 << 40), ro="0", rm="0", mountpoint=None)
parts = []
for n in {numbers!r}:
    parts.append(dict(disk, name="sda%d" % n, kname="sda%d" % n, type="part", tran=None))
print(json.dumps({{"blockdevices": [dict(disk, children=parts) if parts else disk]}}))
"""
BLKID = """#!{python}
import sys
signatures = {signatures!r}.get(sys.argv[-1])
print(signatures or "")
sys.exit(0 if signatures else 2)
"""
INSTALLED = {
    "/dev/sda": "PTTYPE=gpt",
    "/dev/sda1": "PART_ENTRY_TYPE=21686148-6449-6e6f-744e-656564454649",
    "/dev/sda2": "LABEL=RK_ROOT\nTYPE=xfs",
    "/dev/sda3": "LABEL=RK_SWAP\nTYPE=swap",
    "/dev/sda4": "LABEL=RK_STATE1\nTYPE=xfs",
}


@pytest.fixture(params=["oldest", "this"])
def python(request: pytest.FixtureRequest) -> str:
    """Return an interpreter's path."""
    return oldest_python() if request.param == "oldest" else sys.executable


def run(
    python: str, program: str, *words: str, path: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    env = {
        "PATH": ":".join([*path, os.environ["PATH"]]),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    argv = [python, str(PROGRAMS_FOLDER / program), *words]
    return subprocess.run(
        argv, capture_output=True, text=True, timeout=SECONDS, check=False, env=env
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_starts(python: str, program: str) -> None:
    ended = run(python, program, *([] if program in LIBRARIES else ["--help"]))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert program in LIBRARIES or "usage:" in ended.stdout


def read_disks(
    python: str, folder: pathlib.Path, signatures: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the partition program with EL 8's lsblk and one disk."""
    numbers = sorted(int(device[-1]) for device in signatures if device[-1].isdigit())
    for name, text in (("lsblk", LSBLK), ("blkid", BLKID)):
        (folder / name).write_text(
            text.format(python=python, known=COLUMNS, numbers=numbers, signatures=signatures)
        )
        (folder / name).chmod(0o755)
    (folder / "layout").write_text(LAYOUT)
    words = (
        "--layout",
        str(folder / "layout"),
        "--output",
        str(folder / "partition.ks"),
        "--firmware",
        "bios",
    )
    return run(python, "partition.py", *words, path=[str(folder)])


def test_partition_reads_disks_with_the_oldest_lsblk(python: str, tmp_path: pathlib.Path) -> None:
    ended = read_disks(python, tmp_path, INSTALLED)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "reuse\n", "")
    assert (
        "part /state/partition1 --onpart=sda4 --noformat" in (tmp_path / "partition.ks").read_text()
    )
    refused = read_disks(python, tmp_path, {"/dev/sda": "TYPE=ext4"})
    assert (refused.returncode, "sda contains ext4" in refused.stderr) == (1, True)


def progress(python: str, *words: str) -> subprocess.CompletedProcess[str]:
    return run(python, "progress.py", "--url", "http://127.0.0.1:1", "--order", "one", *words)


@pytest.mark.parametrize(
    "words",
    [
        ("report", "installed"),
        ("report", "failed", "--log", os.devnull),
        ("hardware",),
        ("secrets", "--into", "/nonexistent"),
    ],
    ids=lambda words: words[0],
)
def test_a_silent_frontend_gives_exit_status_5(python: str, words: tuple[str, ...]) -> None:
    ended = progress(python, *words, "--seconds", "0.1")
    assert (ended.returncode, "no answer" in ended.stderr) == (5, True), ended.stderr


def test_watch_follows_the_installers_screen_to_its_end(
    python: str, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "screen").write_text("Installing bash.x86_64 (1/2)\nInstallation complete\n")
    words = ("watch", "--new-session", "--screen", str(tmp_path / "screen"))
    ended = run(python, "installation.py", "--url", "http://127.0.0.1:1", "--order", "one", *words)
    assert (ended.returncode, "no answer" in ended.stderr) == (0, True), ended.stderr


@contextlib.contextmanager
def console(python: str, *words: str) -> Iterator[tuple[int, int]]:
    """Start the console program, and yield its port and its process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    argv = [
        python,
        str(PROGRAMS_FOLDER / "console.py"),
        "--bind",
        "127.0.0.1",
        "--port",
        str(port),
        *words,
    ]
    process = subprocess.Popen(argv, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    try:
        until(lambda: listens(port), SECONDS, "the console to listen")
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_console_greets_every_client(python: str) -> None:
    with (
        console(python, "--socket", "unused", "--session", "none") as (port, _pid),
        socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as watcher,
    ):
        shown = b""
        while b"watching" not in shown:
            shown += watcher.recv(4096)


def test_new_session_starts_a_session(python: str) -> None:
    with console(python) as (_port, pid):
        assert os.getsid(pid) == os.getsid(0)
    with console(python, "--new-session") as (_port, pid):
        assert os.getsid(pid) == pid


# tmux of EL 8 and of EL 10: the option that keeps a small window from shrinking the screen is known
# from 3.2 on.
@pytest.mark.parametrize(
    ("version", "flags"), [("tmux 2.7", ["-r"]), ("tmux 3.3a", ["-r", "-f", "ignore-size"])]
)
def test_tmux_gets_only_flags_that_its_version_supports(
    python: str, version: str, flags: list[str], tmp_path: pathlib.Path
) -> None:
    (tmp_path / "tmux").write_text(f"#!/bin/sh\necho '{version}'\n")
    (tmp_path / "tmux").chmod(0o755)
    code = "import console, json; print(json.dumps(console.watching_flags()))"
    env = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(PROGRAMS_FOLDER),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    ended = subprocess.run(
        [python, "-c", code], capture_output=True, text=True, check=True, env=env, timeout=SECONDS
    )
    assert json.loads(ended.stdout) == flags


def test_accounts_applies_a_bundle(python: str, tmp_path: pathlib.Path) -> None:
    frontend = Frontend(tmp_path / "frontend")
    frontend.publish(ALICE)
    write(tmp_path / "node" / "etc", NODE)
    words = (
        "--key",
        str(frontend.public),
        "--root",
        str(tmp_path / "node"),
        "apply",
        frontend.paths.bundle,
    )
    assert run(python, "accounts.py", *words).returncode == 0
    assert ALICE.passwd in (tmp_path / "node" / "etc" / "passwd").read_text()
    again = run(python, "accounts.py", *words)
    assert (again.returncode, again.stdout) == (0, "nothing to do\n")
