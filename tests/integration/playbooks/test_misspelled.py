# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A role reports unknown variables before it changes anything, because one may be a misspelling."""

from __future__ import annotations

import re

import pytest

from support.ansible import command


@pytest.mark.parametrize(
    ("playbook", "variables", "role"),
    [
        (
            "frontend.yml",
            ["frontend_private_interface=nowhere0", "frontend_schedular=pbs", "frontend_hommes="],
            "frontend",
        ),
        ("rebuild-dist.yml", ["distribution_mirrror=http://127.0.0.1:9/"], "distribution"),
    ],
)
def test_the_error_on_a_misspelled_variable_names_it_and_the_list_of_variables(
    playbook: str, variables: list[str], role: str
) -> None:
    """Use check mode and an unknown interface, so that a role without the check changes nothing
    here.
    """
    words = [word for variable in variables for word in ("-e", variable)]
    finished = command(
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
        for variable in variables
        if variable != "frontend_private_interface=nowhere0"
    )
    output = finished.stdout + finished.stderr
    assert finished.returncode != 0
    assert re.search(
        rf"{', '.join(unknown)}; `ansible-doc -t role npaci\.rocks\.{role}`", output
    ), output
