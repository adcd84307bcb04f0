"""A playbook that runs a part of a role names a task file which the role has."""

from __future__ import annotations

import pathlib
from typing import Any, Iterator

import pytest
import yaml

from support.ansible import ROOT


def roles(node: Any) -> Iterator[dict[str, str]]:
    """The options of every include_role and import_role in a playbook."""
    for key, value in node.items() if isinstance(node, dict) else ():
        if key.endswith(("include_role", "import_role")):
            yield value
        yield from roles(value)
    for child in node if isinstance(node, list) else ():
        yield from roles(child)


@pytest.mark.parametrize("path", sorted(ROOT.glob("playbooks/*.yml")), ids=lambda path: path.stem)
def test_the_task_files_that_a_playbook_names_exist(path: pathlib.Path) -> None:
    for role in roles(yaml.safe_load(path.read_text(encoding="utf-8"))):
        name = role["name"].rpartition(".")[2]
        assert (ROOT / "roles" / name / "tasks" / f"{role.get('tasks_from', 'main')}.yml").exists()
