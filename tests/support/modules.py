# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A module run in this process as Ansible runs it in its own: options in, JSON out.  A hundred times cheaper."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from typing import Any, Iterator, Mapping, Optional
from unittest import mock

import ansible.utils.display  # noqa: F401  once, before a unit test may start no program: it asks ldconfig for the C library
from ansible.module_utils import basic

MODULES = "ansible_collections.npaci.rocks.plugins.modules"


def run(
    name: str,
    given: Optional[Mapping[str, Any]] = None,
    /,
    *,
    check: bool = False,
    diff: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """What the module ``name`` answers to these options; ``failed`` is true when it failed.

    given  options whose names are ours here (``check``, ``diff``)

    Raises what the module raises: a module that ends by an exception is broken.
    """
    module = importlib.import_module(f"{MODULES}.{name}")
    printed = io.StringIO()
    arguments = {**(given or {}), **options, "_ansible_check_mode": check, "_ansible_diff": diff}
    with _given(arguments), contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        module.main()
    answer: dict[str, Any] = json.loads(printed.getvalue())
    return answer


@contextlib.contextmanager
def _given(arguments: Mapping[str, Any]) -> Iterator[None]:
    """The module that is created within has these arguments; ansible-core 2.16 has no helper for it."""
    try:
        from ansible.module_utils.testing import patch_module_args
    except ImportError:
        text = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
        with mock.patch.object(basic, "_ANSIBLE_ARGS", text):
            yield
        return
    # A test that imported an action plugin has made this process a controller, where modules warn in another way.
    target = mock.patch("ansible.module_utils._internal.is_controller", False, create=True)
    with target, patch_module_args(arguments):
        yield
