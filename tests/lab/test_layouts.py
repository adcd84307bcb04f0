# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Volumes on several disks, arrays and volume groups survive a reinstallation, with their data.

The kernel, mdadm and LVM are real; the commands are carried out by the lab's installer.
"""

from __future__ import annotations

from typing import Any

import pytest

from .layouts.vm import run_layouts

ROOT_LINE = "/ RK_ROOT xfs 330\nswap RK_SWAP swap 40\n"
LAYOUTS = {
    "a partition on a second disk": ROOT_LINE + "/data RK_DATA xfs 330 grow keep disk=2\n",
    "a mirror": """
/     RK_ROOT xfs  330 disk=1,2 raid=1
swap  RK_SWAP swap 40  disk=1,2 raid=1
/data RK_DATA ext4 100 grow keep disk=1,2 raid=1
""",
    "RAID 10": ROOT_LINE + "/data RK_DATA xfs 330 grow keep disk=2,3,4,5 raid=10\n",
    "RAID 0": ROOT_LINE + "/data RK_DATA xfs 330 grow keep disk=2,3 raid=0\n",
    "RAID 5": ROOT_LINE + "/data RK_DATA xfs 330 grow keep disk=2,3,4 raid=5\n",
    "a volume group": ROOT_LINE
    + """
lvm   RK_VG   lvm  400 grow disk=2,3
/data RK_DATA xfs  330 grow keep   vg=RK_VG
/opt  RK_OPT  ext4 100 format vg=RK_VG
""",
    "a volume group on a mirror": ROOT_LINE
    + """
lvm   RK_VG   lvm  500 grow disk=2,3 raid=1
/data RK_DATA xfs  330 grow keep   vg=RK_VG
/opt  RK_OPT  ext4 100 format vg=RK_VG
""",
    "root in a volume group": """
/boot RK_BOOT ext4 100 format
lvm   RK_VG   lvm  800 grow
/     RK_ROOT xfs  330 vg=RK_VG
swap  RK_SWAP swap 40  vg=RK_VG
/data RK_DATA xfs  330 grow keep vg=RK_VG
""",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return the result of each layout, from one virtual machine."""
    found = run_layouts(LAYOUTS, tmp_path_factory.mktemp("layouts"))
    return {result["name"]: result for result in found}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_reinstallation_keeps_the_kept_volumes_and_formats_the_others(
    results: dict[str, dict[str, Any]], name: str
) -> None:
    result = results[name]
    assert "error" not in result, result
    assert (result["first"], result["again"]) == ("first", "reuse"), result
    assert result["kept"] == ["/data"]
    assert result["same"] == ["/data", "swap"]
    assert not [line for line in result["again_commands"] if line.startswith("clearpart --all")]


@pytest.mark.parametrize("name", LAYOUTS)
def test_volumes_are_recognised_before_they_are_active(
    results: dict[str, dict[str, Any]], name: str
) -> None:
    inactive = results[name]["inactive"]
    # A group on an array is visible only when the array is active.
    if "volume group on" in name:
        assert "has lost its volume group" in inactive
    else:
        assert inactive == "reuse", inactive
