"""Packages of module streams stay that a choice by version alone would lose."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata import (
    module_streams,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.model import (
    Package,
    Policy,
    Source,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.resolve.resolver import (
    build_rules,
    resolve_packages,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError


def build(stream: str, version: int, *rpms: str, name: str = "nginx", context: str = "9") -> str:
    """Return a module document as modulemd writes it."""
    artifacts = "".join(f"    - {rpm}\n" for rpm in rpms)
    return f"""---
document: modulemd
version: 2
data:
  name: {name}
  stream: "{stream}"
  version: {version}
  context: {context}
  arch: x86_64
  summary: a summary
  description: >-
    Some lines, one of which says
    version: 1
  license:
    module:
    - MIT
  profiles:
    common:
      rpms:
      - nginx
  artifacts:
    rpms:
{artifacts}...
"""


DEFAULTS = """---
document: modulemd-defaults
version: 1
data:
  module: nginx
  modified: 202001242140
  stream: "1.22"
...
"""
OLD = build("1.22", 920230825140810, "nginx-1:1.22.1-1.module.x86_64")
NEW = build(
    "1.22",
    920240717000135,
    "nginx-1:1.22.1-2.module.x86_64",
    "nginx-filesystem-1:1.22.1-2.module.noarch",
)
OTHER = build("1.24", 920240119091223, "nginx-1:1.24.0-1.module.x86_64")


def documents(*texts: str) -> list[module_streams.ModuleDocument]:
    return [
        document
        for text in texts
        for document in module_streams.parse_modules(text, "modules.yaml")
    ]


def package(name: str, epoch: int, version: str, release: str, arch: str = "x86_64") -> Package:
    return Package(
        name=name,
        arch=arch,
        epoch=epoch,
        version=version,
        release=release,
        checksum=f"{name}{version}{release}",
        checksum_type="sha256",
        size=1,
        location="x.rpm",
        source="os",
    )


def test_a_document_has_its_stream_and_its_packages() -> None:
    (document,) = documents(NEW)

    assert document[:6] == (module_streams.BUILD, "nginx", "1.22", 920240717000135, "9", "x86_64")
    assert document.artifacts == (
        "nginx-1:1.22.1-2.module.x86_64",
        "nginx-filesystem-1:1.22.1-2.module.noarch",
    )


def test_a_stream_named_like_a_number_keeps_its_zero() -> None:
    text = build("1.10", 1).replace('stream: "1.10"', "stream: 1.10")

    assert documents(text)[0].stream == "1.10"


def test_the_newest_build_of_every_stream_stays_whatever_its_versions() -> None:
    resolution = resolve_packages(
        [
            package("nginx", 2, "1.20.1", "14"),
            package("nginx", 1, "1.22.1", "1.module"),
            package("nginx", 1, "1.22.1", "2.module"),
            package("nginx", 1, "1.24.0", "1.module"),
        ],
        build_rules(
            Policy(), [Source("os")], module_streams.stream_memberships(documents(OLD, NEW, OTHER))
        ),
    )

    assert {verdict.package.nevra: verdict.reason for verdict in resolution.verdicts} == {
        "nginx-2:1.20.1-14.x86_64": "the newest",
        "nginx-1:1.24.0-1.module.x86_64": "of the module stream nginx:1.24",
        "nginx-1:1.22.1-2.module.x86_64": "of the module stream nginx:1.22",
        "nginx-1:1.22.1-1.module.x86_64": "of an older build of the module stream nginx:1.22",
    }
    assert [verdict.chosen for verdict in resolution.verdicts] == [True, True, True, False]


def test_a_package_outside_of_modules_stays_beside_a_stream_with_a_higher_version() -> None:
    streams = module_streams.stream_memberships(
        documents(build("3.8", 1, "apache-commons-io-1:2.8.0-7.module.noarch", name="maven"))
    )
    plain = package("apache-commons-io", 0, "2.6", "1", "noarch")

    resolution = resolve_packages(
        [plain, package("apache-commons-io", 1, "2.8.0", "7.module", "noarch")],
        build_rules(Policy(), [Source("os")], streams),
    )

    assert plain in resolution.chosen_packages


def test_a_package_that_an_older_and_the_newest_build_share_stays() -> None:
    shared = "nginx-1:1.22.1-1.module.x86_64"
    streams = module_streams.stream_memberships(
        documents(OLD, build("1.22", 920990000000000, shared))
    )

    assert streams.membership_of(
        package("nginx", 1, "1.22.1", "1.module")
    ) == module_streams.Membership("nginx:1.22", True)


def test_every_context_of_the_newest_build_stays() -> None:
    first = build("5.32", 7, "a-0:1-1.x86_64", context="a")
    second = build("5.32", 7, "b-0:1-1.x86_64", context="b")

    newest = module_streams.newest_documents(documents(first, second, build("5.32", 6)))

    assert [document.context for document in newest] == ["a", "b"]


def test_merging_keeps_the_texts_and_drops_superseded_builds() -> None:
    assert (
        module_streams.merge_modules(documents(OLD, OTHER, DEFAULTS, NEW)) == NEW + OTHER + DEFAULTS
    )


def test_merging_a_merged_document_changes_nothing() -> None:
    merged = module_streams.merge_modules(documents(OLD, OTHER, DEFAULTS, NEW))

    assert module_streams.merge_modules(documents(merged, merged)) == merged


def test_the_later_of_two_defaults_stays() -> None:
    later = DEFAULTS.replace("202001242140", "202401010000").replace("1.22", "1.24")

    assert module_streams.merge_modules(documents(later, DEFAULTS)) == later


def test_a_document_in_yaml_flow_style_is_read() -> None:
    flow = (
        "---\n{document: modulemd, version: 2, "
        'data: {name: a, stream: "1", version: 3, artifacts: {rpms: [x]}}}\n...\n'
    )

    assert documents(flow)[0][:5] == (module_streams.BUILD, "a", "1", 3, "")
    assert documents(flow)[0].artifacts == ("x",)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("---\ndocument: [\n", "not YAML", id="no YAML"),
        pytest.param("---\n- a\n", "document 2.*mapping", id="a list"),
        pytest.param("---\nversion: 2\n", "`document` or `data`", id="no module"),
        pytest.param(NEW.replace("920240717000135", "new"), "version 'new'", id="no version"),
    ],
)
def test_an_invalid_module_document_is_an_error_with_its_number(text: str, fault: str) -> None:
    with pytest.raises(DescriptionError, match=fault) as raised:
        documents(OLD + text)

    assert raised.value.where == "modules.yaml, document 2"
