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
TIME_LIMIT = 120


def command(
    *words: str,
    env: Optional[Mapping[str, str]] = None,
    bin: pathlib.Path = BIN,
    cwd: pathlib.Path = ROOT,
    seconds: float = TIME_LIMIT,
) -> subprocess.CompletedProcess[str]:
    """Run ``ansible``, ``ansible-playbook`` … in the clone and return how it ended; output is text without colours."""
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
    """What ``ansible-inventory --list`` says; raises AssertionError with its output when it failed."""
    ended = command("ansible-inventory", "-i", str(path), "--list", env=env, bin=bin)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout, object_hook=_unmarked)
    return found


def _unmarked(value: dict[str, Any]) -> Any:
    """From 2.19 on the list marks each text that is not to be rendered; the text is what counts here."""
    return value["__ansible_unsafe"] if set(value) == {"__ansible_unsafe"} else value


def module(
    name: str, arguments: Mapping[str, Any], *flags: str, env: Optional[Mapping[str, str]] = None
) -> Any:
    """One module on localhost by its short name: its result; ``flags`` such as ``--check``."""
    ended = command(
        "ansible", "localhost", "-m", name, "-a", json.dumps(arguments), *flags, env=env
    )
    text = ended.stdout
    return json.loads(text[text.index("{") : text.rindex("}") + 1])
