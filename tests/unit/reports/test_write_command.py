# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program ``write-reports``, which units and timers run."""

from __future__ import annotations

import json
import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.commands.write_reports import main
from support.reports import into


@pytest.fixture
def site(
    described: Database, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> pathlib.Path:
    """A site with two reports; return their folder."""
    (tmp_path / "etc").mkdir()
    reports = {name: into(tmp_path / "etc", name) for name in ("hosts", "machines")}
    reports["machines"]["flavour"] = "lam"
    config = {"database": described.location.url, "reports": reports}
    (tmp_path / "rocks.yml").write_text(json.dumps(config))
    monkeypatch.setenv("ROCKS_CONFIG", str(tmp_path / "rocks.yml"))
    return tmp_path / "etc"


def test_a_report_that_fails_is_named_and_the_others_are_written(
    site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 1
    assert "report machines: flavour: 'lam'" in capsys.readouterr().err
    assert [path.name for path in site.iterdir()] == ["hosts"]


def test_a_row_that_is_left_out_is_a_warning(
    site: pathlib.Path, described: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    described.execute("update nodes set name = 'compute 0' where name = 'compute-0-0'")
    assert main(["hosts"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: left out: node 4: 'compute 0'")
    assert "compute-0-1" in (site / "hosts").read_text()


def test_an_unknown_report_is_an_error(
    site: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["slrum"]) == 1
    assert "'slrum'" in capsys.readouterr().err
