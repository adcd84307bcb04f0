"""rebuild-dist.yml with rolls: a new frontend's first build, and the keys of vendors.

The repositories are stand-ins (support/standins.py), made by hand.
"""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import subprocess
from typing import Any, Callable, Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from support.ansible import command
from support.cluster import Urls
from support.distributions import Site
from support.keys import SecretKey
from support.modules import run as module
from support.profiles import ROLLS
from support.rolls import write_roll
from support.standins import write_repositories
from support.upstream import Upstream, upstream

SECONDS = 1200


def fingerprint(key: SecretKey) -> str:
    listing = key.gpg("--with-colons", "--list-keys")
    return str(re.findall(r"^fpr:+([0-9A-F]{40}):", listing, re.MULTILINE)[0])


class Frontend:
    """A new frontend for EL 9 with the stand-ins of the vendors' repositories."""

    def __init__(self, site: Site, server: Upstream, key: SecretKey, urls: Urls) -> None:
        self.site = site
        self.server = server
        self.settings = site.folder / "rocks.yml"
        self.settings.write_text(
            f"database: {urls.administrator}\ndistributions: {site.root}\nscheduler: slurm\n"
        )
        # The shipped roll, with the stand-in's place and key.
        text = (ROLLS / "epel" / "roll.yml").read_text()
        text = text.replace("https://dl.fedoraproject.org/pub", server.url)
        text = re.sub(r"(?<=fingerprint: )FF8A\w+", fingerprint(key), text)
        text = text.replace(f"{server.url}/epel/RPM-", f"{server.url}/RPM-")
        (site.folder / "rolls" / "epel").mkdir(parents=True)
        (site.folder / "rolls" / "epel" / "roll.yml").write_text(text)

    def rebuild(self, *words: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        """Run the playbook with the variables of the test's folders only."""
        values = {
            "distribution_release": "rhel9",
            "distribution_mirror": f"{self.server.url}/stock",
            "distribution_contrib": str(self.site.folder / "contrib"),
            "distribution_local": str(self.site.folder / "local"),
            "distribution_roll_folders": [str(ROLLS), str(self.site.folder / "rolls")],
            "distribution_key_folder": str(self.site.folder / "keys"),
            "distribution_install_libraries": False,
            "distribution_settings": "",
            **variables,
        }
        return command(
            "ansible-playbook",
            "playbooks/rebuild-dist.yml",
            "-e",
            json.dumps(values),
            *words,
            env={"ROCKS_CONFIG": str(self.settings)},
            seconds=SECONDS,
        )

    @property
    def generation(self) -> str:
        return (self.site.root / "rocks" / "x86_64").resolve().name


@pytest.fixture(scope="module")
def mirror(
    tmp_path_factory: pytest.TempPathFactory, key: Callable[[str], SecretKey]
) -> Iterator[Upstream]:
    folder = write_repositories(tmp_path_factory.mktemp("mirror"), key("vendor"))
    shutil.copy(key("vendor").public, folder / "RPM-GPG-KEY-EPEL-9")
    with upstream(folder) as server:
        yield server


@pytest.fixture
def frontend(
    site: Site, mirror: Upstream, table_ii: Database, urls: Urls, key: Callable[[str], SecretKey]
) -> Frontend:
    return Frontend(site, mirror, key("vendor"), urls)


def test_the_first_build_of_a_new_frontend_has_slurm_and_closes(frontend: Frontend) -> None:
    built = frontend.rebuild()

    assert built.returncode == 0, built.stdout
    names = {nevra.rpartition("-0:")[0] for nevra in frontend.site.nevras("rocks")}
    assert {"slurm-slurmd", "slurm-slurmctld", "example-of-crb"} <= names
    profiles = list((frontend.site.tree("rocks") / "build" / "profiles").glob("compute-*.json"))
    assert profiles
    assert all("slurm-slurmd" in path.read_text() for path in profiles)
    assert (frontend.site.folder / "keys" / "RPM-GPG-KEY-EPEL-9").exists()
    again = frontend.rebuild()
    assert "changed=0" in again.stdout, again.stdout


def test_without_epel_the_build_names_the_missing_package(frontend: Frontend) -> None:
    built = frontend.rebuild(distribution_rolls=["slurm"])
    assert built.returncode
    assert "slurm-slurmd is not a package of this distribution" in built.stdout
    assert "rolls/slurm/nodes/slurm-client.xml" in built.stdout


def test_the_packages_of_epel_require_crb(frontend: Frontend) -> None:
    path = frontend.site.folder / "rolls" / "epel" / "roll.yml"
    path.write_text(path.read_text().replace("repositories: [CRB]", ""))
    built = frontend.rebuild()
    assert built.returncode
    assert "slurm-slurmd cannot be installed" in built.stdout
    assert "example-of-crb" in built.stdout


def test_a_roll_that_is_off_leaves_no_trace(frontend: Frontend) -> None:
    rolls = frontend.site.folder / "rolls"
    node = "<kickstart><description>x</description><package>filesystem</package></kickstart>"
    edge = '<graph><edge from="compute" to="tools"/></graph>'
    files = {"nodes/tools.xml": node, "graphs/default/tools.xml": edge}
    write_roll(rolls, "tools", files=files)
    frontend.rebuild()
    before = frontend.generation

    with_roll = frontend.rebuild(distribution_rolls=["slurm", "epel", "tools"])
    assert with_roll.returncode == 0, with_roll.stdout
    tree = frontend.site.tree("rocks")
    assert frontend.generation != before
    assert (tree / "build/rolls/tools.yml").exists()
    frontend.rebuild()

    assert frontend.generation == before
    assert not (frontend.site.tree("rocks") / "build/rolls/tools.yml").exists()


def test_a_child_inherits_the_rolls_and_adds_one(frontend: Frontend) -> None:
    assert frontend.rebuild().returncode == 0
    write_roll(frontend.site.folder / "rolls", "tools")
    child = {
        "distribution_name": "physics",
        "distribution_mirror": "",
        "distribution_parent": str(frontend.site.tree("rocks")),
        "distribution_rolls": ["tools"],
    }

    built = frontend.rebuild(**child)

    assert built.returncode == 0, built.stdout
    folder = frontend.site.tree("physics") / "build" / "rolls"
    assert {path.stem for path in folder.iterdir()} == {"epel", "slurm", "tools"}


@pytest.mark.parametrize(
    ("variables", "facts"),
    [
        ({"distribution_rolls": ["slrm"]}, ["unknown roll", "slurm"]),
        ({"distribution_roll_urls": {"epl": "http://a"}}, ["epl", "not a source of a roll"]),
        ({"distribution_rolls": ["epel"], "distribution_release": "f44"}, ["epel", "f44"]),
    ],
)
def test_a_wrong_variable_changes_nothing(
    frontend: Frontend, variables: dict[str, Any], facts: list[str]
) -> None:
    built = frontend.rebuild(**variables)
    assert built.returncode
    assert all(fact in built.stdout for fact in facts), built.stdout
    assert not frontend.site.root.exists()


class TestKeys:
    """rocks_vendor_key."""

    @pytest.fixture
    def server(self, tmp_path: pathlib.Path) -> Iterator[Upstream]:
        (tmp_path / "vendor").mkdir()
        with upstream(tmp_path / "vendor") as server:
            yield server

    def keep(
        self, tmp_path: pathlib.Path, server: Upstream, *fingerprints: str, **options: Any
    ) -> dict[str, Any]:
        row = {"name": "KEY", "url": f"{server.url}/KEY", "fingerprint": list(fingerprints)}
        row.update(options.pop("row", {}))
        return module("rocks_vendor_key", keys=[row], folder=str(tmp_path / "keys"), **options)

    def test_a_key_is_fetched_once(
        self, tmp_path: pathlib.Path, server: Upstream, key: Callable[[str], SecretKey]
    ) -> None:
        vendor = key("vendor")
        shutil.copy(vendor.public, server.folder / "KEY")

        first = self.keep(tmp_path, server, fingerprint(vendor))
        second = self.keep(tmp_path, server, fingerprint(vendor))

        assert (first["changed"], second["changed"]) == (True, False)
        assert pathlib.Path(first["paths"]["KEY"]).read_bytes() == vendor.public.read_bytes()
        assert len(server.requests) == 1

    def test_check_mode_fetches_and_keeps_nothing(
        self, tmp_path: pathlib.Path, server: Upstream, key: Callable[[str], SecretKey]
    ) -> None:
        shutil.copy(key("vendor").public, server.folder / "KEY")
        result = self.keep(tmp_path, server, fingerprint(key("vendor")), check=True)
        assert result["changed"]
        assert not (tmp_path / "keys").exists()

    @pytest.mark.parametrize("content", ["other", "both", "text"])
    def test_a_file_with_any_other_key_is_refused(
        self,
        tmp_path: pathlib.Path,
        server: Upstream,
        key: Callable[[str], SecretKey],
        content: str,
    ) -> None:
        vendor, other = key("vendor"), key("other")
        texts = {
            "other": other.public.read_text(),
            "both": vendor.public.read_text() + other.public.read_text(),
            "text": "<html>not found</html>",
        }
        (server.folder / "KEY").write_text(texts[content])

        result = self.keep(tmp_path, server, fingerprint(vendor))

        assert result["failed"]
        assert f"{server.url}/KEY" in result["msg"]
        assert (fingerprint(other) in result["msg"]) == (content != "text")
        assert not (tmp_path / "keys").exists()

    def test_a_copy_of_the_operating_system_needs_no_network(
        self, tmp_path: pathlib.Path, server: Upstream, key: Callable[[str], SecretKey]
    ) -> None:
        vendor, other = key("vendor"), key("other")
        shutil.copy(vendor.public, server.folder / "KEY")
        copies = [str(other.public), str(vendor.public), str(tmp_path / "absent")]

        self.keep(tmp_path, server, fingerprint(vendor), row={"copies": copies})

        assert server.requests == []
        assert (tmp_path / "keys/KEY").read_bytes() == vendor.public.read_bytes()

    def test_a_rotated_key_replaces_the_kept_one(
        self, tmp_path: pathlib.Path, server: Upstream, key: Callable[[str], SecretKey]
    ) -> None:
        shutil.copy(key("vendor").public, server.folder / "KEY")
        self.keep(tmp_path, server, fingerprint(key("vendor")))
        shutil.copy(key("other").public, server.folder / "KEY")

        assert self.keep(tmp_path, server, fingerprint(key("other")))["changed"]

    @pytest.mark.parametrize(
        ("row", "fact"),
        [
            ({"fingerprint": ["3228467C"]}, "40 hexadecimal digits"),
            ({"fingerprint": []}, "no fingerprint"),
            ({"name": "../KEY"}, "not a file name"),
        ],
    )
    def test_a_wrong_description_is_refused(
        self, tmp_path: pathlib.Path, server: Upstream, row: dict[str, Any], fact: str
    ) -> None:
        result = self.keep(tmp_path, server, "0" * 40, row=row)
        assert fact in result["msg"]

    def test_a_missing_key_names_the_place_for_a_copy(
        self, tmp_path: pathlib.Path, server: Upstream
    ) -> None:
        result = self.keep(tmp_path, server, "0" * 40)
        assert result["failed"]
        assert f"{server.url}/KEY" in result["msg"]
