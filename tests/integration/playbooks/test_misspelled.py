# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A variable that a role does not know is told before anything is changed: a slip would leave what was meant undone."""

from __future__ import annotations

import re

import pytest

from support.ansible import command


@pytest.mark.parametrize(
    ("playbook", "said", "role"),
    [
        (
            "frontend.yml",
            ["frontend_private_interface=nowhere0", "frontend_schedular=pbs", "frontend_hommes="],
            "frontend",
        ),
        ("rebuild-dist.yml", ["distribution_mirrror=http://127.0.0.1:9/"], "distribution"),
    ],
)
def test_a_misspelled_variable_is_told_with_where_they_all_are(
    playbook: str, said: list[str], role: str
) -> None:
    """In check mode, so that a role which overlooks it changes nothing here; the interface, which is none, is the second
    hurdle.
    """
    words = [word for variable in said for word in ("-e", variable)]
    ended = command(
        "ansible-playbook",
        f"playbooks/{playbook}",
        "-i",
        "localhost,",
        "-c",
        "local",
        "--check",
        *words,
    )
    unknown = sorted(
        variable.partition("=")[0]
        for variable in said
        if variable != "frontend_private_interface=nowhere0"
    )
    output = ended.stdout + ended.stderr
    assert ended.returncode != 0
    assert re.search(
        rf"{', '.join(unknown)}; `ansible-doc -t role npaci\.rocks\.{role}`", output
    ), output
