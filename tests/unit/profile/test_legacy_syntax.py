"""stacki's dialect: the same kickstart as from our own."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import render
from support.kickstarts import tree

STACKI = """<stack:stack>
<stack:description>&undefined;</stack:description>
<stack:rocks>who it was</stack:rocks>
<stack:native stack:lang="kickstart">
install
lang &language;
<stack:eval stack:shell="/usr/bin/python3" stack:mode="xml">print("skipx")</stack:eval>
</stack:native>
<stack:package stack:cond="release == 'redhat7'">
  net-tools
  mlocate
</stack:package>
<stack:package stack:meta="true">base</stack:package>
<stack:package stack:enable="false">iwl*</stack:package>
<stack:script stack:stage="install-pre">
echo pre
</stack:script>
<stack:script stack:stage="install-pre-package">
echo between
</stack:script>
<stack:script stack:stage="install-post" stack:chroot="false" stack:shell="/bin/sh">
echo outside
</stack:script>
<stack:script>
<stack:file stack:name="/etc/motd" stack:mode="append" stack:perms="0644">
&hostname;
</stack:file>
<stack:report stack:name="host.firewall">&hostname;</stack:report>
</stack:script>
</stack:stack>
"""
OURS = """<kickstart>
<main><install/><lang>&language;</lang><skipx/></main>
<package cond="release == 'redhat7'">net-tools</package>
<package cond="release == 'redhat7'">mlocate</package>
<package type="meta">base</package><package disable="true">iwl*</package>
<pre>
echo pre
</pre>
<pre-install>
echo between
</pre-install>
<post interpreter="/bin/sh" arg="--nochroot">
echo outside
</post>
<post>
<file name="/etc/motd" mode="append" perms="0644">
&hostname;
</file>
<eval mode="xml">/opt/stack/bin/stack report host firewall &hostname;</eval>
</post>
</kickstart>
"""
VALUES = {"language": "en_US", "hostname": "backend-0-0", "release": "redhat7"}
GRAPH = {
    "graph/redhat.xml": '<graph><order head="TAIL"><tail>backend</tail></order>'
    '<edge from="backend" to="base"/></graph>'
}


def evaluate(script: str, _interpreter: str) -> str:
    return "skipx" if "print" in script else f"iptables for {script.rsplit(maxsplit=1)[-1]}\n"


def kickstart(folder: pathlib.Path, node: str, graph: dict[str, str]) -> str:
    path = tree(folder, {**graph, "nodes/backend.xml": node, "nodes/base.xml": "<kickstart/>"})
    return render(compile_profile(path, "backend", VALUES, "rhel8", evaluate=evaluate), VALUES)


def test_a_node_file_of_stacki_compiles_like_its_translation(tmp_path: pathlib.Path) -> None:
    theirs = kickstart(tmp_path / "a", STACKI, GRAPH)
    assert theirs == kickstart(
        tmp_path / "b", OURS, {"graphs/default/g.xml": GRAPH["graph/redhat.xml"]}
    )
    assert "iptables for backend-0-0\n" in theirs
    assert "net-tools\n" in theirs


@pytest.mark.parametrize(
    ("element", "message"),
    [
        (
            '<stack:script stack:stage="boot-post">x</stack:script>',
            "<boot>.*systemd unit",
        ),
        ('<stack:native stack:lang="autoyast">x</stack:native>', "autoyast"),
        ('<stack:script stack:stage="sometime">x</stack:script>', "<script>"),
        ("<stack:native>&language; x</stack:native>", "command"),
    ],
)
def test_a_stacki_element_without_a_counterpart_is_an_error(
    tmp_path: pathlib.Path, element: str, message: str
) -> None:
    with pytest.raises(DescriptionError, match=message) as caught:
        kickstart(tmp_path, f"<stack:stack>\n{element}\n</stack:stack>", GRAPH)
    assert "nodes/backend.xml:2" in str(caught.value)
