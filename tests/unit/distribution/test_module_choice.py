# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A version of each module stream stays as a whole, with the documents that list its packages."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata import (
    module_documents,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import (
    Package,
    Policy,
    Source,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.resolve import (
    module_choice,
    module_streams,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.resolve.resolver import (
    resolve_packages,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.resolve.rules import (
    build_rules,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import Conflict, NotFound
from support.modules_yaml import build, defaults

SOURCES = (Source("os"), Source("updates"))


class Repository(NamedTuple):
    packages: list[str]
    """NEVRAs, with the epoch."""
    modules: str = ""


class Outcome(NamedTuple):
    chosen: list[str]
    reasons: Mapping[str, str]
    """NEVRA -> reason, of the packages that were left out."""
    remarks: tuple[str, ...]
    labels: list[str]
    """``name:stream:version`` of the builds in modules.yaml."""
    text: str


def package(nevra: str, source: str) -> Package:
    name, version, rest = nevra.rsplit("-", 2)
    epoch, version = version.split(":")
    release, arch = rest.rsplit(".", 1)
    return Package(
        name=name,
        arch=arch,
        epoch=int(epoch),
        version=version,
        release=release,
        checksum=nevra,
        checksum_type="sha256",
        size=1,
        location=f"{nevra}.rpm",
        source=source,
    )


def choose(
    repositories: Mapping[str, Repository],
    *sources: Source,
    labelled: frozenset[str] = frozenset(),
    **policy: Any,
) -> Outcome:
    """Choose the packages of repositories; labelled: NEVRAs whose headers name a module."""
    sources = sources or tuple(Source(name) for name in repositories)
    packages = [
        package(nevra, name)
        for name, repository in repositories.items()
        for nevra in repository.packages
    ]
    documents: dict[bool, list[Any]] = {False: [], True: []}
    for source in sources:
        data = repositories[source.name].modules.encode()
        file = module_documents.parse_modules(data, source.name, "modules.yaml")
        documents["modules" in source.skip_metadata] += file.documents
    rules = build_rules(Policy(**policy), sources)
    with_label = [row for row in packages if f"{row.location[:-4]}" in labelled]
    modules = module_streams.ModuleInputs(documents[False], documents[True])
    choice = module_choice.choose_modules(modules, packages, with_label, rules)
    resolution = resolve_packages(packages, build_rules(Policy(**policy), sources, choice.streams))
    chosen = [verdict.package.location[:-4] for verdict in resolution.verdicts if verdict.chosen]
    published = module_documents.parse_modules(choice.text.encode(), "", "")
    assert published.remarks == []
    builds = [document for document in published.documents if document.kind == "modulemd"]
    promised = {artifact for document in builds for artifact in document.artifacts}
    modular = {nevra for nevra in chosen if choice.streams.membership_of(package(nevra, ""))}
    assert modular <= promised, "dnf would refuse to install the others"
    return Outcome(
        chosen=sorted(chosen),
        reasons={
            verdict.package.location[:-4]: verdict.reason
            for verdict in resolution.verdicts
            if not verdict.chosen
        },
        remarks=choice.remarks,
        labels=[f"{document.label}:{document.version}" for document in builds],
        text=choice.text,
    )


def stream(stream: str, version: int, *nevras: str, name: str = "nodejs") -> Repository:
    return Repository(list(nevras), build(stream, version, *nevras, name=name))


def join(*repositories: Repository) -> Repository:
    return Repository(
        [nevra for repository in repositories for nevra in repository.packages],
        "".join(repository.modules for repository in repositories),
    )


NODE_1 = "nodejs-0:18.1-1.x86_64"
NPM_1 = "npm-0:9.1-1.x86_64"
NODE_2 = "nodejs-0:18.2-1.x86_64"
NPM_2 = "npm-0:9.2-1.x86_64"
OLD = stream("18", 1, NODE_1, NPM_1)
NEW = stream("18", 2, NODE_2, NPM_2)
SSL_1 = "openssl-0:1-1.x86_64"
SSL_2 = "openssl-0:2-1.x86_64"


class TestVersions:
    def test_the_newest_build_of_every_stream_stays_whatever_its_versions(self) -> None:
        plain = "nodejs-2:16-1.x86_64"
        other = stream("20", 1, "nodejs-0:20.1-1.x86_64")

        outcome = choose({"os": join(OLD, NEW, other, Repository([plain]))})

        assert outcome.chosen == sorted([NODE_2, NPM_2, *other.packages, plain])
        assert outcome.labels == ["nodejs:18:2", "nodejs:20:1"]
        assert outcome.reasons[NODE_1] == "of an older build of the module stream nodejs:18"

    def test_a_package_that_an_older_and_the_newest_build_share_stays(self) -> None:
        outcome = choose({"os": join(OLD, stream("18", 2, NODE_1, NPM_2))})

        assert outcome.chosen == [NODE_1, NPM_2]

    def test_every_context_of_the_newest_version_stays(self) -> None:
        modules = build("5", 7, "a-0:1-1.noarch", context="a") + build(
            "5", 7, "b-0:1-1.noarch", context="b"
        )
        older = build("5", 6, "c-0:1-1.noarch", context="c")

        outcome = choose({"os": Repository(["a-0:1-1.noarch", "b-0:1-1.noarch"], modules + older)})

        assert outcome.labels == ["nginx:5:7", "nginx:5:7"]

    def test_every_version_stays_with_versions_all(self) -> None:
        outcome = choose({"os": join(OLD, NEW)}, versions="all")

        assert outcome.chosen == [NODE_1, NODE_2, NPM_1, NPM_2]
        assert outcome.labels == ["nodejs:18:1", "nodejs:18:2"]

    def test_a_build_without_packages_does_not_replace_one_with_packages(self) -> None:
        outcome = choose({"os": join(OLD, Repository([], NEW.modules))})

        assert (outcome.chosen, outcome.labels) == ([NODE_1, NPM_1], ["nodejs:18:1"])
        assert "build 2" in outcome.remarks[0]

    def test_a_stream_without_packages_is_listed_as_in_its_source(self) -> None:
        outcome = choose({"os": Repository([SSL_1], OLD.modules + NEW.modules)})

        assert (outcome.labels, outcome.remarks) == (["nodejs:18:2"], ())


class TestFilters:
    @pytest.mark.parametrize(
        "filters",
        [{"include": ("openssl*",)}, {"exclude": ("nodejs*", "npm")}],
        ids=lambda filters: next(iter(filters)),
    )
    def test_a_filter_on_a_newer_source_keeps_the_older_streams(
        self, filters: dict[str, Any]
    ) -> None:
        outcome = choose(
            {"os": join(OLD, Repository([SSL_1])), "fix": join(NEW, Repository([SSL_2]))},
            Source("os"),
            Source("fix", **filters),
        )

        assert outcome.chosen == [NODE_1, NPM_1, SSL_2]
        assert outcome.labels == ["nodejs:18:1"]
        assert outcome.remarks == ()

    @pytest.mark.parametrize(
        ("filters", "lost"),
        [({"include": ("nodejs",)}, "npm"), ({"exclude": ("nodejs",)}, "nodejs")],
        ids=["include", "exclude"],
    )
    def test_a_filter_that_splits_a_newer_build_keeps_the_older_one_with_a_remark(
        self, filters: dict[str, Any], lost: str
    ) -> None:
        outcome = choose({"os": OLD, "fix": NEW}, Source("os"), Source("fix", **filters))

        assert (outcome.chosen, outcome.labels) == ([NODE_1, NPM_1], ["nodejs:18:1"])
        (remark,) = outcome.remarks
        assert all(fact in remark for fact in ("nodejs:18", '"fix"', f": {lost};"))

    def test_a_filter_on_the_only_source_takes_part_of_a_build_with_a_remark(self) -> None:
        outcome = choose({"os": join(OLD, NEW)}, Source("os", exclude=("npm",)))

        assert (outcome.chosen, outcome.labels) == ([NODE_2], ["nodejs:18:2"])
        assert "nodejs:18" in outcome.remarks[0] and outcome.remarks[0].endswith("npm")

    def test_a_stream_whose_packages_are_all_left_out_is_not_promised(self) -> None:
        repository = join(NEW, Repository([SSL_1], defaults("18", name="nodejs")))

        outcome = choose({"os": repository}, Source("os", exclude=("nodejs*", "npm*")))

        assert (outcome.chosen, outcome.text, outcome.remarks) == ([SSL_1], "", ())


class TestPins:
    def test_a_pin_chooses_the_build_that_has_the_version(self) -> None:
        other = stream("20", 1, "nodejs-0:20.1-1.x86_64")

        outcome = choose({"os": join(OLD, NEW, other)}, pins={"nodejs": "18.1"})

        assert outcome.chosen == sorted([NODE_1, NPM_1, *other.packages])
        assert outcome.labels == ["nodejs:18:1", "nodejs:20:1"]
        assert "pin of nodejs" in outcome.reasons[NPM_2]

    def test_a_pin_of_a_package_outside_of_modules_leaves_the_streams_alone(self) -> None:
        plain = Repository(["nodejs-0:16.1-1.x86_64", "nodejs-0:16.2-1.x86_64"])

        outcome = choose({"os": join(NEW, plain)}, pins={"nodejs": "16.1"})

        assert outcome.chosen == ["nodejs-0:16.1-1.x86_64", NODE_2, NPM_2]

    def test_a_pin_of_a_version_that_no_source_has_lists_all_versions(self) -> None:
        with pytest.raises(NotFound, match=r"99\.9.*18\.2-1, 18\.1-1"):
            choose({"os": join(OLD, NEW)}, pins={"nodejs": "99.9"})

    def test_a_pin_of_packages_that_are_left_out_is_an_error(self) -> None:
        with pytest.raises(NotFound, match=r"has no effect.*excluded"):
            choose({"os": NEW}, Source("os", exclude=("npm",)), pins={"npm": "9.2"})

    def test_pins_of_different_builds_are_a_conflict(self) -> None:
        with pytest.raises(Conflict, match=r"nodejs, npm.*nodejs:18"):
            choose({"os": join(OLD, NEW)}, pins={"nodejs": "18.1", "npm": "9.2"})


class TestWins:
    def test_a_package_that_wins_replaces_all_streams_with_its_name(self) -> None:
        """dnf hides packages outside of a stream that have the name of one in it."""
        own = "nodejs-0:18.1-9.site.x86_64"
        php = stream("8", 1, "php-0:8-1.x86_64", name="php")
        repository = join(OLD, NEW, php, Repository([], defaults("18", name="nodejs")))

        outcome = choose(
            {"os": repository, "local": Repository([own])},
            Source("os"),
            Source("local", wins=("nodejs",)),
        )

        assert outcome.chosen == [own, *php.packages]
        assert outcome.labels == ["php:8:1"]
        assert "modulemd-defaults" not in outcome.text
        assert all(fact in outcome.remarks[0] for fact in ("nodejs:18", '"local"'))

    def test_a_source_with_modules_wins_with_its_builds_in_any_version(self) -> None:
        plain = "nodejs-0:99-1.x86_64"

        outcome = choose(
            {"os": join(NEW, Repository([plain])), "site": OLD},
            Source("os"),
            Source("site", wins=("nodejs", "npm")),
        )

        assert (outcome.chosen, outcome.labels) == ([NODE_1, NPM_1], ["nodejs:18:1"])
        assert outcome.remarks == ()

    def test_a_source_that_has_none_of_the_packages_wins_nothing(self) -> None:
        outcome = choose(
            {"os": NEW, "local": Repository([SSL_1])},
            Source("os"),
            Source("local", wins=("*",)),
        )

        assert outcome.chosen == [NODE_2, NPM_2, SSL_1]


class TestUndocumented:
    def test_packages_of_modules_without_documents_are_left_out_with_a_remark(self) -> None:
        plain = "nodejs-0:16-1.x86_64"

        outcome = choose({"os": Repository([NODE_2, plain])}, labelled=frozenset([NODE_2, NODE_1]))

        assert outcome.chosen == [plain]
        assert "dnf refuses" in outcome.reasons[NODE_2]
        assert all(fact in outcome.remarks[0] for fact in ('"os"', "nodejs-18.2-1.x86_64"))

    def test_a_document_of_another_source_is_enough(self) -> None:
        outcome = choose(
            {"os": Repository([], NEW.modules), "local": Repository(NEW.packages)},
            labelled=frozenset(NEW.packages),
        )

        assert outcome.chosen == NEW.packages

    def test_the_modules_of_a_source_can_be_left_out(self) -> None:
        outcome = choose(
            {"os": join(NEW, Repository([SSL_1]))}, Source("os", skip_metadata=("modules",))
        )

        assert (outcome.chosen, outcome.text, outcome.remarks) == ([SSL_1], "", ())
