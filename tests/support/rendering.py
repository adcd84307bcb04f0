# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the frontend's role would write on an operating system that is not here: its files, by Ansible's own templating.

The role's task files are read in their order; what a task would copy or render is rendered with the facts of that
system, its conditions and loops included.  Nothing is run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator, Mapping

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from .ansible import ROOT

ROLE = ROOT / "roles" / "frontend"
MODULES = ("ansible.builtin.copy", "ansible.builtin.template")
IMPORTS = ("ansible.builtin.import_tasks", "ansible.builtin.include_tasks")
# What tasks that ran would have registered; the role's lists of what is there are empty.
REGISTERED = {
    "__frontend_has_selinux": True,
    "__frontend_has_firewalld": True,
    "__frontend_known": True,
    "__frontend_images": {"results": []},
    "__frontend_found": {"stdout_lines": []},
    "__frontend_published": {"public_key": "key"},
    "role_path": str(ROLE),
}


@dataclass(frozen=True)
class System:
    """The facts of an operating system, as Ansible tells them."""

    distribution: str
    version: str
    family: str

    def facts(self) -> dict[str, Any]:
        return {
            "os_family": self.family,
            "distribution": self.distribution,
            "distribution_version": self.version,
            "distribution_major_version": self.version.partition(".")[0],
            "architecture": "x86_64",
            "hostname": "frontend-0",
            "virtualization_tech_guest": [],
        }


def role_variables(system: System, **given: Any) -> dict[str, Any]:
    """The role's variables on that system, not rendered yet."""
    found: dict[str, Any] = {}
    for path in ("defaults/main.yml", "vars/main.yml", f"vars/{system.family.lower()}.yml"):
        found.update(yaml.safe_load((ROLE / path).read_text()))
    return _trust(
        {
            **found,
            **given,
            **REGISTERED,
            "ansible_facts": system.facts(),
            "ansible_check_mode": False,
        }
    )


def role_files(system: System, **given: Any) -> dict[str, str]:
    """What the role would write, by path; Ansible's error for a value that this system does not have."""
    known, made = role_variables(system, **given), dict[str, str]()
    for task in _tasks("main.yml", known):
        module = next((word for word in MODULES if word in task), None)
        for item in _items(task, known) if module else ():
            mine = {**known, **_trust(task.get("vars", {})), **item}
            templar = Templar(DataLoader(), variables=mine)
            if _condition_holds(task, templar):
                _write_file(task[module], templar, made)
    return made


def evaluate_template(system: System, text: str, **given: Any) -> Any:
    """An expression of the role's variables on that system."""
    return Templar(DataLoader(), variables=role_variables(system, **given)).template(
        trust_as_template(text)
    )


def _tasks(name: str, known: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The tasks of a file and of those that it imports, where the condition for that holds."""
    for task in yaml.safe_load((ROLE / "tasks" / name).read_text()):
        imported = next((task[word] for word in IMPORTS if word in task), None)
        if imported is None:
            yield task
        elif "loop" not in task and _condition_holds(
            task, Templar(DataLoader(), variables=dict(known))
        ):
            yield from _tasks(imported, known)


def _items(task: Mapping[str, Any], known: Mapping[str, Any]) -> list[dict[str, Any]]:
    """``item`` of each turn of the task's loop; one without it when there is none."""
    if "loop" not in task:
        return [{}]
    loop = Templar(DataLoader(), variables={**known, **_trust(task.get("vars", {}))}).template(
        _trust(task["loop"])
    )
    return [{"item": item} for item in loop]


def _condition_holds(task: Mapping[str, Any], templar: Templar) -> bool:
    conditions = task.get("when", True)
    every = conditions if isinstance(conditions, list) else [conditions]
    return all(
        one if isinstance(one, bool) else templar.evaluate_conditional(trust_as_template(one))
        for one in every
        if " is changed" not in str(one) and "frontend_loader" not in str(one)
    )


def _write_file(options: Mapping[str, Any], templar: Templar, made: dict[str, str]) -> None:
    path = templar.template(_trust(options["dest"]))
    if "content" in options:
        made[path] = str(templar.template(_trust(options["content"])))
    elif str(templar.template(_trust(options["src"]))).endswith(".j2"):
        source = ROLE / "templates" / templar.template(_trust(options["src"]))
        made[path] = str(templar.template(trust_as_template(source.read_text())))


def _trust(value: Any) -> Any:
    """The value as Ansible reads it from a role: every text may be a template."""
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, dict):
        return {key: _trust(one) for key, one in value.items()}
    return [_trust(one) for one in value] if isinstance(value, list) else value
