# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lay values out as a file: by the site's template in ``/etc/rocks/reports/``, or by the report's own.

A template only lays out; what it shows was computed and checked before.  A site's template may include the report's
own as ``rocks/NAME.j2``.
"""

from __future__ import annotations

import json
import os
from typing import Any

from ..errors import DescriptionError

FOLDER = "/etc/rocks/reports"
OURS = "rocks/"
HINT = "the site's template was written for other values; move it away to have the report's own"


class Templates:
    """Templates, the site's in ``folder`` before ours.  Jinja2 is loaded with the first one."""

    def __init__(self, folder: str = FOLDER) -> None:
        self._folder = folder
        self._ours: dict[str, str] = {}
        self._environment: Any = None

    def render(self, name: str, template: str, **values: Any) -> str:
        """The text that the template ``NAME.j2`` of the site, or else ``template``, makes of ``values``.

        Raises DescriptionError with the site's file and line.
        """
        import jinja2

        self._ours[f"{OURS}{name}.j2"] = template
        if self._environment is None:
            self._environment = self._make()
        path = os.path.join(self._folder, f"{name}.j2")
        own = os.path.exists(path)
        try:
            text: str = self._environment.get_template(
                f"{name}.j2" if own else f"{OURS}{name}.j2"
            ).render(values)
        except (jinja2.TemplateError, LookupError, TypeError, ValueError, ArithmeticError) as error:
            if not own:
                raise
            raise DescriptionError(
                f"the template cannot be used ({error})", _where(error, path), HINT
            ) from error
        return text

    def _make(self) -> Any:
        from jinja2 import ChoiceLoader, DictLoader, FileSystemLoader, StrictUndefined
        from jinja2.sandbox import SandboxedEnvironment

        environment = SandboxedEnvironment(
            loader=ChoiceLoader([DictLoader(self._ours), FileSystemLoader(self._folder)]),
            undefined=StrictUndefined,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["json"] = json_text
        return environment


def json_text(value: Any, indent: str = "") -> str:
    """JSON with each innermost object on a line of its own, so that one more node is one more line."""
    children = (
        value.values()
        if isinstance(value, dict)
        else value
        if isinstance(value, (list, tuple))
        else ()
    )
    if not any(isinstance(child, (dict, list, tuple)) for child in children):
        return json.dumps(value)
    deeper = indent + "  "
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {json_text(child, deeper)}" for key, child in value.items()]
        opening, closing = "{}"
    else:
        items = [json_text(child, deeper) for child in value]
        opening, closing = "[]"
    return f"{opening}\n{deeper}" + f",\n{deeper}".join(items) + f"\n{indent}{closing}"


def _where(error: BaseException, path: str) -> str:
    """The template's line at which it failed."""
    line = getattr(error, "lineno", None)
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == path:
            line = frame.tb_lineno
        frame = frame.tb_next
    return f"{path}:{line}" if line else path
