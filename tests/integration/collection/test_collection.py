"""What a user gets: a clone in which short names work, and a tarball in which full names do."""

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
library = {here}/plugins/modules
action_plugins = {here}/plugins/action
lookup_plugins = {here}/plugins/lookup
inventory_plugins = {here}/plugins/inventory
"""


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The built collection."""
    folder = tmp_path_factory.mktemp("built")
    ended = command("ansible-galaxy", "collection", "build", "--output-path", str(folder))
    assert ended.returncode == 0, ended.stderr
    return next(folder.glob("npaci-rocks-*.tar.gz"))


@pytest.fixture(scope="module")
def installed(tarball: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder of collections that holds the tarball's."""
    folder = tmp_path_factory.mktemp("installed")
    ended = command(
        "ansible-galaxy",
        "collection",
        "install",
        "--offline",
        "-p",
        str(folder),
        str(tarball),
        cwd=folder,
    )
    assert ended.returncode == 0, ended.stderr
    return folder


def ask(name: str, cwd: pathlib.Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The paper's query through the module of that name."""
    sql = "query='select name from nodes where rack=1'"
    return command("ansible", "localhost", "-m", name, "-a", sql, cwd=cwd, env=env)


def test_the_tarball_holds_what_runs_and_nothing_of_how_it_is_made(tarball: pathlib.Path) -> None:
    with tarfile.open(tarball) as archive:
        names = archive.getnames()
    assert [name for name in names if name.startswith(NEVER_SHIPPED) or "__pycache__" in name] == []
    assert {
        "plugins/inventory/rocks.py",
        "plugins/module_utils/cluster/schema.py",
        "plugins/module_utils/service/web/static/page.css",
        "plugins/module_utils/service/web/static/page.js",
        "xml/graphs/default",
        "LICENSE",
    } <= set(names)


def test_a_clone_knows_short_names(table_ii: Database, urls: Urls) -> None:
    ended = ask("rocks_sql_info", ROOT, {"ROCKS_DATABASE": urls.administrator})
    assert "web-1-0" in ended.stdout, ended.stdout + ended.stderr


def test_the_installed_collection_knows_full_names(
    table_ii: Database, urls: Urls, installed: pathlib.Path
) -> None:
    env = {"ROCKS_DATABASE": urls.administrator, "ANSIBLE_COLLECTIONS_PATH": str(installed)}
    ended = ask("npaci.rocks.rocks_sql_info", installed, env)
    assert "web-1-0" in ended.stdout, ended.stdout + ended.stderr


def test_the_installed_collection_knows_short_names_once_the_paths_are_set(
    table_ii: Database, urls: Urls, installed: pathlib.Path
) -> None:
    (installed / "ansible.cfg").write_text(
        SHORT_NAMES.format(
            root=installed, here=installed / "ansible_collections" / "npaci" / "rocks"
        )
    )
    installed.chmod(0o755)  # Ansible reads no configuration from a folder that everybody may write
    ended = ask("rocks_sql_info", installed, {"ROCKS_DATABASE": urls.administrator})
    assert "web-1-0" in ended.stdout, ended.stdout + ended.stderr


def test_every_module_and_plugin_is_documented() -> None:
    for kind, folder in (("module", "modules"), ("inventory", "inventory"), ("lookup", "lookup")):
        names = [
            f"npaci.rocks.{path.stem}" for path in sorted((ROOT / "plugins" / folder).glob("*.py"))
        ]
        ended = command("ansible-doc", "-t", kind, *names)
        assert ended.returncode == 0, ended.stderr
        assert "EXAMPLES" in ended.stdout
    assert (BIN / "ansible-doc").exists()
