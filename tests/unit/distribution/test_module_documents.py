# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module documents are read as libmodulemd reads them, and merged to one file that it accepts."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata import (
    module_documents,
    module_merge,
)
from support.modules_yaml import build, defaults, obsoletes

OLD = build("1.22", 920230825140810, "nginx-1:1.22.1-1.module.x86_64")
NEW = build(
    "1.22",
    920240717000135,
    "nginx-1:1.22.1-2.module.x86_64",
    "nginx-filesystem-1:1.22.1-2.module.noarch",
)
OTHER = build("1.24", 920240119091223, "nginx-1:1.24.0-1.module.x86_64")


def documents(*texts: str, source: str = "os") -> list[module_documents.ModuleDocument]:
    file = module_documents.parse_modules("".join(texts).encode(), source, "modules.yaml")
    assert file.remarks == []
    return file.documents


def merge(*sources: str, priorities: dict[str, int] | None = None) -> str:
    """Merge the modules.yaml of sources named a, b, …"""
    return module_merge.merge_modules(
        [row for name, text in zip("abc", sources) for row in documents(text, source=name)],
        priorities,
    ).text


class TestReader:
    def test_a_build_has_its_stream_and_its_packages(self) -> None:
        (document,) = documents(NEW)

        assert document[:6] == (
            module_documents.BUILD,
            "nginx",
            "1.22",
            920240717000135,
            "9",
            "x86_64",
        )
        assert document.artifacts == (
            "nginx-1:1.22.1-2.module.x86_64",
            "nginx-filesystem-1:1.22.1-2.module.noarch",
        )

    def test_a_stream_named_like_a_number_keeps_its_zero(self) -> None:
        text = build("1.10", 1).replace('stream: "1.10"', "stream: 1.10")

        assert documents(text)[0].stream == "1.10"

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            pytest.param(
                "summary: a summary", 'summary: "two\n\n\n"', id="a quote in the first column"
            ),
            pytest.param(
                "summary: a summary", 'summary: "two\n  version: 7\n  x"', id="a field in a text"
            ),
            pytest.param("---\n", "%YAML 1.1\n---\n", id="a directive"),
            pytest.param("---\n", "--- # the first\n", id="a comment after the marker"),
            pytest.param("---\n", "\ufeff# a comment\n\n---\n", id="a byte-order mark"),
            pytest.param("\n", "\r\n", id="lines of Windows"),
            pytest.param("name: nginx\n", "name: &n nginx\n", id="an anchor"),
            pytest.param("a summary", "&v it\n  eol: *v", id="an alias in an unused field"),
            pytest.param("data:\n", "# a comment\ndata:\n  # another\n", id="comments"),
            pytest.param("...\n", "", id="no end marker"),
        ],
    )
    def test_any_layout_that_yaml_allows_is_read(self, before: str, after: str) -> None:
        text = build("1", 5, "a-0:1-1.x86_64").replace(before, after)

        (document,) = documents(text)

        assert document[1:7] == ("nginx", "1", 5, "9", "x86_64", ("a-0:1-1.x86_64",))

    def test_a_document_in_flow_style_is_read(self) -> None:
        text = (
            "--- {document: modulemd, version: 2, data: {name: a, stream: '1', version: 3,"
            " summary: s, description: d, license: {module: [MIT]}, artifacts: {rpms: [x]}}}\n"
        )

        assert documents(OLD, text)[1][1:7] == ("a", "1", 3, "", "", ("x",))

    def test_obsoletes_are_dated(self) -> None:
        assert documents(obsoletes("1", "2020-05-01T00:00Z"))[0].version == 202005010000

    def test_utf_16_is_read(self) -> None:
        file = module_documents.parse_modules(NEW.encode("utf-16"), "os", "modules.yaml")

        assert (file.documents[0].label, file.remarks) == ("nginx:1.22", [])

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            pytest.param("---\ndocument: [\n", "not YAML", id="no YAML"),
            pytest.param("---\n- a\n", "not a mapping", id="a list"),
            pytest.param("---\nversion: 2\n", "document or data", id="no module"),
            pytest.param(NEW.replace("920240717000135", "new"), "version 'new'", id="no version"),
            pytest.param(NEW.replace("  name: nginx\n", ""), "name missing", id="no name"),
            pytest.param(NEW.replace("  summary: a summary\n", ""), "summary", id="no summary"),
            pytest.param(NEW.replace("modulemd", "modulemd-packager"), "packager", id="packager"),
            pytest.param("---\n" + "[" * 3000 + "\n", "left out", id="deep nesting"),
        ],
    )
    def test_a_document_that_dnf_refuses_is_left_out_with_a_remark(
        self, text: str, reason: str
    ) -> None:
        file = module_documents.parse_modules((OLD + text + OTHER).encode(), "os", "modules.yaml")

        assert [document.label for document in file.documents] == ["nginx:1.22", "nginx:1.24"]
        (remark,) = file.remarks
        assert remark.startswith("modules.yaml, document 2 was left out: ")
        assert reason in remark

    def test_wrong_bytes_and_characters_are_replaced_with_a_remark(self) -> None:
        data = NEW.replace("a summary", "BYTES").encode().replace(b"BYTES", b"\xff \x1b")

        file = module_documents.parse_modules(data, "os", "modules.yaml")

        assert len(file.remarks) == 2
        assert "summary: \ufffd \ufffd" in file.documents[0].text


class TestMerging:
    def test_documents_are_sorted_and_keep_their_texts(self) -> None:
        assert merge(OTHER + defaults("1.22") + NEW) == NEW + OTHER + defaults("1.22")

    def test_merging_a_merged_file_changes_nothing(self) -> None:
        merged = merge(
            NEW + defaults("1.22", profile="common"),
            build("1.22", 920240717000135, "more-0:1-1.noarch") + defaults("1.24", profile="all"),
            obsoletes("1.22", "2024-01-01T00:00Z"),
        )

        assert merge(merged, merged) == merged
        assert merge(merged, NEW) == merged

    def test_a_build_in_two_repositories_has_the_packages_of_both(self) -> None:
        merged = documents(merge(build("1", 2, "a-0:1-1.noarch"), build("1", 2, "b-0:1-1.noarch")))

        assert [document.artifacts for document in merged] == [("a-0:1-1.noarch", "b-0:1-1.noarch")]
        assert module_documents.load_document(merged[0])["data"]["stream"] == "1"

    def test_the_defaults_of_the_preferred_source_stay(self) -> None:
        first, second = defaults("1.22"), defaults("1.24", modified=202401010000)

        assert merge(first, defaults("1.24")) == first
        assert merge(first, second, priorities={"a": 1, "b": 99}) == first

    def test_of_defaults_of_equal_priority_the_later_stay(self) -> None:
        later = defaults("1.24", modified=202401010000)

        assert merge(defaults("1.22"), later) == later

    def test_the_default_profiles_of_all_sources_stay(self) -> None:
        (merged,) = documents(
            merge(defaults("1.22", profile="common"), defaults("1.24", profile="all"))
        )

        assert module_documents.load_document(merged)["data"] == {
            "module": "nginx",
            "modified": "202001242140",
            "stream": "1.22",
            "profiles": {"1.22": ["common"], "1.24": ["all"]},
        }

    def test_a_decision_between_default_streams_is_a_remark(self) -> None:
        rows = [*documents(defaults("1.22"), source="site"), *documents(defaults("1.24"))]

        (remark,) = module_merge.merge_modules(rows).remarks

        assert all(fact in remark for fact in ('1.22, of source "site"', '1.24, of source "os"'))

    def test_the_newest_obsoletes_of_a_stream_stay(self) -> None:
        newer = obsoletes("1.22", "2024-01-01T00:00Z")

        assert merge(obsoletes("1.22", "2023-01-01T00:00Z"), newer) == newer
