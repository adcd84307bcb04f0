# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How daemons are spoken with, and what the installed Kea is asked."""

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
# What Kea 2.2 of Debian 12, and a Kea without the back end (2.6 of FreeBSD's ports), say to -V.
KEA_2_2 = "2.2.0\ntarball\nlinked with:\ndatabase:\nMySQL backend 14.0, library 3.3.20\nMemfile backend 2.1\n"
KEA_PLAIN = "2.6.1 (tarball)\npremium: no\nbackends:\n- Memfile backend 3.0\n"


class Recorded:
    """Runs nothing; keeps what was to be run."""

    def __init__(self, stdout: str = "", fails: bool = False) -> None:
        self.ran: list[list[str]] = []
        self.stdout, self.fails = stdout, fails

    def __call__(self, argv: Sequence[str], **_how: Any) -> ProgramResult:
        self.ran.append(list(argv))
        if self.fails:
            raise CommandError("its words", argv[0])
        return ProgramResult(0, self.stdout, "", 0.0)


@pytest.fixture
def units(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A folder of systemd units, and no other."""
    monkeypatch.setattr(services, "UNIT_FOLDERS", (str(tmp_path),))
    return tmp_path


def test_a_daemon_is_spoken_with_by_the_unit_that_is_installed(units: pathlib.Path) -> None:
    (units / "isc-dhcp-server.service").touch()
    daemon, run = (
        Daemon("dhcpd", ("dhcpd", "isc-dhcp-server"), ("systemctl", "restart", UNIT)),
        Recorded(),
    )
    assert daemon.is_running(NO_COMMANDS, run)
    daemon.reload(NO_COMMANDS, run, {})
    assert run.ran == [
        ["systemctl", "is-active", "--quiet", "isc-dhcp-server"],
        ["systemctl", "restart", "isc-dhcp-server"],
    ]


def test_a_unit_that_systemd_made_of_an_old_script_is_one() -> None:
    """Debian's isc-dhcp-server has no unit file of its own, and was not restarted for new nodes."""
    assert "/run/systemd/generator.late" in services.UNIT_FOLDERS


def test_a_site_may_say_other_commands() -> None:
    run, options = (
        Recorded(),
        {"alive": ["true"], "reload": ["sv", "hup", "x"], "start": ["sv", "up", "x"]},
    )
    daemon = Daemon("x", ("x",), ("systemctl", "reload", UNIT))
    assert daemon.is_running(options, run)
    daemon.reload(options, run, {})
    daemon.restart(options, run)
    assert run.ran == [["true"], ["sv", "hup", "x"], ["sv", "up", "x"]]


def test_a_daemon_without_a_unit_does_not_run_and_cannot_be_told(units: pathlib.Path) -> None:
    daemon = Daemon("dhcpd", ("dhcpd", "isc-dhcp-server"), ("systemctl", "restart", UNIT))
    assert not daemon.is_running(NO_COMMANDS, Recorded())
    with pytest.raises(CommandError, match="no unit dhcpd or isc-dhcp-server is installed"):
        daemon.reload(NO_COMMANDS, Recorded(), {})


def test_a_daemon_whose_command_fails_does_not_run() -> None:
    assert not Daemon("x", ("x",)).is_running(
        {**NO_COMMANDS, "alive": ["false"]}, Recorded(fails=True)
    )


@pytest.mark.parametrize(
    ("changed", "verb"),
    [
        pytest.param({"/hosts": ("a\n", "a\nb\n")}, "reload", id="one more host"),
        pytest.param({"/hosts": ("a\nb\n", "a\n")}, "start", id="one host is gone"),
        pytest.param({"/hosts": ("a 1\n", "a 2\n")}, "start", id="a host is another"),
        pytest.param({"/hosts": (None, "a\n")}, "start", id="nobody knows what it was"),
        pytest.param(
            {"/conf": ("x\n", "y\n"), "/hosts": ("a\n", "a\nb\n")}, "start", id="configuration"
        ),
        pytest.param({"/names": ("a\n", "b\n")}, "reload", id="names"),
    ],
)
def test_dnsmasq_is_started_again_only_when_it_has_to_forget(changed: Any, verb: str) -> None:
    run = Recorded()
    options = {
        "path": "/conf",
        "hosts": "/hosts",
        "alive": [],
        "reload": ["reload"],
        "start": ["start"],
    }
    DNSMASQ.reload(options, run, changed)
    assert run.ran == [[verb]]


@pytest.fixture
def kea(tmp_path: pathlib.Path) -> Iterator[Callable[[Any], tuple[str, list[Any]]]]:
    """``kea(answer, …)`` listens as Kea does and gives these answers; its socket, and what it was asked."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path, asked = str(tmp_path / "kea.sock"), []
    listening.bind(path)
    listening.listen()

    def serve(answers: Sequence[Any]) -> None:
        for answer in answers:
            connection, _ = listening.accept()
            with connection:
                asked.append(json.loads(connection.makefile("rb").read()))
                connection.sendall(
                    answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                )

    def start(*answers: Any) -> tuple[str, list[Any]]:
        threading.Thread(target=serve, args=(answers,), daemon=True).start()
        return path, asked

    yield start
    listening.close()


def test_kea_is_told_over_its_socket(kea: Any) -> None:
    path, asked = kea({"result": 0}, {"result": 0})
    options = {**NO_COMMANDS, "socket": path}
    assert kea_control.KEA.is_running(options, Recorded())
    kea_control.KEA.reload(options, Recorded(), {})
    assert asked == [{"command": "version-get"}, {"command": "config-reload"}]


def test_keas_refusal_is_its_own_words(kea: Any) -> None:
    path, _ = kea({"result": 1, "text": "subnet 10.0.0.0/8: duplicate"})
    with pytest.raises(
        CommandError, match=r"kea-dhcp4 config-reload: subnet 10\.0\.0\.0/8: duplicate"
    ):
        kea_control.KEA.reload({**NO_COMMANDS, "socket": path}, Recorded(), {})


@pytest.mark.parametrize("answer", [b"", b"not JSON"])
def test_an_answer_that_is_none_is_told_as_that(answer: bytes, kea: Any) -> None:
    path, _ = kea(answer)
    with pytest.raises(Unavailable, match="Kea answered"):
        kea_control.send_command(path, "version-get")


def test_a_kea_that_does_not_listen_does_not_run(tmp_path: pathlib.Path) -> None:
    options = {**NO_COMMANDS, "socket": str(tmp_path / "nowhere")}
    assert not kea_control.KEA.is_running(options, Recorded())


def test_only_leases_of_addresses_that_changed_hands_are_forgotten(kea: Any) -> None:
    leases = [
        {"ip-address": "10.0.0.1", "hw-address": "00:00:00:00:00:01"},  # its own
        {"ip-address": "10.0.0.2", "hw-address": "00:00:00:00:00:09"},  # another's
        {"ip-address": "10.0.0.3", "hw-address": "00:00:00:00:00:03"},  # nobody's, as from a pool
    ]
    path, asked = kea({"result": 0, "arguments": {"leases": leases}}, {"result": 0})
    kea_control.delete_stale_leases(
        path, {"10.0.0.1": "00:00:00:00:00:01", "10.0.0.2": "00:00:00:00:00:02"}
    )
    assert asked[1:] == [{"command": "lease4-del", "arguments": {"ip-address": "10.0.0.2"}}]


@pytest.mark.parametrize("result", [2, 3])
def test_a_kea_without_leases_or_without_the_command_has_nothing_to_forget(
    result: int, kea: Any
) -> None:
    path, asked = kea({"result": result, "text": "no"})
    kea_control.delete_stale_leases(path, {})
    assert len(asked) == 1


def test_kea_2_tells_the_schema_that_it_demands() -> None:
    assert kea_control.required_schema(Recorded(KEA_2_2), lambda path: "") == "14.0"


def test_kea_3_has_it_in_the_script_beside_it() -> None:
    script = "SET version = '28', minor = '0';\nSET version = '29', minor = '0';\n"
    assert kea_control.required_schema(Recorded(KEA_PLAIN), lambda path: script) == "29.0"


def test_a_kea_without_the_back_end_is_told_in_one_sentence() -> None:
    def nothing(path: str) -> str:
        raise NotFound("no such file", path)

    with pytest.raises(
        DescriptionError, match="the installed Kea has no MySQL back end; say `source: file`"
    ):
        kea_control.required_schema(Recorded(KEA_PLAIN), nothing)


def test_what_only_the_machine_can_say_is_looked_up_unless_it_is_said() -> None:
    said = {**site("kea").options, "release": "", "socket": "", "account": ""}
    found = kea_report.complete_options(said, Recorded("3.0.1\n"))
    assert (found["release"], found["socket"]) == ("3.0.1", "/var/run/kea/kea4-ctrl-socket")
    assert found["account"] in kea_report.USERS and "password" not in found
    assert (
        kea_report.complete_options(site("kea").options, Recorded("3.0.1\n"))["release"] == "2.2.0"
    )


@pytest.mark.parametrize("line", ["password = s3cret", "password='s3cret'", 'password="s3cret"'])
def test_a_password_is_read_from_an_option_file(line: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "kea.cnf").write_text(f"[client]\n{line}\n")
    (tmp_path / "kea.cnf").chmod(0o640)
    said = {**site("kea").options, "credentials": str(tmp_path / "kea.cnf")}
    assert kea_report.complete_options(said, Recorded())["password"] == "s3cret"


@pytest.mark.parametrize(
    ("text", "mode", "kind"),
    [
        pytest.param("[client]\npassword = s3cret\n", 0o644, Refused, id="everyone may read it"),
        pytest.param("[client]\nuser = kea\n", 0o600, DescriptionError, id="no password"),
        pytest.param("password = s3cret\n", 0o600, DescriptionError, id="no section"),
    ],
)
def test_a_file_that_is_no_safe_option_file_is_refused(
    text: str, mode: int, kind: type[Exception], tmp_path: pathlib.Path
) -> None:
    (tmp_path / "kea.cnf").write_text(text)
    (tmp_path / "kea.cnf").chmod(mode)
    with pytest.raises(kind) as refused:
        kea_report.complete_options(
            {**site("kea").options, "credentials": str(tmp_path / "kea.cnf")}, Recorded()
        )
    assert "s3cret" not in str(refused.value)
