# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""YAML with the line of each value, for errors that name them."""

from __future__ import annotations

from typing import Any, NamedTuple, Union

from ..errors import DescriptionError

MAX_DEPTH = 10
Path = tuple[Union[str, int], ...]


class Document(NamedTuple):
    content: Any
    lines: dict[Path, int]
    """Path of keys and indexes -> line."""


def parse(text: str, file: str) -> Document:
    """Parse YAML of plain values.

    Raises DescriptionError with file and line for what is not YAML, and for a key that is twice in
    a mapping.
    """
    import yaml  # modules that get every option as an argument run without PyYAML

    lines: dict[Path, int] = {}
    _check_shape(text, file)
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        content = _construct(loader, node, (), file, lines) if node else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else file
        raise DescriptionError(f"not YAML ({getattr(error, 'problem', error)})", where) from None
    finally:
        loader.dispose()
    return Document(content, lines)


def _check_shape(text: str, file: str) -> None:
    """Refuse aliases, which can make a small text large, and deep nesting."""
    import yaml

    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            where = f"{file}:{event.start_mark.line + 1}" if event.start_mark else file
            if isinstance(event, yaml.AliasEvent):
                raise DescriptionError("YAML aliases are not supported", where, "repeat the value")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise DescriptionError("the YAML is nested too deeply", where)
    except yaml.YAMLError:
        return  # parse() reports it


def _construct(loader: Any, node: Any, path: Path, file: str, lines: dict[Path, int]) -> Any:
    lines[path] = node.start_mark.line + 1
    if node.id == "sequence":
        return [
            _construct(loader, child, (*path, number), file, lines)
            for number, child in enumerate(node.value)
        ]
    if node.id != "mapping":
        # A version such as 1.10 is text, not a number.
        boolean = node.tag == "tag:yaml.org,2002:bool"
        return loader.construct_object(node) if boolean else node.value
    content: dict[str, Any] = {}
    for key, child in node.value:
        name = str(key.value)
        line = key.start_mark.line + 1
        if name in content:
            raise DescriptionError(f'the key "{name}" is repeated', f"{file}:{line}", "remove one")
        content[name] = _construct(loader, child, (*path, name), file, lines)
        lines[(*path, name)] = line
    return content
