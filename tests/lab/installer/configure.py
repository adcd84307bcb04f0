# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Configure the installed system: language, time, services, users, keys."""

from __future__ import annotations

import os
import pathlib
from typing import Any

from . import screen
from .model import InstallError
from .programs import SYSROOT, run

CHRONY_CONF = "etc/chrony.conf"
ALLOW_ROOT = "etc/ssh/sshd_config.d/01-permitrootlogin.conf"


def system(kickstart: Any) -> None:
    """Apply lang, keyboard, timezone, timesource and services, and create a machine ID."""
    etc = SYSROOT / "etc"
    (etc / "locale.conf").write_text(f'LANG="{kickstart.lang.lang or "C.UTF-8"}"\n')
    (etc / "vconsole.conf").write_text(
        f'KEYMAP="{kickstart.keyboard.vc_keymap or kickstart.keyboard.keyboard or "us"}"\n'
    )
    _timezone(kickstart)
    _time_servers(kickstart)
    services = kickstart.services
    for verb, names in (("enable", services.enabled), ("disable", services.disabled)):
        for name in names or []:
            run(["systemctl", f"--root={SYSROOT}", verb, name])
    (etc / "machine-id").unlink(missing_ok=True)
    run(["systemd-machine-id-setup", f"--root={SYSROOT}"])


def users(kickstart: Any) -> None:
    """Apply rootpw, group, user and sshkey."""
    for group in kickstart.group.groupList:
        run(["groupadd", *(["-g", str(group.gid)] if group.gid else []), group.name], root=True)
    root = kickstart.rootpw
    if root.seen:
        _password("root", root.password, root.isCrypted, root.lock)
        if getattr(root, "allow_ssh", False):
            (SYSROOT / ALLOW_ROOT).parent.mkdir(parents=True, exist_ok=True)
            (SYSROOT / ALLOW_ROOT).write_text("PermitRootLogin yes\n")
    for user in kickstart.user.userList:
        _user(user)
    for key in kickstart.sshkey.sshUserList:
        _key(key.username, key.key)


def _timezone(kickstart: Any) -> None:
    zone = kickstart.timezone.timezone or "UTC"
    if not (SYSROOT / "usr/share/zoneinfo" / zone).exists():
        # As in anaconda, a missing zone does not stop the installation.
        screen.log("anaconda", f"WARN timezone {zone} does not exist in the installed system")
        zone = "UTC"
    link = SYSROOT / "etc/localtime"
    link.unlink(missing_ok=True)
    link.symlink_to(f"../usr/share/zoneinfo/{zone}")
    utc = getattr(kickstart.timezone, "isUtc", True)
    (SYSROOT / "etc/adjtime").write_text(f"0.0 0 0.0\n0\n{'UTC' if utc else 'LOCAL'}\n")


def _time_servers(kickstart: Any) -> None:
    # The command depends on the release: EL 8 has no timesource, EL 10 no timezone --ntpservers.
    lines = [
        f"server {server} iburst"
        for server in getattr(kickstart.timezone, "ntpservers", None) or []
    ]
    for source in kickstart.timesource.timesource_list if hasattr(kickstart, "timesource") else []:
        if source.ntp_server:
            lines.append(f"server {source.ntp_server} iburst{' nts' if source.nts else ''}")
        if source.ntp_pool:
            lines.append(f"pool {source.ntp_pool} iburst{' nts' if source.nts else ''}")
    path = SYSROOT / CHRONY_CONF
    if lines and path.exists():
        other_lines = [
            line
            for line in path.read_text().splitlines()
            if not line.startswith(("server ", "pool "))
        ]
        path.write_text("\n".join([*lines, *other_lines]) + "\n")


def _password(name: str, password: str, crypted: bool, lock: bool) -> None:
    if password:
        run(["chpasswd", *(["-e"] if crypted else [])], stdin=f"{name}:{password}\n", root=True)
    if lock:
        run(["passwd", "-l", name], root=True)


def _user(user: Any) -> None:
    existing_groups = {
        line.split(":")[0] for line in (SYSROOT / "etc/group").read_text().splitlines()
    }
    for group in user.groups:
        if group.split("(")[0] not in existing_groups:
            run(["groupadd", group.split("(")[0]], root=True)
    options = {"-u": user.uid, "-d": user.homedir, "-s": user.shell, "-c": user.gecos}
    argv = [word for option, value in options.items() if value for word in (option, str(value))]
    if user.gid:
        run(["groupadd", "-g", str(user.gid), user.name], root=True, ok=(0, 4, 9))
        argv += ["-g", str(user.gid)]
    if user.groups:
        argv += ["-G", ",".join(group.split("(")[0] for group in user.groups)]
    run(["useradd", "-m", *argv, user.name], root=True)
    _password(user.name, user.password, user.isCrypted, user.lock)


def _key(name: str, key: str) -> None:
    for line in (SYSROOT / "etc/passwd").read_text().splitlines():
        login, _, uid, gid, _, home, _ = line.split(":")
        if login == name:
            _append_key(SYSROOT / home[1:], int(uid), int(gid), key)
            return
    raise InstallError(f"sshkey --username={name}: unknown user.")


def _append_key(home: pathlib.Path, uid: int, gid: int, key: str) -> None:
    folder = home / ".ssh"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "authorized_keys"
    with path.open("a") as file:
        file.write(f"{key.strip()}\n")
    path.chmod(0o600)
    for item in (folder, path):
        os.chown(item, uid, gid)
