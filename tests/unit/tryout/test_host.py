# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What make try requires of its host: each missing part is one sentence with the remedy."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from tryout import host
from tryout.host import Needs

NOTHING = Needs(memory=0, space=0)


def descriptor(folder: pathlib.Path, name: str, **changes: Any) -> pathlib.Path:
    """Write QEMU's description of a firmware whose files exist."""
    folder.mkdir(exist_ok=True)
    code = folder / "code.fd"
    variables = folder / "variables.fd"
    for path in (code, variables):
        path.touch()
    data: dict[str, Any] = {
        "interface-types": ["uefi"],
        "mapping": {
            "device": "flash",
            "executable": {"filename": str(code), "format": "raw"},
            "nvram-template": {"filename": str(variables), "format": "raw"},
        },
        "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]}],
        "features": ["secure-boot", "enrolled-keys", "requires-smm"],
        **changes,
    }
    path = folder / name
    path.write_text(json.dumps(data))
    return path


def test_the_firmware_is_the_first_with_secure_boot_and_keys(tmp_path: pathlib.Path) -> None:
    descriptor(tmp_path, "10-plain.json", features=["secure-boot"])
    descriptor(
        tmp_path, "20-arm.json", targets=[{"architecture": "aarch64", "machines": ["virt-*"]}]
    )
    descriptor(tmp_path, "30-memory.json", mapping={"device": "memory", "filename": "/x"})
    assert host.find_flash((tmp_path,)) is None
    descriptor(tmp_path, "40-enrolled.json")
    flash = host.find_flash((tmp_path,))
    assert flash is not None
    assert (flash.code, flash.format, flash.needs_smm) == (tmp_path / "code.fd", "raw", True)


def test_a_descriptor_of_the_administrator_has_precedence(tmp_path: pathlib.Path) -> None:
    descriptor(tmp_path / "vendor", "40.json")
    descriptor(tmp_path / "etc", "40.json", features=["secure-boot"])
    assert host.find_flash((tmp_path / "vendor", tmp_path / "etc")) is None


def test_a_damaged_descriptor_and_missing_files_are_skipped(tmp_path: pathlib.Path) -> None:
    (tmp_path / "10.json").write_text("{")
    (tmp_path / "20.json").write_text("[]")
    descriptor(tmp_path, "30.json")
    (tmp_path / "variables.fd").unlink()
    assert host.find_flash((tmp_path,)) is None


def test_every_missing_part_is_a_sentence_with_its_package(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(host, "KVM", tmp_path / "kvm")
    monkeypatch.setattr(host, "find_flash", lambda: None)
    faults = "\n".join(host.list_faults(tmp_path / "new" / "folder", Needs(memory=1e9, space=1e9)))
    for words in ("qemu-system-x86 (Debian", "install swtpm", "ovmf (Debian", "virtualisation",
                  "GiB of memory", "GiB are free"):  # fmt: skip
        assert words in faults, words


def test_an_old_qemu_is_refused(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "qemu_version", lambda: "6.2")
    assert any("QEMU 6.2" in fault for fault in host.list_faults(tmp_path, NOTHING))
    monkeypatch.setattr(host, "qemu_version", lambda: "10.1")
    assert not any(
        "QEMU" in fault and "old" in fault for fault in host.list_faults(tmp_path, NOTHING)
    )
