# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Control of daemons, and detection of the installed Kea."""

from __future__ import annotations

import json
import pathlib
import socket
import threading
from typing import Any, Callable, Iterator, Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    CommandError,
    DescriptionError,
    NotFound,
    Refused,
    Unavailable,
)
from ansible_collections.npaci.rocks.plugins.module_utils.process import ProgramResult
from ansible_collections.npaci.rocks.plugins.module_utils.reports import services
from ansible_collections.npaci.rocks.plugins.module_utils.reports.dhcp import (
    kea_control,
    kea_report,
)
from ansible_collections.npaci.rocks.plugins.module_utils.reports.dhcp.dnsmasq import DNSMASQ
from ansible_collections.npaci.rocks.plugins.module_utils.reports.services import (
    OPTIONS,
    UNIT,
    Daemon,
)
from support.reports import site

NO_COMMANDS: dict[str, Any] = {verb: [] for verb in OPTIONS}
# The output of -V of Kea 2.2 of Debian 12, and of a Kea without MySQL (2.6 of FreeBSD's ports).
KEA_2_2 = (
    "2.2.0\ntarball\nlinked with:\ndatabase:\n"
    "MySQL backend 14.0, library 3.3.20\nMemfile backend 2.1\n"
)
KEA_PLAIN = "2.6.1 (tarball)\npremium: no\nbackends:\n- Memfile backend 3.0\n"


class Recorder:
    """Records commands instead of running them."""

    def __init__(self, stdout: str = "", fails: bool = False) -> None:
        self.commands: list[list[str]] = []
        self.stdout = stdout
        self.fails = fails

    def __call__(self, argv: Sequence[str], **_options: Any) -> ProgramResult:
        self.commands.append(list(argv))
        if self.fails:
            raise CommandError("failed", argv[0])
        return ProgramResult(0, self.stdout, "", 0.0)


@pytest.fixture
def units(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The only folder of systemd units."""
    monkeypatch.setattr(services, "UNIT_FOLDERS", (str(tmp_path),))
    return tmp_path


def test_commands_use_the_installed_unit(units: pathlib.Path) -> None:
    (units / "isc-dhcp-server.service").touch()
    daemon = Daemon("dhcpd", ("dhcpd", "isc-dhcp-server"), ("systemctl", "restart", UNIT))
    run = Recorder()
    assert daemon.is_running(NO_COMMANDS, run)
    daemon.reload(NO_COMMANDS, run, {})
    assert run.commands == [
        ["systemctl", "is-active", "--quiet", "isc-dhcp-server"],
        ["systemctl", "restart", "isc-dhcp-server"],
    ]


def test_units_generated_from_sysv_scripts_are_used() -> None:
    """Debian's isc-dhcp-server has no unit file, and was not restarted for new nodes."""
    assert "/run/systemd/generator.late" in services.UNIT_FOLDERS


def test_a_site_can_replace_the_commands() -> None:
    run = Recorder()
    options = {"alive": ["true"], "reload": ["sv", "hup", "x"], "start": ["sv", "up", "x"]}
    daemon = Daemon("x", ("x",), ("systemctl", "reload", UNIT))
    assert daemon.is_running(options, run)
    daemon.reload(options, run, {})
    daemon.restart(options, run)
    assert run.commands == [["true"], ["sv", "hup", "x"], ["sv", "up", "x"]]


def test_a_daemon_without_a_unit_is_not_running_and_cannot_be_reloaded(units: pathlib.Path) -> None:
    daemon = Daemon("dhcpd", ("dhcpd", "isc-dhcp-server"), ("systemctl", "restart", UNIT))
    assert not daemon.is_running(NO_COMMANDS, Recorder())
    with pytest.raises(CommandError, match="dhcpd or isc-dhcp-server"):
        daemon.reload(NO_COMMANDS, Recorder(), {})


def test_a_daemon_whose_status_command_fails_is_not_running() -> None:
    assert not Daemon("x", ("x",)).is_running(
        {**NO_COMMANDS, "alive": ["false"]}, Recorder(fails=True)
    )


@pytest.mark.parametrize(
    ("changed", "command"),
    [
        pytest.param({"/hosts": ("a\n", "a\nb\n")}, "reload", id="one more host"),
        pytest.param({"/hosts": ("a\nb\n", "a\n")}, "start", id="a host was removed"),
        pytest.param({"/hosts": ("a 1\n", "a 2\n")}, "start", id="a host was changed"),
        pytest.param({"/hosts": (None, "a\n")}, "start", id="unknown former content"),
        pytest.param(
            {"/conf": ("x\n", "y\n"), "/hosts": ("a\n", "a\nb\n")}, "start", id="configuration"
        ),
        pytest.param({"/names": ("a\n", "b\n")}, "reload", id="names"),
    ],
)
def test_dnsmasq_is_restarted_only_to_drop_state(changed: Any, command: str) -> None:
    run = Recorder()
    options = {
        "path": "/conf",
        "hosts": "/hosts",
        "alive": [],
        "reload": ["reload"],
        "start": ["start"],
    }
    DNSMASQ.reload(options, run, changed)
    assert run.commands == [[command]]


@pytest.fixture
def kea(tmp_path: pathlib.Path) -> Iterator[Callable[[Any], tuple[str, list[Any]]]]:
    """``kea(answer, …)`` listens like Kea, sends these answers, and returns socket and requests."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path = str(tmp_path / "kea.sock")
    requests: list[Any] = []
    listening.bind(path)
    listening.listen()

    def serve(answers: Sequence[Any]) -> None:
        for answer in answers:
            connection, _ = listening.accept()
            with connection:
                requests.append(json.loads(connection.makefile("rb").read()))
                connection.sendall(
                    answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                )

    def start(*answers: Any) -> tuple[str, list[Any]]:
        threading.Thread(target=serve, args=(answers,), daemon=True).start()
        return path, requests

    yield start
    listening.close()


def test_kea_is_reloaded_over_its_socket(kea: Any) -> None:
    path, requests = kea({"result": 0}, {"result": 0})
    options = {**NO_COMMANDS, "socket": path}
    assert kea_control.KEA.is_running(options, Recorder())
    kea_control.KEA.reload(options, Recorder(), {})
    assert requests == [{"command": "version-get"}, {"command": "config-reload"}]


def test_the_error_contains_keas_reason(kea: Any) -> None:
    path, _ = kea({"result": 1, "text": "subnet 10.0.0.0/8: duplicate"})
    with pytest.raises(
        CommandError, match=r"kea-dhcp4 config-reload: subnet 10\.0\.0\.0/8: duplicate"
    ):
        kea_control.KEA.reload({**NO_COMMANDS, "socket": path}, Recorder(), {})


@pytest.mark.parametrize("answer", [b"", b"not JSON"])
def test_an_answer_that_is_not_json_is_an_error(answer: bytes, kea: Any) -> None:
    path, _ = kea(answer)
    with pytest.raises(Unavailable, match="not JSON"):
        kea_control.send_command(path, "version-get")


def test_a_kea_that_does_not_listen_is_not_running(tmp_path: pathlib.Path) -> None:
    options = {**NO_COMMANDS, "socket": str(tmp_path / "nowhere")}
    assert not kea_control.KEA.is_running(options, Recorder())


def test_only_leases_of_reassigned_addresses_are_deleted(kea: Any) -> None:
    leases = [
        {"ip-address": "10.0.0.1", "hw-address": "00:00:00:00:00:01"},  # of its machine
        {"ip-address": "10.0.0.2", "hw-address": "00:00:00:00:00:09"},  # of another machine
        {
            "ip-address": "10.0.0.3",
            "hw-address": "00:00:00:00:00:03",
        },  # of an unknown machine, from a pool
    ]
    path, requests = kea({"result": 0, "arguments": {"leases": leases}}, {"result": 0})
    kea_control.delete_stale_leases(
        path, {"10.0.0.1": "00:00:00:00:00:01", "10.0.0.2": "00:00:00:00:00:02"}
    )
    assert requests[1:] == [{"command": "lease4-del", "arguments": {"ip-address": "10.0.0.2"}}]


@pytest.mark.parametrize("result", [2, 3])
def test_a_kea_without_leases_or_the_command_is_left_alone(result: int, kea: Any) -> None:
    path, requests = kea({"result": result, "text": "no"})
    kea_control.delete_stale_leases(path, {})
    assert len(requests) == 1


def test_kea_2_prints_its_schema() -> None:
    assert kea_control.required_schema(Recorder(KEA_2_2), lambda path: "") == "14.0"


def test_the_schema_of_kea_3_is_read_from_its_script() -> None:
    script = "SET version = '28', minor = '0';\nSET version = '29', minor = '0';\n"
    assert kea_control.required_schema(Recorder(KEA_PLAIN), lambda path: script) == "29.0"


def test_a_kea_without_mysql_is_refused() -> None:
    def missing(path: str) -> str:
        raise NotFound("file not found", path)

    with pytest.raises(DescriptionError, match=r"MySQL.*`source: file`"):
        kea_control.required_schema(Recorder(KEA_PLAIN), missing)


def test_options_that_are_not_set_are_detected() -> None:
    options = {**site("kea").options, "release": "", "socket": "", "account": ""}
    completed = kea_report.complete_options(options, Recorder("3.0.1\n"))
    assert (completed["release"], completed["socket"]) == ("3.0.1", "/run/kea/kea4-ctrl-socket")
    assert completed["account"] in kea_report.USERS and "password" not in completed
    assert (
        kea_report.complete_options(site("kea").options, Recorder("3.0.1\n"))["release"] == "2.2.0"
    )


@pytest.mark.parametrize("line", ["password = s3cret", "password='s3cret'", 'password="s3cret"'])
def test_a_password_is_read_from_an_option_file(line: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "kea.cnf").write_text(f"[client]\n{line}\n")
    (tmp_path / "kea.cnf").chmod(0o640)
    options = {**site("kea").options, "credentials": str(tmp_path / "kea.cnf")}
    assert kea_report.complete_options(options, Recorder())["password"] == "s3cret"


@pytest.mark.parametrize(
    ("text", "mode", "kind"),
    [
        pytest.param("[client]\npassword = s3cret\n", 0o644, Refused, id="readable by all"),
        pytest.param("[client]\nuser = kea\n", 0o600, DescriptionError, id="no password"),
        pytest.param("password = s3cret\n", 0o600, DescriptionError, id="no section"),
    ],
)
def test_an_unsafe_or_incomplete_option_file_is_refused(
    text: str, mode: int, kind: type[Exception], tmp_path: pathlib.Path
) -> None:
    (tmp_path / "kea.cnf").write_text(text)
    (tmp_path / "kea.cnf").chmod(mode)
    with pytest.raises(kind) as refused:
        kea_report.complete_options(
            {**site("kea").options, "credentials": str(tmp_path / "kea.cnf")}, Recorder()
        )
    assert "s3cret" not in str(refused.value)
