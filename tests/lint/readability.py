#!/usr/bin/env python3
# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check names and prose against the words and limits in readability.toml.

Prints one line per measure that misses its limit, with the places, and exits with 1 then.
"""

from __future__ import annotations

import ast
import pathlib
import re
import sys
from collections import defaultdict
from typing import Any, Iterator, Mapping

import tomllib

ROOT = pathlib.Path(__file__).parents[2]
SHOWN = 10
"""Places that are printed for each measure."""

Places = list[str]


def python_files(folders: list[str]) -> Iterator[tuple[pathlib.Path, ast.Module]]:
    """Yield every Python file below the folders with its syntax tree."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text())


def place(path: pathlib.Path, node: Any, detail: str) -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno}: {detail}"


def check_names(limits: Mapping[str, Any]) -> Iterator[tuple[str, float, float, Places]]:
    """Yield measure, value, limit and places for names, assignments and calls."""
    vague = set(limits["vague"].split())
    participle = re.compile(limits["participle"])
    places: dict[str, Places] = defaultdict(list)
    lines = 0
    functions = 0
    names = 0
    for path, tree in python_files(limits["folders"]):
        lines += len(path.read_text().splitlines())
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                functions += 1
                if participle.match(node.name):
                    places["participles"].append(place(path, node, node.name))
                local_names = set(_local_names(node))
                names += len(local_names)
                for name in sorted(local_names):
                    if name.strip("_") in vague:
                        places["vague"].append(place(path, node, f"{node.name}: {name}"))
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
                if any(isinstance(target, ast.Tuple) for target in node.targets):
                    places["tuples"].append(place(path, node, "several assignments in one"))
            elif isinstance(node, ast.Call) and len(node.args) >= limits["positional_arguments"]:
                places["calls"].append(place(path, node, f"{len(node.args)} positional arguments"))
    measures = (
        ("vague names, %", "vague", names / 100),
        ("functions named by a participle, %", "participles", functions / 100),
        ("tuple assignments per 1,000 lines", "tuples", lines / 1000),
        ("long positional calls per 1,000 lines", "calls", lines / 1000),
    )
    for measure, key, total in measures:
        yield measure, len(places[key]) / max(total, 1e-9), limits[f"{key}_at_most"], places[key]


def _local_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    arguments = function.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        yield argument.arg
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def documentation(pages: list[str]) -> list[tuple[str, int, str]]:
    """Return file, line and text of every line of prose, without code."""
    paths: list[pathlib.Path] = []
    for page in pages:
        path = ROOT / page
        paths += sorted(path.rglob("*.md")) if path.is_dir() else [path]
    lines = []
    for path in paths:
        in_code = False
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.startswith("```"):
                in_code = not in_code
            elif not in_code:
                text = re.sub(r"`[^`]*`", "X", line)
                lines.append((str(path.relative_to(ROOT)), number, text))
    return lines


def strings(folders: list[str]) -> list[tuple[str, int, str]]:
    """Return file, line and text of every string with a space in it, docstrings included."""
    return [
        (str(path.relative_to(ROOT)), node.lineno, node.value)
        for path, tree in python_files(folders)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    ]


def check_prose(limits: Mapping[str, Any]) -> Iterator[tuple[str, float, float, bool, Places]]:
    """Yield measure, value, limit, whether it is a minimum, and places, per 1,000 words."""
    for kind, texts in (
        ("docs", documentation(limits["pages"])),
        ("code", strings(limits["code"])),
    ):
        words = sum(len(re.findall(r"[A-Za-z']+", text)) for _file, _line, text in texts)
        for rule in limits["words"]:
            pattern = re.compile(rule["pattern"], re.IGNORECASE)
            matches = [
                f"{file}:{line}: {match.group()}"
                for file, line, text in texts
                for match in pattern.finditer(text)
            ]
            frequency = 1000 * len(matches) / max(words, 1)
            measure = f"{kind}, {rule['name']}, per 1,000 words"
            if f"{kind}_at_most" in rule:
                yield measure, frequency, rule[f"{kind}_at_most"], False, matches
            if f"{kind}_at_least" in rule:
                yield measure, frequency, rule[f"{kind}_at_least"], True, []


def main() -> int:
    limits = tomllib.loads((ROOT / "tests/lint/readability.toml").read_text())
    failed = 0
    measures = [
        (measure, value, limit, False, places)
        for measure, value, limit, places in check_names(limits["names"])
    ]
    measures += check_prose(limits["prose"])
    for measure, value, limit, is_minimum, places in measures:
        if value < limit if is_minimum else value > limit:
            failed += 1
            print(f"{measure}: {value:.2f}, {'at least' if is_minimum else 'at most'} {limit:g}")
            print("".join(f"  {line}\n" for line in places[:SHOWN]), end="")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
