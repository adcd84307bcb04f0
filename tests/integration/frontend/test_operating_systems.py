# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files of the role for other operating systems, checked by the daemons' own checkers.

Debian 12 and 13 and Ubuntu 22.04 and 24.04 are also converged in a container (``make molecule``).
docs/frontend.md lists what was not run.
"""

from __future__ import annotations

import pathlib
import re
from typing import Any

import pytest
import yaml

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support import rendering
from support.rendering import ROLE, System, evaluate_template

SYSTEMS = {
    "EL 9": System("Rocky", "9.4", "RedHat"),
    "EL 10": System("AlmaLinux", "10.0", "RedHat"),
    "Debian 12": System("Debian", "12", "Debian"),
    "Debian 13": System("Debian", "13", "Debian"),
    "Ubuntu 22.04": System("Ubuntu", "22.04", "Debian"),
    "Ubuntu 24.04": System("Ubuntu", "24.04", "Debian"),
}
VARIABLES: dict[str, Any] = {"frontend_private_interface": "eth1"}
CHECK_SECONDS = 30.0


@pytest.fixture(scope="module", params=sorted(SYSTEMS))
def files(request: pytest.FixtureRequest) -> dict[str, str]:
    """Render the files of the role for one of the systems."""
    return rendering.role_files(SYSTEMS[request.param], **VARIABLES)


def test_no_template_expression_remains(files: dict[str, str]) -> None:
    assert len(files) > 25
    for path, text in files.items():
        assert "{{" not in text and "{%" not in text and "__frontend" not in text + path, path


def test_named_accepts_its_configuration(files: dict[str, str], tmp_path: pathlib.Path) -> None:
    text = next(text for text in files.values() if "listen-on-v6" in text)
    # The included files belong to the operating system, or are reports.
    config = tmp_path / "named.conf"
    config.write_text(
        re.sub(r'^\s*include ".*";$', "", text, flags=re.MULTILINE).replace("/var/named", "/tmp")
    )
    process.run(["named-checkconf", str(config)], timeout=CHECK_SECONDS)


def test_rsyslog_accepts_its_configuration(files: dict[str, str], tmp_path: pathlib.Path) -> None:
    (tmp_path / "rocks.conf").write_text(files["/etc/rsyslog.d/rocks.conf"])
    process.run(["rsyslogd", "-N1", "-f", str(tmp_path / "rocks.conf")], timeout=CHECK_SECONDS)


def test_systemd_accepts_all_units_and_drop_ins(
    files: dict[str, str], tmp_path: pathlib.Path
) -> None:
    """An unknown setting is a warning for systemd, and a failure here."""
    units = {path: text for path, text in files.items() if path.startswith("/etc/systemd/system/")}
    assert len(units) >= 10
    for path, text in units.items():
        name = path.removeprefix("/etc/systemd/system/")
        if ".d/" in name:
            name = name.partition(".d/")[0]
            if name.endswith(".service"):
                text = text.replace("[Service]", "[Service]\nExecStart=/bin/true", 1)
            elif name.endswith(".socket"):
                (tmp_path / name.replace(".socket", ".service")).write_text(
                    "[Service]\nExecStart=/bin/true\n"
                )
        text = re.sub(
            r"^(ExecStart|ExecStartPre|ExecStartPost|ExecCondition)=\S.*$",
            r"\1=/bin/true",
            text,
            flags=re.MULTILINE,
        )
        text = re.sub(r"^(User|Group)=.*$", "", text, flags=re.MULTILINE)
        (tmp_path / name).write_text(text)
        for needed in re.findall(r"^Unit=(\S+)$", text, re.MULTILINE):
            (tmp_path / needed).write_text("[Service]\nExecStart=/bin/true\n")
    result = process.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(map(str, tmp_path.iterdir()))],
        timeout=CHECK_SECONDS,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        ok=(0, 1),
    )
    ours = [line for line in (result.stdout + result.stderr).splitlines() if str(tmp_path) in line]
    assert ours == []


def test_no_task_registers_its_result_as_a_variable_of_the_role() -> None:
    """The result would replace the variable for all later tasks."""
    registered = {
        name
        for path in ROLE.glob("tasks/*.yml")
        for name in re.findall(r"^ *register: (\w+)$", path.read_text(), re.MULTILINE)
    }
    variables = {
        name
        for path in (*ROLE.glob("vars/*.yml"), *ROLE.glob("defaults/*.yml"))
        for name in yaml.safe_load(path.read_text())
    }
    assert len(registered) > 5 and registered & variables == set()


@pytest.mark.parametrize("accounts", ["files", "nis"])
def test_our_units_are_confined(accounts: str, tmp_path: pathlib.Path) -> None:
    """``systemd-analyze security`` rates them at most 3 of 10, where 10 is not confined."""
    files = rendering.role_files(SYSTEMS["Debian 12"], **VARIABLES, frontend_accounts=accounts)
    units = {
        pathlib.PurePath(path).name: text
        for path, text in files.items()
        if path.startswith("/etc/systemd/system/rocks-") and path.endswith(".service")
    }
    assert len(units) == 5
    for name, text in units.items():
        (tmp_path / name).write_text(text)
        argv = ["systemd-analyze", "security", "--offline=true", "--threshold=30"]
        process.run([*argv, str(tmp_path / name)], timeout=CHECK_SECONDS)


@pytest.mark.parametrize("scheduler", ["slurm", "pbs", "none"])
def test_the_list_of_nodes_is_written_for_the_scheduler(scheduler: str) -> None:
    files = rendering.role_files(SYSTEMS["EL 9"], **VARIABLES, frontend_scheduler=scheduler)
    reports = set(yaml.safe_load(files["/etc/rocks/rocks.yml"])["reports"])
    assert reports & {"slurm", "pbs"} == {scheduler} - {"none"}
    after = re.findall(
        r"^ExecStartPost=.*write-reports (\w+)$",
        files["/etc/systemd/system/rocks-maintenance.service"],
        re.MULTILINE,
    )
    assert after == sorted({scheduler} - {"none"})
    assert ("/etc/slurm/slurm.conf" in files) == (scheduler == "slurm")


def test_slurm_is_refused_where_no_package_of_it_can_lead_nodes() -> None:
    """Ubuntu 22.04 has Slurm 21.08, and EPEL 10 has Slurm from 10.3 on."""
    systems = {**SYSTEMS, "EL 10.3": System("Rocky", "10.3", "RedHat")}
    refused = [
        name
        for name, system in systems.items()
        if evaluate_template(system, "{{ __frontend_slurm_missing }}")
    ]
    assert refused == ["EL 10", "Ubuntu 22.04"]


def test_isc_dhcpd_is_refused_on_enterprise_linux_10() -> None:
    refused = [
        name
        for name, system in SYSTEMS.items()
        if "dhcpd" not in evaluate_template(system, "{{ __frontend_dhcp_servers }}")
    ]
    assert refused == ["EL 10"]


def test_both_families_have_units_and_packages_for_all_services() -> None:
    debian, redhat = (
        yaml.safe_load((ROLE / f"vars/{name}.yml").read_text()) for name in ("debian", "redhat")
    )
    assert set(debian) - {"__frontend_debian"} == set(redhat) - {"__frontend_vendor"}
    for data in ("__frontend_units", "__frontend_packages"):
        assert set(debian[data]) | {"selinux"} == set(redhat[data]) | {"selinux"}, data
    loaders = [
        [(loader["arch"], loader["name"]) for loader in names["__frontend_loaders"]]
        for names in (debian, redhat)
    ]
    assert loaders[0] == loaders[1]


def test_grub_is_read_from_the_vendors_folder() -> None:
    assert (
        evaluate_template(SYSTEMS["EL 9"], "{{ __frontend_loaders[3].from[0] }}")
        == "/boot/efi/EFI/rocky/grubx64.efi"
    )
    assert (
        evaluate_template(SYSTEMS["EL 10"], "{{ __frontend_loaders[3].from[0] }}")
        == "/boot/efi/EFI/almalinux/grubx64.efi"
    )


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return the binary policy of the role's module and a minimal policy with the vendor's types.

    The types and the kinds of transitions are those of selinux-policy for EL 9 and EL 10.
    """
    folder = tmp_path_factory.mktemp("policy")
    (folder / "policy.cil").write_text(POLICY)
    argv = ["secilc", "-o", str(folder / "policy"), "-f", "/dev/null", str(folder / "policy.cil")]
    process.run([*argv, str(ROLE / "files/rocks.cil")], timeout=CHECK_SECONDS)
    return folder / "policy"


@pytest.mark.parametrize(
    ("source", "target", "object_class", "permission"),
    [
        ("httpd_t", "unconfined_service_t", "unix_stream_socket", "connectto"),
        ("httpd_t", "var_run_t", "sock_file", "write"),
        ("init_t", "named_t", "process2", "nnp_transition"),
        ("init_t", "tftpd_t", "process2", "nnp_transition"),
        ("syslogd_t", "bin_t", "file", "execute_no_trans"),
    ],
)
def test_the_selinux_module_allows_what_the_role_needs(
    policy: pathlib.Path, source: str, target: str, object_class: str, permission: str
) -> None:
    argv = ["sesearch", "--allow", "-s", source, "-t", target, "-c", object_class]
    rules = process.run([*argv, "-p", permission, str(policy)], timeout=CHECK_SECONDS).stdout
    assert rules.startswith(f"allow {source} {target}:{object_class}")


def test_the_policy_comes_before_the_units_that_need_it() -> None:
    names = [task["name"] for task in yaml.safe_load((ROLE / "tasks/main.yml").read_text())]
    assert names.index("Configure SELinux") < names.index("Sandbox the systemd units")


POLICY = """
(class unix_stream_socket (connectto))
(class sock_file (getattr write))
(class process2 (nnp_transition nosuid_transition))
(class file (execute execute_no_trans getattr map open read))
(class dir (getattr open read search))
(classorder (unix_stream_socket sock_file process2 file dir))
(sid kernel) (sidorder (kernel)) (user user) (userrole user role) (role role)
(sensitivity s0) (sensitivityorder (s0)) (category c0) (categoryorder (c0)) (sensitivitycategory s0 (c0))
(level low (s0)) (levelrange range (low low)) (userlevel user low) (userrange user range)
(type httpd_t) (type unconfined_service_t) (type var_run_t) (type init_t) (type named_t) (type tftpd_t)
(type syslogd_t) (type bin_t) (type usr_t)
(typeattribute cil_gen_require)
(roletype role httpd_t) (sidcontext kernel (user role httpd_t range))
"""
