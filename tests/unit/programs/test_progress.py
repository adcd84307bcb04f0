"""The progress program: how it reads logs, stores keys and counts hardware."""

from __future__ import annotations

import ast
import contextlib
import pathlib
import socket
import threading
from typing import Iterator

import progress
import pytest
from progress import tail

from support.ansible import ROOT

PROGRAMS = sorted((ROOT / "xml" / "programs").glob("*.py"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.name)
def test_python_3_6_can_parse_the_program(program: pathlib.Path) -> None:
    ast.parse(program.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_the_last_lines_of_the_logs_fit_into_one_message(tmp_path: pathlib.Path) -> None:
    for name in ("storage.log", "packaging.log"):
        (tmp_path / name).write_text("x\n" * 10_000 + f"the end of {name}\n", encoding="utf-8")
    text = tail([str(tmp_path / name) for name in ("storage.log", "none.log", "packaging.log")])
    assert "the end of storage.log" in text
    assert text.endswith("the end of packaging.log\n")
    assert len(text) < progress.LOG_CHARACTERS + 200


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("quiet rocks.code=k7wqm-3xh9c inst.text\n", "k7wqm-3xh9c"),
        ("rocks.code=old rocks.code=new", "new"),
        ("rocks.code= quiet", ""),
        ("xrocks.code=other rocks.codes=other", ""),
        ("", ""),
    ],
)
def test_the_code_of_the_order_is_an_argument_of_the_kernel(
    tmp_path: pathlib.Path, line: str, code: str
) -> None:
    path = tmp_path / "cmdline"
    path.write_text(line)
    assert progress.kernel_argument("rocks.code", str(path)) == code


class TestAnswers:
    """What a server sends, if it is not the frontend or is damaged."""

    @contextlib.contextmanager
    def server(self, *parts: bytes) -> Iterator[progress.Frontend]:
        """Send these parts to one client, the last one for as long as it reads."""
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def answer() -> None:
                connection, _address = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(4096)
                    for part in parts[:-1]:
                        connection.sendall(part)
                    while parts[-1]:
                        connection.sendall(parts[-1])

            thread = threading.Thread(target=answer, daemon=True)
            thread.start()
            yield progress.Frontend(f"http://127.0.0.1:{listener.getsockname()[1]}", "order")
            thread.join(timeout=20)
            assert not thread.is_alive()

    def test_an_answer_without_end_is_cut(self) -> None:
        head = b"HTTP/1.0 200 OK\r\n\r\n"
        with (
            self.server(head, b"x" * (1 << 20)) as frontend,
            contextlib.closing(progress.Connection(frontend, 20)) as connection,
            pytest.raises(progress.NoAnswer, match="more than"),
        ):
            connection.post("/rocks/secrets", {})

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("120", 120.0),
            ("\u00b2", 0.0),
            ("\u0663", 0.0),
            ("-1", 0.0),
            ("1e9", 0.0),
            ("9" * 5000, 0.0),
            ("999999999", 3600.0),
            ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0),
            ("", 0.0),
        ],
    )
    def test_only_digits_are_a_time_to_retry(self, header: str, seconds: float) -> None:
        assert progress.retry_seconds(header) == seconds

    def test_a_superscript_is_an_answer_without_a_time(self) -> None:
        answer = b"HTTP/1.0 503 no\r\nRetry-After: \xb2\r\nContent-Length: 0\r\n\r\n"
        with (
            self.server(answer, b"") as frontend,
            contextlib.closing(progress.Connection(frontend, 20)) as connection,
        ):
            assert connection.post("/rocks/events", {}) == progress.Answer(503, b"", 0.0)


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
