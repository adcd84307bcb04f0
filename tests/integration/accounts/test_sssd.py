"""SSSD as an alternative: the configuration that the documentation shows, judged by SSSD itself."""

from __future__ import annotations

import pathlib
import re

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support.site import ROOT


def check(config: pathlib.Path) -> process.ProgramResult:
    config.chmod(0o600)
    (config.parent / "conf.d").mkdir()
    return process.run(["sssctl", "config-check", f"--config={config}"], timeout=60, ok=(0, 1))


def test_sssd_finds_nothing_against_the_configuration_in_the_documentation(
    tmp_path: pathlib.Path,
) -> None:
    found = re.search(
        r"```ini\n(.*?)```", (ROOT / "docs" / "accounts.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert found
    config = tmp_path / "sssd.conf"
    config.write_text(found.group(1))
    said = check(config)
    assert (said.status, "Issues identified by validators: 0" in said.stdout) == (0, True), (
        said.stdout
    )


def test_its_judge_is_no_friend_of_a_misspelt_option(tmp_path: pathlib.Path) -> None:
    config = tmp_path / "sssd.conf"
    config.write_text(
        "[sssd]\nservices = nss\ndomains = example\n[domain/example]\nid_provider = ldap\nldap_urls = x\n"
    )
    assert "ldap_urls" in check(config).stdout
