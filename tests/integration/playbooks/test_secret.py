# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""playbooks/secret.yml: a secret that is typed at a terminal and shown nowhere."""

from __future__ import annotations

import os

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from support.ansible import BIN, ROOT, command
from support.cluster import Urls
from support.terminal import terminal

PLAYBOOK = ("ansible-playbook", "playbooks/secret.yml", "-e", "secret=bmc_password")
VALUE = "typed {{ 7 * 7 }} 'here'"
SECONDS = 120.0
SECRETS = "select scope, name, value from secrets"


def test_a_secret_is_typed_and_not_shown(urls: Urls, table_ii: Database) -> None:
    env = {
        **os.environ,
        "PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ROCKS_DATABASE": urls.administrator,
    }
    program = str(BIN / PLAYBOOK[0])
    playbook = str(ROOT / PLAYBOOK[1])
    argv = [program, playbook, *PLAYBOOK[2:], "-e", "appliance=compute", "-v"]
    with terminal(argv, env) as window:
        window.wait_for("Value of the secret", SECONDS)
        window.press(VALUE.encode() + b"\n")
        window.wait_for("confirm", SECONDS)
        window.press(VALUE.encode() + b"\n")
        assert window.exit_status(SECONDS) == 0, window.shown
        assert "typed" not in window.shown
    assert table_ii.rows(SECRETS) == [("appliance", "bmc_password", VALUE)]


def test_without_a_terminal_nothing_is_changed(urls: Urls, table_ii: Database) -> None:
    finished = command(*PLAYBOOK, env={"ROCKS_DATABASE": urls.administrator})
    assert finished.returncode != 0
    assert "nothing was changed" in finished.stdout + finished.stderr
    assert table_ii.rows(SECRETS) == []
