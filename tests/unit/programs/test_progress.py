"""The progress program: how it reads the screen, when it sends, and how it counts hardware."""

from __future__ import annotations

import ast
import pathlib
from typing import Any

import progress
import pytest
from hypothesis import given
from hypothesis import strategies as st
from progress import Pace, new_lines, recognise, tail

from support.ansible import ROOT

PROGRAMS = sorted((ROOT / "xml" / "include").glob("*.py"))
INSTALL = {
    "phase": "install",
    "message": "Installing bash.x86_64 (133/400)",
    "done": 133,
    "total": 400,
}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_python_3_6_can_parse_the_program(program: pathlib.Path) -> None:
    ast.parse(program.read_text(encoding="utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("Setting up the installation environment", {"phase": "setup"}),
        ("Starting automated install..", {"phase": "setup"}),
        ("Creating disklabel on /dev/sda", {"phase": "format"}),
        ("Creating xfs on /dev/sda2", {"phase": "format"}),
        ("Downloading packages", {"phase": "download"}),
        (
            "Downloading 412 RPMs, 61 MiB / 223 MiB (27%) done.",
            {"phase": "download", "done": 27, "total": 100},
        ),
        ("Starting package installation process", {"phase": "install"}),
        ("Installing bash.x86_64 (133/400)", {"phase": "install", "done": 133, "total": 400}),
        ("Configuring kernel-core.x86_64", {"phase": "posttrans"}),
        ("Verifying bash.x86_64 (7/400)", {"phase": "posttrans", "done": 7, "total": 400}),
        ("Performing post-installation setup tasks", {"phase": "posttrans"}),
        ("Installing boot loader", {"phase": "bootloader"}),
        ("Configuring installed system", {"phase": "configure"}),
        ("Generating initramfs", {"phase": "configure"}),
        ("Running post-installation scripts", {"phase": "post"}),
        ("Installation complete.  Press ENTER to quit", {"phase": "end"}),
        (
            "There was an error running the kickstart script at line 12.  This is a fatal error",
            {"phase": "failed"},
        ),
    ],
)
def test_lines_of_the_installer_are_phases(line: str, event: dict[str, Any]) -> None:
    assert recognise(line) == {"message": line, **event}


@pytest.mark.parametrize("line", ["", ".", "Welcome to Rocky Linux", "1) [x] Language settings"])
def test_other_lines_are_ignored(line: str) -> None:
    assert recognise(line) is None


@given(st.text())
def test_arbitrary_lines_are_a_phase_or_ignored(line: str) -> None:
    event = recognise(line)
    assert event is None or len(event["message"]) <= progress.MESSAGE_CHARACTERS


def test_a_growing_screen_is_read_without_colours(tmp_path: pathlib.Path) -> None:
    screen = tmp_path / "screen"
    assert new_lines(str(screen), 0, "") == ([], 0, "")
    screen.write_bytes(b"\x1b[1mInstalling ba")
    lines, position, remainder = new_lines(str(screen), 0, "")
    assert (lines, remainder) == ([], "Installing ba")
    with screen.open("ab") as file:
        file.write(b"sh.x86_64 (133/400)\r\n\x1b]0;title\x07next")
    lines, position, remainder = new_lines(str(screen), position, remainder)
    assert lines == ["Installing bash.x86_64 (133/400)", ""]
    assert remainder == "next"


def test_only_the_end_of_a_large_screen_is_read(tmp_path: pathlib.Path) -> None:
    screen = tmp_path / "screen"
    screen.write_bytes(b"x" * (4 * progress.SCREEN_BYTES) + b"\nInstalling boot loader\n")
    lines, position, _remainder = new_lines(str(screen), 0, "")
    assert lines[-1] == "Installing boot loader"
    assert position == screen.stat().st_size


def test_the_last_lines_of_the_logs_fit_into_one_message(tmp_path: pathlib.Path) -> None:
    for name in ("storage.log", "packaging.log"):
        (tmp_path / name).write_text("x\n" * 10_000 + f"the end of {name}\n", encoding="utf-8")
    text = tail([str(tmp_path / name) for name in ("storage.log", "none.log", "packaging.log")])
    assert "the end of storage.log" in text
    assert text.endswith("the end of packaging.log\n")
    assert len(text) < progress.LOG_CHARACTERS + 200


def test_counts_are_sent_once_per_interval_and_new_phases_at_once() -> None:
    pace = Pace(1.0)
    assert pace.may_send(INSTALL, 0.0)
    pace.record_answer(INSTALL, 0.0)
    assert not pace.may_send({**INSTALL, "done": 134}, 0.9)
    assert pace.may_send({"phase": "posttrans", "message": ""}, 0.1)
    assert pace.may_send({**INSTALL, "done": 134}, 1.0)


def test_the_interval_grows_while_the_frontend_does_not_answer() -> None:
    pace = Pace(1.0)
    now = 0.0
    times = []
    while now < 300.0:
        if pace.may_send(INSTALL, now):
            times.append(now)
            pace.record_failure(now)
        now += 0.5
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert gaps[:5] == [2.0, 4.0, 8.0, 16.0, 32.0]
    assert set(gaps[5:]) == {60.0}
    pace.record_answer(INSTALL, now)
    assert pace.may_send(INSTALL, now + 1.0)


def test_retry_after_is_respected() -> None:
    pace = Pace(1.0)
    pace.record_failure(0.0, retry_after=42.0)
    assert not pace.may_send(INSTALL, 41.0)
    assert pace.may_send(INSTALL, 42.0)


def test_the_name_of_a_secret_cannot_lead_out_of_its_folder(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "secrets"
    progress.write_private(str(folder), "../../munge_key", "hush")
    assert [path.name for path in folder.iterdir()] == ["munge_key"]
    assert (folder / "munge_key").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def machine(root: pathlib.Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n", encoding="utf-8")
    return str(root)


def test_hardware_is_counted_as_slurm_requires_it(tmp_path: pathlib.Path) -> None:
    files = {
        "proc/meminfo": "MemTotal:       263174212 kB",
        "sys/class/dmi/id/sys_vendor": "Dell Inc.",
    }
    for cpu in range(8):
        topology = f"sys/devices/system/cpu/cpu{cpu}/topology"
        files[f"{topology}/physical_package_id"] = str(cpu // 4)
        files[f"{topology}/core_id"] = str(cpu % 2)
    files["sys/devices/system/cpu/online"] = "0-7"
    for name, sectors, removable in (("nvme0n1", 1953525168, 0), ("sda", 41943040, 1)):
        files[f"sys/block/{name}/size"] = str(sectors)
        files[f"sys/block/{name}/removable"] = str(removable)
        files[f"sys/block/{name}/device/model"] = "a disk"
    files["sys/block/loop0/size"] = "100000"
    for number, kind, maker in (
        (1, "0x030200", "0x10de"),
        (2, "0x030000", "0x1a03"),
        (3, "0x020000", "0x8086"),
    ):
        files[f"sys/bus/pci/devices/0000:0{number}:00.0/class"] = kind
        files[f"sys/bus/pci/devices/0000:0{number}:00.0/vendor"] = maker
    files["sys/firmware/efi/fw_platform_size"] = "64"
    assert progress.hardware(machine(tmp_path, files)) == {
        **{
            "cpus": 8,
            "sockets": 2,
            "cores": 2,
            "threads": 2,
            "memory": 257006,
            "disk": 953869,
            "gpus": 1,
        },
        **{"vendor": "Dell Inc.", "product": "", "serial": "", "firmware": "uefi"},
    }


def test_missing_kernel_files_count_as_zero(tmp_path: pathlib.Path) -> None:
    assert progress.hardware(str(tmp_path))["cpus"] == 0
