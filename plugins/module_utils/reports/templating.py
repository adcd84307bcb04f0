# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Render files from templates: the site's in ``/etc/rocks/reports/``, or else the report's own.

A template only formats values that were computed and checked before.  A site's template can
include the report's own as ``rocks/NAME.j2``.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any, Iterable, Mapping

from ..errors import DescriptionError
from ..files import read_text
from ..suggestions import suggest

FOLDER = "/etc/rocks/reports"
BUILT_IN = "rocks/"
NAMES = (
    *("bind.zone", "clustershell.yaml", "dhcpd.conf", "dnsmasq-hosts", "dnsmasq-names"),
    *("dnsmasq.conf", "ethers", "exports", "hosts", "kea-dhcp4.conf", "machines", "named.conf"),
    *("nginx-nodes.conf", "pbs-nodes", "powerman.conf", "slurm-gres.conf"),
    *(
        "slurm-helpers.conf",
        "slurm-nodes.conf",
        "slurm-topology.conf",
        "ssh_known_hosts",
        "unbound.conf",
    ),
)
"""The names of all templates, without ``.j2``."""
SYNTAX_HINT = "correct the template, or remove it to use the built-in one"
_UNDEFINED = re.compile(r"'(\w+)' is undefined")


class Templates:
    """Templates; those in ``folder`` replace the built-in ones.

    Jinja2 is imported when the first template is rendered.
    """

    def __init__(self, folder: str = FOLDER) -> None:
        self._folder = folder
        self._built_in: dict[str, str] = {}
        self._environment: Any = None

    def render(self, name: str, template: str, **values: Any) -> str:
        """Return the text of the site's template ``NAME.j2``, or of ``template`` if it has none.

        Raises DescriptionError with the file and line of the site's template.
        """
        import jinja2

        self._built_in[f"{BUILT_IN}{name}.j2"] = template
        if self._environment is None:
            self._environment = self._create_environment()
        path = os.path.join(self._folder, f"{name}.j2")
        replaced = os.path.exists(path)
        file_name = f"{name}.j2" if replaced else f"{BUILT_IN}{name}.j2"
        try:
            text: str = self._environment.get_template(file_name).render(values)
        except (jinja2.TemplateError, LookupError, TypeError, ValueError, ArithmeticError) as error:
            if not replaced:
                raise
            where = _location(error, path)
            hint = _hint(error, values)
            raise DescriptionError(f"cannot render the template ({error})", where, hint) from error
        if replaced and not text.strip() and self._render_built_in(name, values).strip():
            raise DescriptionError(
                "the template gives an empty file", path, f'write {{% include "rocks/{name}.j2" %}}'
            )
        return text

    def _render_built_in(self, name: str, values: Mapping[str, Any]) -> str:
        text: str = self._environment.get_template(f"{BUILT_IN}{name}.j2").render(values)
        return text

    def unused_files(self) -> list[DescriptionError]:
        """Return a fault for each template that no report reads and no other one includes."""
        folder = self._folder
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        files = [name for name in names if name.endswith(".j2")]
        unused = [name for name in files if name.removesuffix(".j2") not in NAMES]
        texts = [read_text(os.path.join(folder, name)) for name in files] if unused else []
        return [
            DescriptionError(
                "no report reads this template",
                os.path.join(folder, name),
                suggest(name, [f"{known}.j2" for known in NAMES]),
            )
            for name in unused
            if not any(name in text for text in texts)
        ]

    def _create_environment(self) -> Any:
        from jinja2 import ChoiceLoader, DictLoader, FileSystemLoader, StrictUndefined
        from jinja2.sandbox import SandboxedEnvironment

        environment = SandboxedEnvironment(
            loader=ChoiceLoader([DictLoader(self._built_in), FileSystemLoader(self._folder)]),
            undefined=StrictUndefined,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["json"] = json_text
        return environment


def _hint(error: BaseException, values: Iterable[str]) -> str:
    undefined = _UNDEFINED.search(str(error))
    return suggest(undefined[1], values) if undefined else SYNTAX_HINT


def json_text(value: Any, indent: str = "") -> str:
    """Return JSON with each innermost object on its own line, so that a node is one line."""
    if isinstance(value, dict):
        children = list(value.values())
    else:
        children = list(value) if isinstance(value, (list, tuple)) else []
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


def _location(error: BaseException, path: str) -> str:
    """Return the template's path and, if it is known, the line of the error."""
    line = getattr(error, "lineno", None)
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == path:
            line = frame.tb_lineno
        frame = frame.tb_next
    return f"{path}:{line}" if line else path
