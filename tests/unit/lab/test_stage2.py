"""The lab's installer runs on an image that is trimmed like the real one."""

from __future__ import annotations

import pathlib

import pytest
from lab.image import stage2

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support import installer_image, shellcommands

pytestmark = pytest.mark.programs
SCRIPTS = ("usr/libexec/lab/start", "usr/libexec/lab/main", "usr/bin/lsblk")


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_scripts_of_stage_2_call_no_removed_program(script: str) -> None:
    text = (stage2.HERE / "stage2" / script).read_text(encoding="utf-8")
    removed = installer_image.removed() - set(stage2.PYTHON)
    names = {name for call in shellcommands.calls(text) for name in call.names}
    assert names and not {pathlib.PurePath(name).name for name in names} & removed


def test_lsblk_rejects_columns_that_the_oldest_release_does_not_have() -> None:
    lsblk = str(stage2.HERE / "stage2/usr/bin/lsblk")
    refused = process.run([lsblk, "--json", "--output", "NAME,PATH"], timeout=20, ok=(1,))
    assert refused.stderr == "lsblk: unknown column: PATH\n"
    # The real lsblk exists in the image only.
    columns = ",".join(
        option.partition("=")[2]
        for (program, option), row in installer_image.options().items()
        if program == "lsblk"
        and "=" in option
        and installer_image.version(row.known_in) <= installer_image.oldest(row.package)
    )
    assert "unknown" not in process.run([lsblk, "-o", columns], timeout=20, ok=(126, 127)).stderr
