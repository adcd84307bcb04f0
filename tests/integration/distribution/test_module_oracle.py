# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""dnf lists and installs the same module streams from the published tree as from the sources."""

from __future__ import annotations

import pathlib
import re
from typing import Any, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata import (
    compression,
    module_documents,
    module_merge,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import Source
from support.distributions import Site
from support.dnf import dnf
from support.modulemd import read_modules
from support.modules_yaml import build, defaults, obsoletes
from support.rpms import Rpm
from support.samples import sample

PLATFORM = "module_platform_id=platform:el9"
STREAM = re.compile(r"^(\w+) +(\S+(?: \[d\])?) ", re.MULTILINE)


def modular(name: str, version: str, stream: str) -> Rpm:
    """Return a package with the label of a module."""
    label = f"nodejs:{stream}:1:9"
    return Rpm(name, version, "1.module", "x86_64", files={f"/{name}": version}, modularity=label)


def nodejs(stream: str, build_version: int, patch: int, **options: Any) -> tuple[list[Rpm], str]:
    """Return the packages of a build with two packages, and its document."""
    rpms = [modular(name, f"{stream}.{patch}", stream) for name in ("nodejs", "npm")]
    text = build(stream, build_version, *(rpm.nevra for rpm in rpms), name="nodejs", **options)
    return rpms, text


NODE_18 = nodejs("18", 1, 1)
NODE_18_NEW = nodejs("18", 2, 2)
NODE_20 = nodejs("20", 1, 5)
PLAIN = Rpm("nodejs", "16", "1", "x86_64", epoch=2, files={"/nodejs": "16"})


class Clients:
    """dnf on repositories, with a folder for each question."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._count = 0

    def ask(self, urls: Sequence[str], *arguments: str) -> str:
        self._count += 1
        repositories = {f"r{number}": url for number, url in enumerate(urls)}
        scratch = self._folder / f"dnf{self._count}"
        return dnf(scratch, repositories, *arguments, options=[PLATFORM])

    def streams(self, *urls: str) -> set[tuple[str, str]]:
        """Return name and stream of each module, a default stream with ``[d]``."""
        return set(STREAM.findall(self.ask(urls, "module", "list"))) - {("Name", "Stream")}

    def installed(self, urls: Sequence[str], *arguments: str) -> list[str]:
        """Return the packages that dnf installs into an empty root."""
        root = self._folder / f"root{self._count}"
        self.ask(urls, f"--installroot={root}", *arguments)
        output = process.run(["rpm", "--root", str(root), "-qa"], timeout=60).stdout
        return sorted(output.split())


@pytest.fixture
def clients(tmp_path: pathlib.Path) -> Clients:
    return Clients(tmp_path)


def urls(*sources: Source) -> list[str]:
    return [pathlib.Path(source.path).as_uri() for source in sources]


SCENARIOS: Mapping[str, list[tuple[list[Rpm], str]]] = {
    "two builds of a stream in one source": [
        (
            [*NODE_18[0], *NODE_18_NEW[0], PLAIN],
            NODE_18[1] + NODE_18_NEW[1] + defaults("18", "nodejs"),
        )
    ],
    "a newer build in another source": [
        ([*NODE_18[0], *NODE_20[0]], NODE_18[1] + NODE_20[1] + defaults("20", "nodejs")),
        NODE_18_NEW,
    ],
    "a build of which each source has a part": [
        ([NODE_18[0][0], PLAIN], build("18", 1, NODE_18[0][0].nevra, name="nodejs")),
        ([NODE_18[0][1]], build("18", 1, NODE_18[0][1].nevra, name="nodejs")),
    ],
    "an obsolete stream": [
        (NODE_18[0], NODE_18[1] + obsoletes("18", "2024-01-01T00:00Z", name="nodejs"))
    ],
    "a quote in the first column": [
        (NODE_18[0], NODE_18[1].replace("a summary", '"two\n\n\n"'))
    ],
    "a document that dnf refuses": [
        (NODE_18[0], "---\ndocument: modulemd\nversion: 2\ndata:\n  name: x\n...\n" + NODE_18[1])
    ],
}  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_dnf_lists_and_installs_what_it_lists_and_installs_from_the_sources(
    site: Site, clients: Clients, scenario: str
) -> None:
    sources = [
        site.mirror(f"s{number}", rpms, extra={"modules": text})
        for number, (rpms, text) in enumerate(SCENARIOS[scenario])
    ]

    site.build("rocks", *sources)

    tree = site.tree("rocks").as_uri()
    assert clients.streams(tree) == clients.streams(*urls(*sources)) != set()
    for name, stream in sorted(clients.streams(tree)):
        spec = f"{name}:{stream.partition(' ')[0]}"
        request = ["module", "install", spec + "/common"]
        assert clients.installed([tree], *request) == clients.installed(urls(*sources), *request)
    assert clients.installed([tree], "install", "nodejs", "--skip-broken") == clients.installed(
        urls(*sources), "install", "nodejs", "--skip-broken"
    )


class TestRules:
    """What dnf would not do with the sources, because the rules of the distribution decide."""

    def test_an_older_stream_stays_installable_beside_a_filtered_newer_source(
        self, site: Site, clients: Clients
    ) -> None:
        os_ = site.mirror("os", [*NODE_18[0], Rpm("openssl", "1")], extra={"modules": NODE_18[1]})
        fix = site.mirror(
            "fix",
            [*NODE_18_NEW[0], Rpm("openssl", "2")],
            extra={"modules": NODE_18_NEW[1]},
            include=("openssl",),
        )

        site.build("rocks", os_, fix)

        tree = site.tree("rocks").as_uri()
        assert clients.installed([tree], "module", "install", "nodejs:18/common") == [
            "nodejs-18.1-1.module.x86_64"
        ]
        assert clients.installed([tree], "install", "openssl") == ["openssl-2-1.noarch"]

    def test_a_pinned_build_can_be_installed(self, site: Site, clients: Clients) -> None:
        text = NODE_18[1] + NODE_18_NEW[1]
        os_ = site.mirror("os", [*NODE_18[0], *NODE_18_NEW[0]], extra={"modules": text})

        site.build("rocks", os_, pins={"nodejs": "18.1"})

        tree = site.tree("rocks").as_uri()
        assert clients.installed([tree], "install", "@nodejs:18/common", "npm") == [
            "nodejs-18.1-1.module.x86_64",
            "npm-18.1-1.module.x86_64",
        ]

    def test_a_package_that_wins_is_not_hidden_by_a_default_stream(
        self, site: Site, clients: Clients
    ) -> None:
        text = NODE_18[1] + defaults("18", "nodejs")
        own = Rpm("nodejs", "18.1", "9.site", "x86_64")

        site.build(
            "rocks",
            site.mirror("os", NODE_18[0], extra={"modules": text}),
            site.directory("local", [own], wins=("nodejs",)),
        )

        tree = site.tree("rocks").as_uri()
        assert clients.installed([tree], "install", "nodejs") == ["nodejs-18.1-9.site.x86_64"]

    def test_a_package_without_its_document_does_not_hide_an_installable_one(
        self, site: Site, clients: Clients
    ) -> None:
        built = site.build("rocks", site.mirror("os", [*NODE_18[0], Rpm("nodejs", "16")]))

        tree = site.tree("rocks").as_uri()
        assert clients.installed([tree], "install", "nodejs") == ["nodejs-16-1.noarch"]
        assert "nodejs-18.1-1.module.x86_64" in built.remarks[0]

    def test_a_release_that_only_looks_modular_stays(self, site: Site) -> None:
        site.build("rocks", site.mirror("os", [Rpm("kmod", "1", "1.module_signing")]))

        assert site.nevras("rocks") == ["kmod-0:1-1.module_signing.noarch"]


class TestIncrementalBuilds:
    """A change of a directory gives the same bytes as a build without a previous generation."""

    @pytest.mark.parametrize(
        "rpms",
        [
            pytest.param([Rpm("zsh", "2")], id="a package outside of modules"),
            pytest.param([Rpm("nodejs", "99")], id="a name that a stream has"),
            pytest.param([modular("python", "3", "3")], id="a package without its document"),
            pytest.param([Rpm("npm", "5", "1", "x86_64")], id="a name that the directory wins"),
            pytest.param([], id="nothing"),
        ],
    )
    @pytest.mark.parametrize("before", [[Rpm("zsh")], [Rpm("npm", "4", "1", "x86_64")]])
    def test_the_metadata_is_that_of_a_first_build(
        self, site: Site, tmp_path: pathlib.Path, before: list[Rpm], rpms: list[Rpm]
    ) -> None:
        text = NODE_18[1] + NODE_20[1] + defaults("20", "nodejs")
        os_ = site.mirror("os", [*NODE_18[0], *NODE_20[0], PLAIN], extra={"modules": text})
        local = site.directory("local", before, wins=("npm",))
        site.build("rocks", os_, local, allow_shrink=True)
        site.directory("local", rpms)

        incremental = site.build("rocks", os_, local, allow_shrink=True)
        fresh = Site(tmp_path / "fresh").build("rocks", os_, local, allow_shrink=True)

        assert incremental.generation.identity == fresh.generation.identity
        repomd = pathlib.Path("repodata", "repomd.xml")
        assert (pathlib.Path(incremental.generation.path) / repomd).read_bytes() == (
            pathlib.Path(fresh.generation.path) / repomd
        ).read_bytes()


class TestLibmodulemd:
    def test_the_sample_is_read_as_by_libmodulemd(self) -> None:
        (path,) = (sample("cs9-appstream") / "repodata").glob("*-modules.yaml.xz")
        data = compression.decompress(path.read_bytes(), str(path))

        ours = module_documents.parse_modules(data, "os", "modules.yaml")

        assert our_builds(ours.documents) == read_modules(data.decode()).builds

    @given(
        st.lists(
            st.builds(
                build,
                st.sampled_from(("1", "2.0")),
                st.integers(1, 3),
                st.sampled_from(("a-0:1-1.noarch", "b-0:1-1.noarch")),
                name=st.sampled_from(("x", "y")),
                context=st.sampled_from(("c", "d")),
            ),
            min_size=1,
        ),
        st.lists(st.builds(defaults, st.sampled_from(("1", "2.0")), st.sampled_from(("x", "y")))),
    )
    def test_a_merged_file_has_every_build_once_and_all_packages(
        self, builds: list[str], other: list[str]
    ) -> None:
        rows = [
            document
            for text in (*builds, *other)
            for document in module_documents.parse_modules(text.encode(), "", "").documents
        ]
        packages: dict[str, set[str]] = {}
        for row in rows:
            if row.kind == module_documents.BUILD:
                packages.setdefault(nsvca(row), set()).update(row.artifacts)

        merged = read_modules(module_merge.merge_modules(rows).text)

        assert merged == ({name: tuple(sorted(rpms)) for name, rpms in packages.items()}, 0)


def nsvca(document: module_documents.ModuleDocument) -> str:
    return ":".join((document.label, str(document.version), document.context, document.arch))


def our_builds(documents: Sequence[module_documents.ModuleDocument]) -> dict[str, tuple[str, ...]]:
    return {
        nsvca(document): tuple(sorted(document.artifacts))
        for document in documents
        if document.kind == module_documents.BUILD
    }
