"""Scripts in the installer use only programs of the images of all releases, with EL 8's options.

The facts are the tables of support/installer_image, from lorax's templates and the programs' own
documentation.
"""

from __future__ import annotations

import functools
import pathlib
import re
from typing import Iterator, NamedTuple

import pytest

from support import installer_image, pythoncommands, shellcommands
from support.installer_image import RELEASES, oldest, options, programs, rows, version
from support.profiles import (
    PROGRAMS,
    SUPPORTED,
    all_kickstarts,
    fetched_programs,
    scripts,
    written_files,
)

pytestmark = pytest.mark.programs  # shfmt reads the scripts, and bash lists its builtins
IN_THE_INSTALLER = ("progress.py", "installation.py", "partition_disks.py", "console.py")
PYTHON = ("/usr/libexec/platform-python", "/usr/bin/python3")
# Their first word that is not an option says what they do, and has options of its own.
SUBCOMMANDS = ("authselect", "lvm", "openssl", "systemctl", "tmux", "udevadm")
OPERANDS = {"sync": "FILE"}  # a file as an operand came later than the program
# It runs on frontends of every system, and has tests of its own.
ON_FRONTENDS = "bootstrap"
# Programs that run in the installed system, or in the new root, and not in the installer.
INSIDE = (
    *("accounts", "build-driver", "first-driver", "keep-host-keys", "manifest"),
    *("report-packages", "report-unclean", "report-up"),
)
DIRECTIVE = re.compile(r"^([A-Z][A-Za-z]+)=", re.MULTILINE)
UNITS = (".service", ".timer", ".socket", ".path", ".mount")


class Use(NamedTuple):
    """A command of a script or program."""

    place: str
    names: tuple[str, ...]
    arguments: tuple[str, ...]


class Kickstart(NamedTuple):
    """Commands of a kickstart outside and inside the new root, and the programs that it writes."""

    release: str
    outside: tuple[Use, ...]
    inside: tuple[Use, ...]
    written: frozenset[str]


def uses(place: str, script: str) -> Iterator[Use]:
    """Yield the commands of a shell script, and of the shell code that tmux gets."""
    for call in shellcommands.calls(script):
        yield Use(f"{place}:{call.line}", call.names, call.arguments)


@functools.cache
def kickstarts() -> tuple[Kickstart, ...]:
    """Return the kickstarts of all roots for all releases, and of all choices of a site."""
    return tuple(_read(name, text) for name, text in all_kickstarts())


def _read(name: str, text: str) -> Kickstart:
    release = name.split("-")[1]
    outside: list[Use] = []
    inside: list[Use] = []
    written: set[str] = set()
    for section in scripts(text, release):
        in_new_root = section.kind == "post" and section.in_chroot
        files = written_files(section.text)
        written |= {path for path, _content in files}
        code = [
            ("", section.text),
            *((path, content) for path, content in files if content.startswith("#!/bin/")),
        ]
        for path, script in code:
            commands = uses(f"{name}: {section.kind} {section.node} {path}".rstrip(), script)
            (inside if in_new_root else outside).extend(commands)
    for program, content in fetched_programs(text).items():
        if program == ON_FRONTENDS:
            continue
        is_shell = content.startswith("#!/bin/")
        code_uses = list(uses(f"{name}: {program}", content)) if is_shell else []
        if program in INSIDE:
            inside.extend(code_uses)
        else:
            written |= {
                f"{folder}/{program}" for folder in ("/run/rocks/bin", "/usr/libexec/rocks")
            }
            outside.extend(code_uses)
    return Kickstart(release, tuple(outside), tuple(inside), frozenset(written))


@functools.cache
def program_uses(names: tuple[str, ...]) -> tuple[Use, ...]:
    """Return what our Python programs start, including tmux's shell code."""
    commands: list[Use] = []
    for name in names:
        for argv in pythoncommands.argvs((PROGRAMS / name).read_text(encoding="utf-8")):
            place = f"{name}:{argv.line}"
            commands.append(Use(place, (argv.program,), argv.arguments))
            if "pipe-pane" in argv.arguments:
                commands += uses(place, argv.arguments[-1])
    return tuple(commands)


def missing(use: Use, release: str, written: frozenset[str]) -> bool:
    """Whether an image has none of the programs of a command.

    Where there are several, the script looks.
    """
    available = programs(release)
    return not any(
        name in written if "/rocks/" in name else _base(name) in available for name in use.names
    )


def _base(name: str) -> str:
    return pathlib.PurePath(name).name


def test_every_supported_release_has_a_column() -> None:
    assert set(RELEASES) == set(SUPPORTED)


@pytest.mark.parametrize("release", RELEASES)
def test_scripts_outside_the_new_root_run_only_programs_of_the_installers_image(
    release: str,
) -> None:
    faults = {
        f"{use.place}: {' or '.join(use.names)}"
        for kickstart in kickstarts()
        if kickstart.release == release
        for use in kickstart.outside
        if missing(use, release, kickstart.written)
    }
    assert not faults, f"not in the installer's image of {release} (support/installer_image)"


@pytest.mark.parametrize("release", RELEASES)
def test_programs_in_the_installer_start_only_programs_of_its_image(release: str) -> None:
    faults = [use for use in program_uses(IN_THE_INSTALLER) if missing(use, release, frozenset())]
    assert not faults, f"not in the installer's image of {release} (support/installer_image)"


def words(use: Use) -> Iterator[tuple[str, str]]:
    """Yield (program, option) for everything that an old version of the program may lack."""
    program = _base(use.names[0])
    arguments = list(use.arguments)
    if use.names[0] in PYTHON or "/rocks/" in use.names[0]:
        return  # the rest are arguments of a program of ours
    for option in shellcommands.options(arguments):
        yield program, option
    if program in SUBCOMMANDS:
        plain = [word for word in arguments if not word.startswith(("-", "\0"))]
        yield program, plain[0] if plain else arguments[0]
    if program in OPERANDS and any(not word.startswith("-") for word in arguments):
        yield program, OPERANDS[program]
    if program == "lsblk":
        for column in arguments[arguments.index("--output") + 1].split(","):
            yield program, f"--output={column}"


def directives() -> Iterator[tuple[str, str, str]]:
    """Yield (place, "unit", directive) for every unit file of a profile."""
    for name, text in all_kickstarts():
        for section in scripts(text, name.split("-")[1]):
            for path, content in written_files(section.text):
                if path.endswith(UNITS):
                    for directive in DIRECTIVE.findall(content):
                        yield f"{name}: {path}", "unit", directive
    for unit in sorted(PROGRAMS.iterdir()):
        if unit.name.endswith(UNITS):
            for directive in DIRECTIVE.findall(unit.read_text(encoding="utf-8")):
                yield unit.name, "unit", directive


def every_option() -> Iterator[tuple[str, str, str]]:
    """(place, program, option) of everything that our scripts and programs run, outside and inside
    the new root.
    """
    all_programs = tuple(sorted(path.name for path in PROGRAMS.glob("*.py")))
    commands = [
        use for kickstart in kickstarts() for use in (*kickstart.outside, *kickstart.inside)
    ]
    for use in (*commands, *program_uses(all_programs)):
        for program, option in words(use):
            yield use.place, program, option
    yield from directives()


def test_every_option_is_known_to_the_oldest_release() -> None:
    faults = {}
    for place, program, option in every_option():
        row = options().get((program, option))
        if row is None:
            faults[program, option] = (
                f"{place}: find out since when it exists, and add it to options.tsv"
            )
        elif version(row.known_in) > oldest(row.package) and not row.guard:
            faults[program, option] = f"{place}: only from {row.package} {row.known_in} on"
    assert not faults


def test_the_table_of_options_contains_only_used_options() -> None:
    used = {(program, option) for _place, program, option in every_option()}
    assert {pair for pair in options() if pair not in used} <= {("lsblk", "--output=PATH")}


def test_every_cell_has_a_source() -> None:
    for row in rows("programs.tsv"):
        for release in RELEASES:
            assert re.fullmatch(r"\+|[+-]\d+|\?", row[release]), row
    for row in rows("packages.tsv"):
        assert all(re.fullmatch(r"\?|\d+|[a-z][\w+-]*", row[release]) for release in RELEASES), row
    assert all(option.source and version(option.known_in) for option in options().values())


def test_programs_that_are_missing_in_real_images_are_not_in_the_tables() -> None:
    for release in RELEASES:
        assert not {
            "install",
            "setsid",
            "fold",
            "nohup",
            "timeout",
            "getent",
            "pkill",
            "diff",
        } & programs(release)
        assert {
            "bash",
            "sed",
            "cp",
            "chmod",
            "mkdir",
            "lsblk",
            "blkid",
            "mount",
            "umount",
            "tmux",
        } <= programs(release)
    assert "stat" in installer_image.removed() and "cp" not in installer_image.removed()


READ = """
PY=/usr/libexec/platform-python; [ -x $PY ] || PY=/usr/bin/python3
hash=$(blkid -L "$(cat label)")
load() { modprobe "$1" || exec $PY - <<EOF
$(uname -r)
EOF
}
case $hash in x) load "$hash" ;; esac
trap 'rm -rf "$work"' EXIT
find /etc -name '*.repo' -exec mv -t /stock {} +
command -v udevadm >/dev/null && setsid tmux -V &
"""


def test_all_commands_of_a_script_are_extracted() -> None:
    commands = {call.names for call in shellcommands.calls(READ)}
    assert commands == {
        *(
            (name,)
            for name in ("blkid", "cat", "modprobe", "uname", "rm", "find", "mv", "setsid", "tmux")
        ),
        PYTHON,
    }


@pytest.mark.parametrize(
    "script", ["$(which tmux) -V\n", "for one in a b; do $one x; done\n", "ls | xargs rm\n"]
)
def test_a_computed_command_is_an_error(script: str) -> None:
    with pytest.raises(AssertionError):
        shellcommands.calls(script)


PROGRAM = """
import subprocess
COLUMNS = "NAME,TYPE"
def run(argv):
    return subprocess.run(argv)
def flags():
    return ["-r", "-f", "x"] if new else ["-r"]
class Shell:
    def start(self):
        command = ["tmux"] + (["-L", "s"] if self.socket else []) + ["attach-session"]
        command += self.flags
        os.execvp(command[0], command)
def main(self):
    self.flags = flags()
    run(["lsblk", "--output", COLUMNS] + list(devices))
"""


def test_all_commands_of_a_program_are_extracted() -> None:
    commands = {(argv.program, argv.arguments) for argv in pythoncommands.argvs(PROGRAM)}
    assert commands == {
        ("lsblk", ("--output", "NAME,TYPE", "\0")),
        ("tmux", ("-L", "s", "attach-session", "-r", "-f", "x", "-r")),
    }
    with pytest.raises(AssertionError, match="line 3"):
        pythoncommands.argvs(
            "import subprocess\ndef start(self):\n    subprocess.run(self.command())\n"
        )
