# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lab's installer reads a kickstart for its release, and rejects what it does not support."""

from __future__ import annotations

import pathlib

import pytest
from lab import cache
from lab.installer import commands, kickstart
from lab.installer.model import InstallError
from pykickstart.version import makeVersion

MACHINE = (cache.LAB / "kickstarts/machine.cfg").read_text()


@pytest.mark.parametrize("major", [9, 10])
def test_the_hand_written_kickstart_is_read_without_warnings_and_with_its_includes(
    tmp_path: pathlib.Path, major: int
) -> None:
    disks = tmp_path / "disks"
    disks.write_text(
        "zerombr\nclearpart --all\nreqpart\npart / --size=2500\nbootloader --location=mbr\n"
    )
    path = tmp_path / "ks.cfg"
    path.write_text(MACHINE.replace("/tmp/disks", str(disks), 1))
    handler, warnings = kickstart.read(path, major)
    assert warnings == []
    assert [part.mountpoint for part in handler.partition.partitions] == ["/"], (
        "the file of %pre is included"
    )


def test_pre_scripts_are_read_from_a_file_that_does_not_parse_yet(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "ks.cfg"
    path.write_text(
        "%include /tmp/written-by-pre\nnonsense\n%pre\nfirst\n%end\n%packages\n@core\n%end\n"
        "%pre --erroronfail\nsecond\n%end\n"
    )
    assert [script.script for script in kickstart.pre_scripts(path, 9)] == ["first\n", "second\n"]


@pytest.mark.parametrize(
    ("major", "line", "cause"),
    [
        pytest.param(8, "timesource --ntp-server=a", "timesource", id="timesource is not in el8"),
        pytest.param(10, "timezone UTC --ntpservers=a", "ntpservers", id="el10 has no ntpservers"),
        pytest.param(10, "authconfig --enablenis", "authconfig", id="el10 has no authconfig"),
        pytest.param(9, "btrfs / --label=root btrfs.1", '"btrfs" is not supported', id="btrfs"),
        pytest.param(9, "user --name=a --password=b --nosuch", "--nosuch", id="unknown option"),
        pytest.param(
            9,
            "bootloader --password=a",
            '"--password" is not supported',
            id="unsupported option",
        ),
        pytest.param(
            8,
            "%certificate --filename=a\n%end",
            "Unknown kickstart section",
            id="el8 has no certificates",
        ),
    ],
)
def test_unsupported_commands_are_rejected_with_their_line(
    tmp_path: pathlib.Path, major: int, line: str, cause: str
) -> None:
    path = tmp_path / "ks.cfg"
    path.write_text(f"text\n{line}\n")
    with pytest.raises(InstallError) as caught:
        kickstart.read(path, major)
    assert cause in str(caught.value) and "line 2" in str(caught.value)


def test_every_supported_or_ignored_command_is_a_kickstart_command() -> None:
    existing = {command for major in (8, 9, 10) for command in makeVersion(f"RHEL{major}").commands}
    assert set(commands.SUPPORTED) | commands.IGNORED <= existing


def test_the_release_is_the_one_of_the_initrd(tmp_path: pathlib.Path) -> None:
    stamp = tmp_path / ".buildstamp"
    stamp.write_text("[Main]\nProduct=Lab\nVersion=10.0\n")
    assert kickstart.release(stamp) == 10
