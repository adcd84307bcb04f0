# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Turn the library's errors into the failure of an Ansible module."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, Protocol

from .errors import RocksError


class FailingModule(Protocol):
    """The part of ``AnsibleModule`` that is needed here; this file does not import Ansible."""

    def fail_json(self, msg: str, **kwargs: Any) -> Any:
        """Print the failure as JSON and exit."""


@contextlib.contextmanager
def errors_as_failure(module: FailingModule) -> Iterator[None]:
    """Fail the module with the message of any RocksError that the block raises."""
    try:
        yield
    except RocksError as error:
        module.fail_json(msg=str(error))
