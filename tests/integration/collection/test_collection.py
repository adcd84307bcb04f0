"""Short names work in a clone, and full names with the installed tarball."""

from __future__ import annotations

import pathlib
import subprocess
import tarfile

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from support.ansible import BIN, ROOT, command
from support.cluster import Urls

NEVER_SHIPPED = (
    ".collections",
    ".venv",
    ".cache",
    ".git",
    ".ci",
    "ansible.cfg",
    "inventory",
    "tests/lab",
    "__pycache__",
)
SHORT_NAMES = """
[defaults]
collections_path = {root}
library = {plugins}/modules
action_plugins = {plugins}/action
lookup_plugins = {plugins}/lookup
inventory_plugins = {plugins}/inventory
"""


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The built collection."""
    folder = tmp_path_factory.mktemp("built")
    finished = command("ansible-galaxy", "collection", "build", "--output-path", str(folder))
    assert finished.returncode == 0, finished.stderr
    return next(folder.glob("npaci-rocks-*.tar.gz"))


@pytest.fixture(scope="module")
def installed_collections(
    tarball: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    """The folder of collections into which the tarball is installed."""
    folder = tmp_path_factory.mktemp("installed")
    finished = command(
        "ansible-galaxy",
        "collection",
        "install",
        "--offline",
        "-p",
        str(folder),
        str(tarball),
        cwd=folder,
    )
    assert finished.returncode == 0, finished.stderr
    return folder


def run_query(
    name: str, cwd: pathlib.Path, env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the paper's query with the module of that name."""
    sql = "query='select name from nodes where rack=1'"
    return command("ansible", "localhost", "-m", name, "-a", sql, cwd=cwd, env=env)


def test_the_tarball_has_the_collection_and_no_development_files(tarball: pathlib.Path) -> None:
    with tarfile.open(tarball) as archive:
        names = archive.getnames()
    assert [name for name in names if name.startswith(NEVER_SHIPPED) or "__pycache__" in name] == []
    assert {
        "plugins/inventory/rocks.py",
        "plugins/module_utils/cluster/schema.py",
        "plugins/module_utils/service/web/static/page.css",
        "plugins/module_utils/service/web/static/page.js",
        "xml/graphs/default",
        "rolls/slurm/roll.yml",
        "LICENSE",
    } <= set(names)


def test_short_names_work_in_a_clone(table_ii: Database, urls: Urls) -> None:
    finished = run_query("rocks_sql_info", ROOT, {"ROCKS_DATABASE": urls.administrator})
    assert "web-1-0" in finished.stdout, finished.stdout + finished.stderr


def test_full_names_work_with_the_installed_collection(
    table_ii: Database, urls: Urls, installed_collections: pathlib.Path
) -> None:
    env = {
        "ROCKS_DATABASE": urls.administrator,
        "ANSIBLE_COLLECTIONS_PATH": str(installed_collections),
    }
    finished = run_query("npaci.rocks.rocks_sql_info", installed_collections, env)
    assert "web-1-0" in finished.stdout, finished.stdout + finished.stderr


def test_every_playbook_has_a_full_name(installed_collections: pathlib.Path) -> None:
    """Ansible accepts no hyphens in a full name."""
    stems = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
    names = [f"npaci.rocks.{name}" for name in sorted({stem.replace("-", "_") for stem in stems})]
    finished = command(
        *("ansible-playbook", "--syntax-check", "-i", "localhost,", *names),
        cwd=installed_collections,
        env={"ANSIBLE_COLLECTIONS_PATH": str(installed_collections)},
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("playbook: ") == len(names)


def test_short_names_work_with_the_installed_collection_when_the_paths_are_set(
    table_ii: Database, urls: Urls, installed_collections: pathlib.Path
) -> None:
    (installed_collections / "ansible.cfg").write_text(
        SHORT_NAMES.format(
            root=installed_collections,
            plugins=installed_collections / "ansible_collections" / "npaci" / "rocks" / "plugins",
        )
    )
    installed_collections.chmod(
        0o755
    )  # Ansible reads no configuration from a world-writable folder
    finished = run_query(
        "rocks_sql_info", installed_collections, {"ROCKS_DATABASE": urls.administrator}
    )
    assert "web-1-0" in finished.stdout, finished.stdout + finished.stderr


def test_every_module_and_plugin_is_documented() -> None:
    for kind, folder in (("module", "modules"), ("inventory", "inventory"), ("lookup", "lookup")):
        names = [
            f"npaci.rocks.{path.stem}" for path in sorted((ROOT / "plugins" / folder).glob("*.py"))
        ]
        finished = command("ansible-doc", "-t", kind, *names)
        assert finished.returncode == 0, finished.stderr
        assert "EXAMPLES" in finished.stdout
    assert (BIN / "ansible-doc").exists()
