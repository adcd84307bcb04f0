"""Every <file> of real Rocks 7 rolls has the same effect as in Rocks, in a scratch root.

Two roots begin with the same files. In one, the scripts of our compiler run. In the other, plain
commands run, which are written from the description of Rocks: ``cat > name << 'EOF'``, ``expression
> name``, touch, chmod. Another parser reads them from the XML and substitutes the values.
"""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any, Iterator, Mapping
from xml.sax.saxutils import escape

import pytest
from lxml import etree

from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import render
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml.expressions import (
    evaluate_expression,
    parse,
)
from support import scratch
from support.kickstarts import script_bodies, tree
from support.samples import sample

ROOTS = ("compute", "login", "nas", "server")
PRINTED = "what a program\nprinted\n"
# The files before the scripts run, for <file>s that append, filter or read.
BEFORE = {
    "/etc/motd": "hello\n",
    "/etc/ssh/sshd_config": "Port 22\nX11Forwarding no\n",
    "/etc/default/useradd": "HOME=/home\nSHELL=/bin/bash\n",
    "/etc/my.cnf": "[mysqld]\nold_passwords=1\n",
    "/boot/grub/grub.conf": "splashimage=x\ndefault=0\n",
    "/etc/rc.d/init.d/mdmonitor": "#!/bin/sh\nmdadm --user=root\n",
    "/tmp/sshd_config": "Port 23\n",
    "/tmp/pamd_sshd": "auth required\n",
}
# One of the files contains the time.
CLOCK = "date() { echo now; }\n"
ENTITY = re.compile(r"&([A-Za-z_][\w.-]*);")
SCRIPT_TAGS = ("post", "configure", "pre")


def attributes(root: str) -> dict[str, str]:
    values: dict[str, str] = json.loads(
        (sample("rocks7") / "expected" / f"{root}.json").read_text()
    )["attributes"]
    return values


def only_files(path: pathlib.Path) -> str:
    """Return a node file with only the <file>s of its scripts; references are unchanged."""
    text = re.sub(r"<\?xml[^>]*\?>", "", path.read_text())
    # The parser must not see references; they are restored afterwards.
    marked = ENTITY.sub(
        lambda match: match.group() if match.group(1) in XML else f"\u2603{match.group(1)}\u2604",
        text,
    )
    root = etree.fromstring(marked.strip().encode())
    for child in list(root):
        if child.tag not in SCRIPT_TAGS:
            root.remove(child)
            continue
        child.text = "\n"
        for inner in list(child):
            if inner.tag != "file":
                child.remove(inner)
            else:
                inner.tail = "\n"
    return re.sub("\u2603([^\u2604]*)\u2604", r"&\1;", etree.tostring(root, encoding="unicode"))


XML = ("amp", "lt", "gt", "quot", "apos")


def run_eval(_script: str, _interpreter: str) -> str:
    return PRINTED


def condition_holds(element: Any, values: Mapping[str, str]) -> bool:
    for name in ("os", "arch"):
        if element.get(name) and values.get(name) not in element.get(name).split(","):
            return False
    return not element.get("cond") or evaluate_expression(parse(element.get("cond")), values.get)


def content(element: Any) -> str:
    """Return the text of a <file>, with the output of its programs, without comments."""
    parts = [element.text or ""]
    for child in element:
        parts += [PRINTED if child.tag == "eval" else "", child.tail or ""]
    return "".join(parts)


def commands_of_rocks(path: pathlib.Path, values: Mapping[str, str]) -> Iterator[str]:
    """Yield the commands for the <file>s of a node file."""
    text = re.sub(r"<\?xml[^>]*\?>", "", path.read_text()).strip()
    names = set(ENTITY.findall(text)) - set(XML)
    entities = "".join(
        f'<!ENTITY {name} "{escape(escape(values[name]), {chr(34): "&#34;"})}">' for name in names
    )
    root = etree.fromstring(f"<!DOCTYPE kickstart [{entities}]>{text}")
    for script in root:
        if (
            script.tag not in SCRIPT_TAGS
            or not condition_holds(script, values)
            or script.get("phase") == "reconfigure"
        ):
            continue
        for element in script.iter("file"):
            if condition_holds(element, values):
                yield commands(element)


def commands(element: Any) -> str:
    name = element.get("name")
    text = content(element)
    gt = ">>" if element.get("mode") == "append" else ">"
    lines = [f"mkdir -p $(dirname {name})"]
    if element.get("expr"):
        lines.append(f"{element.get('expr')} {gt} {name}")
    if not text.strip():
        lines.append(f"touch {name}")
    else:
        quote = "" if element.get("vars") == "expanded" else "'"
        body = text if text.startswith("\n") else "\n" + text
        # The indentation of the end tag is not a line of the file.
        body = body[: body.rindex("\n") + 1] if not body.rsplit("\n", 1)[1].strip() else body + "\n"
        lines.append(f"cat {gt} {name} << {quote}EOF{quote}{body}EOF")
    if element.get("owner"):
        lines.append(f"chown {element.get('owner')} {name}")
    if element.get("perms"):
        lines.append(f"chmod {element.get('perms')} {name}")
    return "\n".join(lines)


def make_root(folder: pathlib.Path) -> pathlib.Path:
    root = scratch.make(folder)
    for name, text in BEFORE.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize("root", ROOTS)
def test_every_file_element_has_the_effect_that_it_has_in_rocks(
    tmp_path: pathlib.Path, root: str
) -> None:
    values = attributes(root)
    rolls = sample("rocks7")
    graphs = {
        f"graphs/default/{file.name}": file.read_text()
        for file in (rolls / "graphs" / "default").glob("*.xml")
    }
    nodes = {f"nodes/{file.name}": only_files(file) for file in (rolls / "nodes").glob("*.xml")}
    profile = compile_profile(
        tree(tmp_path / "xml", {**graphs, **nodes}), root, values, "rhel7", evaluate=run_eval
    )

    ours = make_root(tmp_path / "ours")
    scratch.run(
        ours,
        CLOCK
        + "".join(
            f"(\n{script}\n)\n" for script in script_bodies(render(profile, values), "rhel7")
        ),
    )

    theirs = make_root(tmp_path / "theirs")
    files = [
        rolls / "nodes" / file.name
        for node in profile.nodes
        for file in map(pathlib.Path, node.files)
    ]
    pre = [
        text
        for file in files
        for text in commands_of_rocks(file, values)
        if "/tmp/db_partition_info.py" in text
    ]
    post = [text for file in files for text in commands_of_rocks(file, values) if text not in pre]
    scratch.run(theirs, CLOCK + "\n".join([*pre, *post]))

    result = scratch.files(ours)
    assert result == scratch.files(theirs)
    assert len(result) > len(BEFORE) + 30
    assert len({entry.mode for entry in result.values()}) > 3
