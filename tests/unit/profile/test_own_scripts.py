"""Every script of the shipped profiles passes shellcheck and the oldest Python parser."""

from __future__ import annotations

import ast
import functools
import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support.profiles import PROGRAMS, all_kickstarts, fetched_programs, scripts, written_files

SHELLS = {"#!/bin/sh": "sh", "#!/bin/bash": "bash"}
PYTHON = ("#!/usr/bin/python3", "#!/usr/bin/env python3")
OLDEST_PYTHON = (3, 6)  # EL 8's platform-python


@functools.cache
def programs() -> dict[tuple[str, str], str]:
    """Return (language, text) -> place, of every script and every program that a script writes.

    The place is the first one.
    """
    places: dict[tuple[str, str], str] = {}
    for name, text in all_kickstarts():
        release = name.split("-")[1]
        for number, script in enumerate(scripts(text, release)):
            place = f"{name}-{number:02}-{script.kind}-{script.node}"
            places.setdefault((pathlib.Path(script.interpreter).name, script.text), place)
            for path, content in written_files(script.text):
                language = language_of(path, content)
                if language:
                    places.setdefault((language, content), f"{place}{path.replace('/', '-')}")
    for name, content in fetched_programs_of_all().items():
        language = language_of(name, content)
        if language:
            places.setdefault((language, content), name)
    return places


def fetched_programs_of_all() -> dict[str, str]:
    """Return the programs that any of our kickstarts fetches."""
    return {
        name: content
        for _name, text in all_kickstarts()
        for name, content in fetched_programs(text).items()
    }


def language_of(path: str, content: str) -> str:
    """Return ``sh``, ``bash``, ``python3``, or an empty text for a file that is not a program."""
    first = content.partition("\n")[0]
    if path.endswith(".py") or first in PYTHON:
        return "python3"
    assert not first.startswith("#!") or first in SHELLS, f"{path}: no check for {first}"
    return SHELLS.get(first, "")


def test_every_program_is_in_a_checked_language() -> None:
    languages = {language for language, _text in programs()}
    assert languages == {"bash", "sh", "python3"}
    assert len(programs()) > 40


def test_every_program_is_fetched_by_a_profile() -> None:
    assert set(fetched_programs_of_all()) == {
        path.name for path in PROGRAMS.iterdir() if path.is_file()
    }


@pytest.mark.programs
@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_shellcheck_has_no_findings_in_the_shipped_scripts(
    tmp_path: pathlib.Path, shell: str
) -> None:
    for (language, text), place in programs().items():
        if language == shell:
            (tmp_path / place).write_text(text)
    argv = [
        "shellcheck",
        "--shell",
        shell,
        "--format",
        "gcc",
        *sorted(map(str, tmp_path.iterdir())),
    ]
    ended = process.run(argv, timeout=120, ok=(0, 1))
    assert ended.stdout.replace(f"{tmp_path}/", "") == ""


def test_the_oldest_installers_python_can_parse_every_program() -> None:
    for (language, text), place in programs().items():
        if language == "python3":
            ast.parse(text, filename=place, feature_version=OLDEST_PYTHON)
