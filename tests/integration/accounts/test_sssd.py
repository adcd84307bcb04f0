"""SSSD: its own checker accepts the configuration in the documentation."""

from __future__ import annotations

import pathlib
import re

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support.site import ROOT


def check(config: pathlib.Path) -> process.ProgramResult:
    config.chmod(0o600)
    (config.parent / "conf.d").mkdir()
    return process.run(["sssctl", "config-check", f"--config={config}"], timeout=60, ok=(0, 1))


def test_sssctl_accepts_the_documented_configuration(
    tmp_path: pathlib.Path,
) -> None:
    match = re.search(
        r"```ini\n(.*?)```", (ROOT / "docs" / "accounts.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert match
    config = tmp_path / "sssd.conf"
    config.write_text(match.group(1))
    result = check(config)
    assert (result.status, "Issues identified by validators: 0" in result.stdout) == (0, True), (
        result.stdout
    )


def test_sssctl_rejects_a_misspelt_option(tmp_path: pathlib.Path) -> None:
    config = tmp_path / "sssd.conf"
    config.write_text(
        "[sssd]\nservices = nss\ndomains = example\n"
        "[domain/example]\nid_provider = ldap\nldap_urls = x\n"
    )
    assert "ldap_urls" in check(config).stdout
