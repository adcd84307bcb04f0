"""Ad-hoc commands in a clone: short names, real Ansible, a real server."""

from __future__ import annotations

import json

from support.ansible import command, module
from support.cluster import Urls
from support.mariadb import Server

MAC = "02:00:00:00:00:01"


def test_ad_hoc_commands_describe_a_new_cluster(mariadb: Server) -> None:
    env = {"ROCKS_DATABASE": mariadb.url("described")}
    try:
        assert module("rocks_database", {"state": "present"}, env=env)["schema_before"] == 0
        assert (
            module("rocks_network", {"name": "private", "subnet": "10.0.0.0/8"}, env=env)["changed"]
            is True
        )
        predicted = module("rocks_node", {"mac": MAC}, "--check", env=env)
        result = module("rocks_node", {"mac": MAC}, env=env)
        assert predicted == result
        assert (result["added"], result["nodes"][0]["ip"]) == (["compute-0-0"], "10.255.255.254")
        assert module("rocks_node", {"mac": MAC}, env=env)["changed"] is False
    finally:
        mariadb.drop("described")


def test_the_most_verbose_output_contains_no_secret(table_ii: object, urls: Urls) -> None:
    options = json.dumps({"name": "munge", "value": "swordfish", "database": urls.administrator})
    process = command("ansible", "localhost", "-m", "rocks_secret", "-a", options, "--diff", "-vvv")
    output = process.stdout.replace(options, "") + process.stderr
    assert process.returncode == 0 and '"changed": true' in output
    assert "swordfish" not in output


def test_ansible_runs_the_query_of_the_paper(table_ii: object, urls: Urls) -> None:
    options = {"query": "select name from nodes where rack=1", "database": urls.reader}
    assert module("rocks_sql_info", options)["first_column"] == ["web-1-0"]
