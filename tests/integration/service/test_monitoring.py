# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a site's Prometheus gets: metrics that its own tools accept, alerts that fire, a dashboard whose queries are answered."""

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
ALERTS, DASHBOARD = FILES / "rocks-alerts.yml", FILES / "rocks-dashboard.json"
ROUNDS = "ansible_collections.npaci.rocks.plugins.module_utils.commands.maintenance"
METRIC = re.compile(r"\brocks_[a-z_]+")


def promtool(*words: str, stdin: str = "") -> str:
    return process.run(["promtool", *words], timeout=60, stdin=stdin).stdout


def expressions() -> list[str]:
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def test_prometheus_accepts_every_metric(stage: Stage) -> None:
    stage.order()
    answer = stage.site.namespace.run(["curl", "-sf", "http://127.0.0.1/rocks/metrics"], timeout=20)
    promtool("check", "metrics", stdin=answer.stdout)
    asked = {name for expression in expressions() for name in METRIC.findall(expression)}
    asked |= set(METRIC.findall(ALERTS.read_text(encoding="utf-8")))
    assert asked <= set(re.findall(r"^# TYPE (\S+)", answer.stdout, re.MULTILINE))


def test_every_query_of_the_dashboard_is_one(tmp_path: pathlib.Path) -> None:
    rules = [
        {"record": f"r{number}", "expr": expression}
        for number, expression in enumerate(expressions())
    ]
    (tmp_path / "rules.yml").write_text(
        yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}), encoding="utf-8"
    )
    promtool("check", "rules", str(tmp_path / "rules.yml"))


def test_a_failed_node_and_a_silent_installation_are_alerts_and_nothing_else_is(
    tmp_path: pathlib.Path,
) -> None:
    heard = "rocks_order_heard_timestamp_seconds"
    series = [
        {"series": 'rocks_node_failed{node="compute-0-3",rack="0"}', "values": "1x40"},
        {
            "series": f'{heard}{{rack="1",state="installing"}}',
            "values": "0x40",
        },  # never heard of again
        {"series": f'{heard}{{rack="2",state="installing"}}', "values": "0+60x40"},  # every minute
        {"series": f'{heard}{{rack="3",state="ordered"}}', "values": "0x40"},  # waits for its wave
    ]
    failed = {"severity": "warning", "node": "compute-0-3", "rack": "0"}
    silent = {"severity": "warning", "state": "installing", "rack": "1"}
    text = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]
    notes = {
        "RocksInstallationFailed": (
            "The installation of compute-0-3 in rack 0 failed",
            "compute-0-3",
        ),
        "RocksInstallationSilent": (
            "A node of rack 1 is installing, and silent for 31m 0s",
            "compute-0-3",
        ),
    }
    described = {rule["alert"]: rule["annotations"]["description"] for rule in text}
    wanted = [
        {"eval_time": at, "alertname": name, "exp_alerts": [
            {"exp_labels": labels, "exp_annotations": {
                "summary": notes[name][0], "description": described[name].replace("{{ $labels.node }}", notes[name][1])}}
            for labels in alerts]}
        for at, name, alerts in (
            ("0m", "RocksInstallationFailed", []),
            ("1m", "RocksInstallationFailed", [failed]),
            ("30m", "RocksInstallationSilent", []),
            ("31m", "RocksInstallationSilent", [silent]),
        )
    ]  # fmt: skip
    tests = {"interval": "1m", "input_series": series, "alert_rule_test": wanted}
    case = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": [tests]}
    (tmp_path / "case.yml").write_text(yaml.safe_dump(case), encoding="utf-8")
    promtool("test", "rules", str(tmp_path / "case.yml"))


@pytest.fixture
def textfiles(tmp_path: pathlib.Path) -> pathlib.Path:
    """The folder that node_exporter reads."""
    folder = tmp_path / "textfiles"
    folder.mkdir()
    return folder


def test_node_exporter_reads_what_the_timers_round_wrote(
    stage: Stage, textfiles: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Through a link, as the role lays it, by the service's own account."""
    order = stage.order()
    stage.database.execute("update installs set expires = '2026-01-01 00:00:00'")
    written, env = (
        stage.site.folder / "run" / "rocks.prom",
        {"ROCKS_CONFIG": str(stage.site.folder / "rocks.yml")},
    )
    (textfiles / "rocks.prom").symlink_to(written)
    argv = [
        "setpriv",
        "--reuid=64001",
        "--regid=64001",
        "--clear-groups",
        sys.executable,
        "-m",
        ROUNDS,
        str(written),
    ]
    process.run(argv, timeout=60, cwd="/", env={**env, "PYTHONPATH": str(ROOT / ".collections")})
    assert stage.current(order).state == "expired"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    argv = [
        "prometheus-node-exporter",
        f"--web.listen-address={place}",
        "--collector.disable-defaults",
    ]
    collector = ["--collector.textfile", f"--collector.textfile.directory={textfiles}"]
    with daemon([*argv, *collector], tmp_path / "exporter.log"):
        ask = ["curl", "-sf", f"http://{place}/metrics"]
        until(
            lambda: process.run(ask, timeout=10, ok=range(256)).status == 0,
            20.0,
            "node_exporter to answer",
        )
        seen = process.run(ask, timeout=10).stdout
    assert 'rocks_node_state{rack="0",state="expired"} 1\n' in seen
    assert "node_textfile_scrape_error 0\n" in seen
    promtool("check", "metrics", stdin=written.read_text(encoding="utf-8"))


def test_a_database_that_is_away_is_said_and_the_last_metrics_stay(tmp_path: pathlib.Path) -> None:
    textfile = tmp_path / "rocks.prom"
    textfile.write_text("rocks_suspect_nodes 0\n", encoding="utf-8")
    env = {
        "ROCKS_DATABASE": "mysql://nobody@127.0.0.1:1/none",
        "PYTHONPATH": str(ROOT / ".collections"),
    }
    done = process.run(
        [sys.executable, "-m", ROUNDS, str(textfile)], timeout=60, cwd="/", env=env, ok=(1,)
    )
    assert "Traceback" not in done.stderr and "127.0.0.1" in done.stderr
    assert textfile.read_text(encoding="utf-8") == "rocks_suspect_nodes 0\n"
