"""%certificate, and the sections and elements that are not compiled."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
    try_compile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.model import WARNING
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import render
from support.kickstarts import parse_strictly, script_bodies, single_node_tree

PEM = "-----BEGIN CERTIFICATE-----\nTUlJQg==\nab+/\n-----END CERTIFICATE-----"


def kickstart(folder: pathlib.Path, *elements: str, release: str = "rhel9", **values: str) -> str:
    profile = compile_profile(single_node_tree(folder, *elements), "compute", values, release)
    return render(profile, values)


@pytest.mark.parametrize("text", [PEM, "&ca;", "\n  &ca;\n"])
def test_the_installer_reads_a_certificate_as_it_is_written(
    tmp_path: pathlib.Path, text: str
) -> None:
    element = f'<certificate filename="ca.pem" dir="/etc/pki/a b">{text}</certificate>'
    (certificate,) = parse_strictly(kickstart(tmp_path, element, ca=PEM), "rhel9").certificates
    assert certificate.cert == PEM
    assert (certificate.filename, certificate.dir) == ("ca.pem", "/etc/pki/a b")


@pytest.mark.parametrize("value", ["%end\n%post\nreboot", "a\n%end", "a;b", "a\u2028%end"])
def test_no_value_ends_a_certificate(tmp_path: pathlib.Path, value: str) -> None:
    element = '<certificate filename="ca.pem" dir="/etc">&ca;</certificate>'
    with pytest.raises(DescriptionError, match=r"nodes/compute\.xml:2"):
        kickstart(tmp_path, element, ca=value)


@pytest.mark.parametrize(
    ("release", "where", "known"),
    [
        ("rhel8", "dir='/etc'", False),
        ("rhel9", "dir='/etc'", True),
        ("rhel10", "type='anchor'", False),
        ("f45", "type='anchor'", True),
    ],
)
def test_a_certificate_needs_a_release_that_knows_it(
    tmp_path: pathlib.Path, release: str, where: str, known: bool
) -> None:
    element = f"<certificate filename='a' {where}>{PEM}</certificate>"
    if known:
        parse_strictly(kickstart(tmp_path, element, release=release), release)
        return
    with pytest.raises(DescriptionError, match=rf"compute\.xml:2: {release} .*%certificate"):
        kickstart(tmp_path, element, release=release)


@pytest.mark.parametrize(
    ("element", "remedy"),
    [
        ("<traceback>\nx\n</traceback>", "<onerror>"),
        ("<ksappend>http://x/y</ksappend>", "%include"),
        ("<main>\n<ksappend/></main>", "%include"),
        ("<main>\n<text>\n%ksappend http://x/y\n</text></main>", "%include"),
        ("<native>\n%post\n</native>", "<post>"),
        ("<lang>en_US</lang>", "<main>"),
        ("<package>a, b</package>", "spaces"),
        ("<certificate filename='a'>x</certificate>", "dir="),
        ("<certificate filename='a' dir='/b'/>", "empty"),
    ],
)
def test_what_is_not_compiled_is_an_error_with_its_line_and_a_remedy(
    tmp_path: pathlib.Path, element: str, remedy: str
) -> None:
    with pytest.raises(DescriptionError) as caught:
        kickstart(tmp_path, element)
    assert "nodes/compute.xml:" in str(caught.value)
    assert remedy in str(caught.value)


def test_a_script_keeps_a_line_that_begins_with_ksappend(tmp_path: pathlib.Path) -> None:
    text = kickstart(tmp_path, "<post>\ncat &lt;&lt;'X'\n%ksappend http://x/y\nX\n</post>")
    assert "\n%ksappend" not in text
    assert "%ksappend http://x/y" in script_bodies(text)[0]


@pytest.mark.parametrize(
    "element",
    [
        "<bootloader>--location=partition</bootloader>",
        "<post>\na\n<service name='network/ntp' enabled='yes'/>\nb\n</post>",
        "<service name='network/ntp'/>",
    ],
)
def test_what_rocks_ignored_has_no_effect_and_a_warning(
    tmp_path: pathlib.Path, element: str
) -> None:
    result = try_compile(single_node_tree(tmp_path, element), "compute", {}, "rhel9")
    assert [remark.rule for remark in result.remarks] == ["dropped-element"]
    assert all(remark.severity == WARNING for remark in result.remarks)
    assert result.profile
    text = render(result.profile, {})
    assert "location" not in text
    assert "ntp" not in text
    assert script_bodies(text) in ([], ["a\n\nb\n"], ["a\nb\n"])


def test_a_service_of_another_system_is_not_mentioned_in_the_profile(
    tmp_path: pathlib.Path,
) -> None:
    element = "<post os='sunos'>\n<service name='network/ntp'/>\n</post>"
    assert "ntp" not in kickstart(tmp_path, element)
