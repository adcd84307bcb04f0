"""Ansible as a user starts it in a clone."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any, Mapping, Optional

ROOT = pathlib.Path(__file__).parents[2]
BIN = pathlib.Path(sys.executable).parent
TIME_LIMIT = 300


def command(
    *words: str,
    env: Optional[Mapping[str, str]] = None,
    bin: pathlib.Path = BIN,
    cwd: pathlib.Path = ROOT,
    seconds: float = TIME_LIMIT,
) -> subprocess.CompletedProcess[str]:
    """Run ``ansible``, ``ansible-playbook`` … in the clone; return the finished process.

    Its output is text without colours.
    """
    environment = {
        "PATH": f"{bin}:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": os.environ.get("HOME", "/root"),
        "LANG": "C.UTF-8",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_STDOUT_CALLBACK": "minimal" if words[0] == "ansible" else "default",
        **(env or {}),
    }
    return subprocess.run(
        [str(bin / words[0]), *words[1:]],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def inventory(
    path: pathlib.Path, env: Optional[Mapping[str, str]] = None, bin: pathlib.Path = BIN
) -> dict[str, Any]:
    """Return the result of ``ansible-inventory --list``.

    Raises AssertionError with its output if it fails.
    """
    process = command("ansible-inventory", "-i", str(path), "--list", env=env, bin=bin)
    assert process.returncode == 0, process.stderr
    result: dict[str, Any] = json.loads(process.stdout, object_hook=_remove_mark)
    return result


def _remove_mark(value: dict[str, Any]) -> Any:
    """Return the text of a value that ansible-core 2.19 and newer marks as not to be rendered."""
    return value["__ansible_unsafe"] if set(value) == {"__ansible_unsafe"} else value


def module(
    name: str, arguments: Mapping[str, Any], *flags: str, env: Optional[Mapping[str, str]] = None
) -> Any:
    """Run a module on localhost by its short name with ``flags`` such as ``--check``.

    Return its result.
    """
    process = command(
        "ansible", "localhost", "-m", name, "-a", json.dumps(arguments), *flags, env=env
    )
    text = process.stdout
    return json.loads(text[text.index("{") : text.rindex("}") + 1])
