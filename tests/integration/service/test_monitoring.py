# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Metrics that Prometheus's tools accept, alerts that fire, and the queries of the dashboard."""

from __future__ import annotations

import json
import pathlib
import re
import socket
import sys

import pytest
import yaml

from ansible_collections.npaci.rocks.plugins.module_utils import process
from support.daemons import daemon
from support.site import ROOT
from support.waiting import until

from .conftest import Stage

FILES = ROOT / "roles" / "frontend" / "files" / "monitoring"
ALERTS = FILES / "rocks-alerts.yml"
DASHBOARD = FILES / "rocks-dashboard.json"
MAINTENANCE = "ansible_collections.npaci.rocks.plugins.module_utils.commands.maintenance"
METRIC = re.compile(r"\brocks_[a-z_]+")


def promtool(*words: str, stdin: str = "") -> str:
    return process.run(["promtool", *words], timeout=60, stdin=stdin).stdout


def expressions() -> list[str]:
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def test_prometheus_accepts_every_metric(stage: Stage) -> None:
    stage.order()
    response = stage.site.namespace.run(
        ["curl", "-sf", "http://127.0.0.1/rocks/metrics"], timeout=20
    )
    promtool("check", "metrics", stdin=response.stdout)
    used = {name for expression in expressions() for name in METRIC.findall(expression)}
    used |= set(METRIC.findall(ALERTS.read_text(encoding="utf-8")))
    assert used <= set(re.findall(r"^# TYPE (\S+)", response.stdout, re.MULTILINE))


def test_prometheus_accepts_every_query_of_the_dashboard(tmp_path: pathlib.Path) -> None:
    rules = [
        {"record": f"r{number}", "expr": expression}
        for number, expression in enumerate(expressions())
    ]
    (tmp_path / "rules.yml").write_text(
        yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}), encoding="utf-8"
    )
    promtool("check", "rules", str(tmp_path / "rules.yml"))


def _series(name: str, values: str) -> dict[str, str]:
    return {"series": name, "values": values}


def test_only_a_failed_node_and_a_silent_installation_raise_alerts(
    tmp_path: pathlib.Path,
) -> None:
    last_report = "rocks_order_heard_timestamp_seconds"
    series = [
        _series('rocks_node_failed{node="compute-0-3",rack="0"}', "1x40"),
        _series(f'{last_report}{{rack="1",state="installing"}}', "0x40"),  # no further report
        _series(f'{last_report}{{rack="2",state="installing"}}', "0+60x40"),  # every minute
        _series(f'{last_report}{{rack="3",state="ordered"}}', "0x40"),  # waits for its turn
    ]
    failed = {"severity": "warning", "node": "compute-0-3", "rack": "0"}
    silent = {"severity": "warning", "state": "installing", "rack": "1"}
    rules = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]
    summaries = {
        "RocksInstallationFailed": "The installation of compute-0-3 in rack 0 failed",
        "RocksInstallationSilent": "A node of rack 1 is installing, without a report for 31m 0s",
    }
    annotations = {
        rule["alert"]: {
            "summary": summaries[rule["alert"]],
            "description": rule["annotations"]["description"].replace(
                "{{ $labels.node }}", "compute-0-3"
            ),
        }
        for rule in rules
    }
    expected = [
        {
            "eval_time": at,
            "alertname": name,
            "exp_alerts": [
                {"exp_labels": labels, "exp_annotations": annotations[name]} for labels in alerts
            ],
        }
        for at, name, alerts in (
            ("0m", "RocksInstallationFailed", []),
            ("1m", "RocksInstallationFailed", [failed]),
            ("30m", "RocksInstallationSilent", []),
            ("31m", "RocksInstallationSilent", [silent]),
        )
    ]
    tests = {"interval": "1m", "input_series": series, "alert_rule_test": expected}
    case = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": [tests]}
    (tmp_path / "case.yml").write_text(yaml.safe_dump(case), encoding="utf-8")
    promtool("test", "rules", str(tmp_path / "case.yml"))


@pytest.fixture
def textfiles(tmp_path: pathlib.Path) -> pathlib.Path:
    """The folder that node_exporter reads."""
    folder = tmp_path / "textfiles"
    folder.mkdir()
    return folder


def test_node_exporter_reads_the_metrics_that_maintenance_writes(
    stage: Stage, textfiles: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Through a symbolic link, as the role makes it, and with the service's account."""
    order = stage.order()
    stage.database.execute("update installs set expires = '2026-01-01 00:00:00'")
    textfile = stage.site.folder / "run" / "rocks.prom"
    env = {"ROCKS_CONFIG": str(stage.site.folder / "rocks.yml")}
    (textfiles / "rocks.prom").symlink_to(textfile)
    argv = [
        "setpriv",
        "--reuid=64001",
        "--regid=64001",
        "--clear-groups",
        sys.executable,
        "-m",
        MAINTENANCE,
        str(textfile),
    ]
    process.run(argv, timeout=60, cwd="/", env={**env, "PYTHONPATH": str(ROOT / ".collections")})
    assert stage.current(order).state == "expired"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    argv = [
        "prometheus-node-exporter",
        f"--web.listen-address={address}",
        "--collector.disable-defaults",
    ]
    collector = ["--collector.textfile", f"--collector.textfile.directory={textfiles}"]
    with daemon([*argv, *collector], tmp_path / "exporter.log"):
        scrape = ["curl", "-sf", f"http://{address}/metrics"]
        until(
            lambda: process.run(scrape, timeout=10, ok=range(256)).status == 0,
            20.0,
            "node_exporter to answer",
        )
        metrics = process.run(scrape, timeout=10).stdout
    assert 'rocks_node_state{rack="0",state="expired"} 1\n' in metrics
    assert "node_textfile_scrape_error 0\n" in metrics
    promtool("check", "metrics", stdin=textfile.read_text(encoding="utf-8"))


def test_without_a_database_maintenance_fails_and_keeps_the_last_metrics(
    tmp_path: pathlib.Path,
) -> None:
    textfile = tmp_path / "rocks.prom"
    textfile.write_text("rocks_suspect_nodes 0.0\n", encoding="utf-8")
    env = {
        "ROCKS_DATABASE": "mysql://nobody@127.0.0.1:1/none",
        "PYTHONPATH": str(ROOT / ".collections"),
    }
    done = process.run(
        [sys.executable, "-m", MAINTENANCE, str(textfile)], timeout=60, cwd="/", env=env, ok=(1,)
    )
    assert "Traceback" not in done.stderr and "127.0.0.1" in done.stderr
    assert textfile.read_text(encoding="utf-8") == "rocks_suspect_nodes 0.0\n"
