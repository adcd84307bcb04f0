# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The container of molecule: missing privileges are an error before anything is created."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process

CONTAINER = pathlib.Path(__file__).parents[3] / "extensions/molecule/container"
WITHOUT = {
    "root": (["--reuid=65534", "--clear-groups"], "run this as root"),
    "privileges": (
        ["--bounding-set=-sys_admin", "--inh-caps=-sys_admin"],
        "it cannot create namespaces",
    ),
}


@pytest.mark.parametrize("missing", WITHOUT)
def test_a_missing_privilege_is_reported_in_one_line(tmp_path: pathlib.Path, missing: str) -> None:
    options, reason = WITHOUT[missing]
    tmp_path.chmod(0o777)
    argv = ["setpriv", *options, str(CONTAINER), "start"]
    result = process.run(
        argv, timeout=20, ok=(1,), env={"RUN": str(tmp_path), "IMAGE": "/nonexistent"}
    )
    assert result.stderr.startswith("This machine cannot run a container with its own init: ")
    assert reason in result.stderr and result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
