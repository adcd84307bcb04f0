"""Scripts of a kickstart that fail record it themselves: real shells, and a real tmux.

They run as the installer runs them, in a mount namespace with folders of their own.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
from typing import Optional

import pytest
from installer_screen import FailedScript, failed_scripts

from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import render
from support.ansible import ROOT
from support.kickstarts import single_node_tree, tree
from support.profiles import Section, scripts

PROGRAM = ROOT / "xml" / "programs" / "script-end"
SECONDS = 60
OWN_FOLDERS = ("/run/rocks", "/var/log/rocks")


def section(folder: pathlib.Path, element: str) -> tuple[Section, str]:
    """Return the script of a node file, and the path of its log."""
    listed = (
        "<program>script-end</program>"
        '<pre><file name="/run/rocks/bin/sha256sums"><sha256sums/></file></pre>'
    )
    path = single_node_tree(folder, listed, element)
    tree(folder, {"programs/script-end": PROGRAM.read_text(encoding="utf-8")})
    profile = compile_profile(path, "compute", {}, "rhel9")
    text = render(profile, {})
    (_first, script) = scripts(text, "rhel9")
    (_first_log, log) = re.findall(r"--log=(\S+)", text)
    return script, log


def run(folder: pathlib.Path, script: Section, log: str) -> tuple[int, Optional[FailedScript]]:
    """Run a script as the installer does; return its exit status and its record."""
    own = folder / "own"
    for path in (*OWN_FOLDERS, "/bin"):
        (own / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
    program = own / "run/rocks/bin/script-end"
    program.parent.mkdir(exist_ok=True)
    shutil.copy(PROGRAM, program)
    program.chmod(0o755)
    (folder / "script").write_text(script.text, encoding="utf-8")
    mounts = "".join(f"mkdir -p {path}; mount --bind {own}{path} {path}; " for path in OWN_FOLDERS)
    command = f"{mounts} exec {script.interpreter} {folder}/script >{log} 2>&1"
    ended = subprocess.run(
        ["unshare", "--mount", "bash", "-c", command],
        timeout=SECONDS,
        check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TMUX_TMPDIR": str(folder)},
    )
    records = failed_scripts(str(own / "run/rocks/failed"))
    assert len(records) <= 1
    return ended.returncode, records[0] if records else None


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/sh"])
@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("echo broken\nexit 9", 9),
        ("echo broken\nfalse", 1),
        ("set -e\necho broken\nfalse\necho never", 1),
        ("echo broken\n(exit 3)", 3),
        ("echo broken\nif true; then exit 4; fi", 4),
    ],
)
def test_a_script_that_fails_is_recorded_with_its_output(
    tmp_path: pathlib.Path, shell: str, text: str, status: int
) -> None:
    element = f'<post interpreter="{shell}">\n{text}\n</post>'
    ended, record = run(tmp_path, *section(tmp_path, element))
    assert ended == status, "the installer sees the same exit status"
    assert record == FailedScript("post-compute", status, False, "broken\n")


@pytest.mark.parametrize("text", ["true", "false || true", "set -e\nif false; then exit 1; fi"])
def test_a_script_that_succeeds_is_not_recorded(tmp_path: pathlib.Path, text: str) -> None:
    assert run(tmp_path, *section(tmp_path, f"<post>\n{text}\n</post>")) == (0, None)


def test_a_line_that_the_installer_would_read_as_an_end_does_not_hide_a_failure(
    tmp_path: pathlib.Path,
) -> None:
    element = "<post>\ncat >/dev/null &lt;&lt;EOF\n%end\nEOF\nexit 5\n</post>"
    ended, record = run(tmp_path, *section(tmp_path, element))
    assert (ended, record and record.status) == (5, 5)


def test_a_failure_before_the_interface_is_a_sentence_on_the_screen(tmp_path: pathlib.Path) -> None:
    element = '<pre arg="--erroronfail">\necho the disk is foreign\nexit 1\n</pre>'
    script, log = section(tmp_path, element)
    assert log == "/tmp/ks-script-rocks-pre-compute-2.log", "the installer keeps logs of this name"
    tmux = ["env", f"TMUX_TMPDIR={tmp_path}", "tmux", "-f", "/dev/null"]
    size = ["-x", "80", "-y", "24"]
    subprocess.run(
        [*tmux, "new-session", "-d", "-s", "anaconda", "-n", "main", *size, "sleep 60"],
        check=True,
        timeout=SECONDS,
    )
    try:
        ended, record = run(tmp_path, script, log)
        screen = subprocess.run(
            [*tmux, "capture-pane", "-p", "-J", "-t", "anaconda:main"],
            check=True,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        ).stdout
    finally:
        pathlib.Path(log).unlink(missing_ok=True)
        subprocess.run([*tmux, "kill-server"], check=True, timeout=SECONDS)
    assert ended == 1
    assert record is not None and record.fatal
    assert "The installation stopped: %pre-compute-2 failed" in screen
    assert "the disk is foreign" in screen
