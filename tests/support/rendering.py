# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files that the frontend's role would write on another operating system.

The role's task files are read in their order. The files that a task would copy or render are
rendered by Ansible's own templating with the facts of that system, including conditions and loops.
Nothing is run.
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
# The results that tasks would have registered; the role's lists of existing files are empty.
REGISTERED = {
    "__frontend_has_selinux": True,
    "__frontend_has_firewalld": True,
    "__frontend_exists": True,
    "__frontend_images": {"results": []},
    "__frontend_available_loaders": {"stdout_lines": []},
    "__frontend_published": {"public_key": "key"},
    "role_path": str(ROLE),
}


@dataclass(frozen=True)
class System:
    """The facts of an operating system, as Ansible gathers them."""

    distribution: str
    version: str
    family: str
    architecture: str = "x86_64"

    def facts(self) -> dict[str, Any]:
        return {
            "os_family": self.family,
            "distribution": self.distribution,
            "distribution_version": self.version,
            "distribution_major_version": self.version.partition(".")[0],
            "architecture": self.architecture,
            "hostname": "frontend-0",
            "virtualization_tech_guest": [],
        }


def role_variables(system: System, **overrides: Any) -> dict[str, Any]:
    """Return the role's variables on that system, not rendered yet."""
    defaults: dict[str, Any] = {}
    for path in ("defaults/main.yml", "vars/main.yml", f"vars/{system.family.lower()}.yml"):
        defaults.update(yaml.safe_load((ROLE / path).read_text()))
    variables: dict[str, Any] = _trust(
        {
            **defaults,
            **overrides,
            **REGISTERED,
            "ansible_facts": system.facts(),
            "ansible_check_mode": False,
        }
    )
    return variables


def role_files(system: System, **overrides: Any) -> dict[str, str]:
    """Return path -> text of the files; raise Ansible's error if this system lacks a value."""
    variables = role_variables(system, **overrides)
    contents: dict[str, str] = {}
    for task in _tasks("main.yml", variables):
        module = next((word for word in MODULES if word in task), None)
        if module is None:
            continue
        for item in _items(task, variables):
            task_variables = {**variables, **_trust(task.get("vars", {})), **item}
            templar = Templar(DataLoader(), variables=task_variables)
            if _condition_holds(task, templar):
                _write_file(task[module], templar, contents)
    return contents


def evaluate_template(system: System, text: str, **overrides: Any) -> Any:
    """Return the value of an expression of the role's variables on that system."""
    return Templar(DataLoader(), variables=role_variables(system, **overrides)).template(
        trust_as_template(text)
    )


def build_libraries(system: System) -> list[str]:
    """Return the packages that roles/distribution installs on that system."""
    variables = yaml.safe_load((ROLE.parent / "distribution/vars/main.yml").read_text())
    names: list[str] = variables["__distribution_libraries"][system.family]
    return names


def _tasks(name: str, variables: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the tasks of a file and of its imports, where the import's condition holds."""
    for task in yaml.safe_load((ROLE / "tasks" / name).read_text()):
        imported = next((task[word] for word in IMPORTS if word in task), None)
        if imported is None:
            yield task
        elif "loop" not in task and _condition_holds(
            task, Templar(DataLoader(), variables=dict(variables))
        ):
            yield from _tasks(imported, variables)


def _items(task: Mapping[str, Any], variables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return ``item`` for each pass of the task's loop; without a loop, one empty mapping."""
    if "loop" not in task:
        return [{}]
    loop = Templar(DataLoader(), variables={**variables, **_trust(task.get("vars", {}))}).template(
        _trust(task["loop"])
    )
    return [{"item": item} for item in loop]


def _condition_holds(task: Mapping[str, Any], templar: Templar) -> bool:
    when = task.get("when", True)
    conditions = when if isinstance(when, list) else [when]
    return all(
        condition
        if isinstance(condition, bool)
        else templar.evaluate_conditional(trust_as_template(condition))
        for condition in conditions
        if " is changed" not in str(condition) and "frontend_loader" not in str(condition)
    )


def _write_file(options: Mapping[str, Any], templar: Templar, contents: dict[str, str]) -> None:
    path = templar.template(_trust(options["dest"]))
    if "content" in options:
        contents[path] = str(templar.template(_trust(options["content"])))
    elif str(templar.template(_trust(options["src"]))).endswith(".j2"):
        source = ROLE / "templates" / templar.template(_trust(options["src"]))
        contents[path] = str(templar.template(trust_as_template(source.read_text())))


def _trust(value: Any) -> Any:
    """Return the value as Ansible reads it from a role, where every text can be a template."""
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, dict):
        return {key: _trust(item) for key, item in value.items()}
    return [_trust(item) for item in value] if isinstance(value, list) else value
