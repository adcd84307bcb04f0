# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The container that molecule starts: a machine that cannot run it is told so in one sentence, before anything is made."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process

CONTAINER = pathlib.Path(__file__).parents[3] / "extensions/molecule/container"
WITHOUT = {
    "root": (["--reuid=65534", "--clear-groups"], "only root can make one"),
    "privileges": (
        ["--bounding-set=-sys_admin", "--inh-caps=-sys_admin"],
        "it may not make namespaces",
    ),
}


@pytest.mark.parametrize("lacking", WITHOUT)
def test_a_machine_that_cannot_run_it_says_so_in_one_sentence(
    tmp_path: pathlib.Path, lacking: str
) -> None:
    options, said = WITHOUT[lacking]
    tmp_path.chmod(0o777)
    argv = ["setpriv", *options, str(CONTAINER), "start"]
    ended = process.run(
        argv, timeout=20, ok=(1,), env={"RUN": str(tmp_path), "IMAGE": "/nonexistent"}
    )
    assert ended.stderr.startswith(
        "This machine cannot run a container that has an init of its own: "
    )
    assert said in ended.stderr and ended.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
