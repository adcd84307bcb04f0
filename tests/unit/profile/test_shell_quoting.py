"""References in scripts: bash is the oracle for every value."""

from __future__ import annotations

import base64
import pathlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.profile import escaping, value_rules
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile import shell_quoting

from .test_escaping import NASTY, VALUES

HOST = escaping.placeholder("host")
# Each prints <VALUE> and nothing else, whatever the value is.
SCRIPTS = {
    "a bare word": f"printf '<%s>' x{HOST}",
    "part of a word": f"printf '<%s>' x{HOST}y",
    "double quotes": f'printf "<%s>" "x{HOST}"',
    "double quotes over lines": f'printf "<%s>" "x\n{HOST}"',
    "single quotes": f"printf '<%s>' 'x{HOST}'",
    "a command substitution": f"printf '<%s>' \"$(printf %s. x{HOST})\"",
    "a substitution in quotes": f'printf \'<%s>\' "$(printf %s. "x{HOST}")"',
    "a subshell": f"( printf '<%s>' x{HOST} )",
    "a comment": f"# x{HOST}\nprintf '<>'",
    "a comment after code": f"printf '<>' # it's {HOST}",
    "a here-document": f"printf '<%s>' \"$(cat <<X\nx{HOST}\nX\n)\"",
    "a here-document at the start of a line": f"printf '<%s>' \"$(cat <<X\n{HOST}\nX\n)\"",
    "a command in a here-document": f"cat <<X\n<$(printf %s x{HOST})>\nX",
    "a here-document with tabs": f"printf '<%s>' \"$(cat <<-X\n\tx{HOST}\n\tX\n)\"",
    "a quoted here-document": f"printf '<%s>' \"$(cat <<'X'\nx{HOST}\nX\n)\"",
    "after a here-document": f"cat >/dev/null <<X\nit's\nX\nprintf '<%s>' x{HOST}",
    "a case": f"case x in x) printf '<%s>' x{HOST};; esac",
    "a continued line": f"printf '<%s>' \\\nx{HOST}",
    "a number sign inside a word": f"printf '<%s>' a#b{HOST}",
    "behind an escaped quote": f"printf '<%s>' \\'x{HOST}",
    "behind ansi quotes": f"printf '<%s>' $'a\\'b'{HOST}",
    "after arithmetic": f"printf '<%s>' $((1 << 2))x{HOST}",
    "after a here-string": f"cat >/dev/null <<<\"it's\"; printf '<%s>' x{HOST}",
    "a variable's default": f"printf '<%s>' \"${{none:-x{HOST}}}\"",
    "backticks": f"printf '<%s>' `printf %s x{HOST}`",
    "arithmetic": f"printf '<%s>' $((0 + {HOST}))",
    "behind a dollar": f"printf '<%s>' x${HOST}",
    "a case in a substitution": f"printf '<%s>' \"$(case a in a) printf %s x{HOST};; esac)\"",
    "quotes that never close": f"printf '<%s>' x{HOST}\n: '",
}
# The reader is not sure here, so only plain values are written.
UNSURE = (
    "a variable's default",
    "backticks",
    "arithmetic",
    "behind a dollar",
    "a case in a substitution",
    "quotes that never close",
)
ANY = [
    name
    for name in SCRIPTS
    if name not in UNSURE and "here-document" not in name and "comment" not in name
]


def render_script(script: str, value: str) -> str:
    lines = shell_quoting.annotate(script.split("\n"), "/bin/bash")
    text = "\n".join(lines)
    return escaping.PLACEHOLDER.sub(lambda match: escaping.escape(value, match.group(2)), text)


def run(script: str) -> str:
    # As base64, because the output of a program is read with its line ends normalised.
    printed = process.run(["bash"], stdin="{\n" + script + "\n} | base64 -w0\n", timeout=20).stdout
    return base64.b64decode(printed).decode()


def expected_output(name: str, value: str) -> str:
    """Return what the script prints by the shell's rules if the value is only a value."""
    before = {
        "double quotes over lines": "x\n",
        "a number sign inside a word": "a#b",
        "behind an escaped quote": "'x",
    }
    before.update({"behind ansi quotes": "a'b", "after arithmetic": "4x"})
    before["a here-document at the start of a line"] = ""
    if "comment" in name:
        return "<>"
    if name == "a command in a here-document":
        return f"<x{value}>\n"
    if name == "part of a word":
        return f"<x{value}y>"
    if name in ("a command substitution", "a substitution in quotes"):
        return f"<x{value}.>"
    printed = before.get(name, "x") + value
    if "here-document" in name and name != "after a here-document":
        printed = printed.rstrip("\n")
    return f"<{printed}>"


@pytest.mark.programs
@pytest.mark.parametrize("name", ANY)
def test_every_nasty_value_reaches_the_program_unchanged(name: str) -> None:
    for value in NASTY:
        script = render_script(SCRIPTS[name], value)
        assert run(script) == expected_output(name, value), script


@pytest.mark.programs
@pytest.mark.parametrize("name", [name for name in SCRIPTS if "here-document" in name])
def test_a_value_in_a_here_document_is_unchanged_or_has_a_line_end(name: str) -> None:
    for value in NASTY:
        try:
            script = render_script(SCRIPTS[name], value)
        except ValueError:
            assert value_rules.LINE_END.search(value) or ("quoted" in name and "%" in value)
            continue
        assert run(script) == expected_output(name, value), script


@pytest.mark.parametrize("name", UNSURE)
@pytest.mark.parametrize("value", NASTY)
def test_only_plain_values_are_written_where_the_quoting_is_uncertain(
    name: str, value: str
) -> None:
    try:
        render_script(SCRIPTS[name], value)
    except ValueError:
        return
    assert value == "" or value_rules.PLAIN.match(value)


@pytest.mark.programs
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.sampled_from(sorted(SCRIPTS)), value=VALUES)
def test_no_value_ends_the_quoting_around_it(name: str, value: str) -> None:
    try:
        script = render_script(SCRIPTS[name], value)
    except ValueError:
        return
    if name in ("arithmetic", "behind a dollar", "quotes that never close"):
        assert value_rules.PLAIN.match(value) or value == ""
        return
    assert run(script) == expected_output(name, value), script


@pytest.mark.parametrize(
    ("line", "given_context"),
    [
        (f"print('{HOST}')", "quoted"),
        (f'print("a {HOST}")', "quoted"),
        (f"print({HOST})", "plain"),
        (f"x = 'a' + {HOST}", "plain"),
        (f"# it's {HOST}", "plain"),
        (f"x = 'a\\'{HOST}'", "plain"),
        (f"os.system('echo {HOST}')", "plain"),
        (f'print "$x{HOST}"', "plain"),
        (f'print(f"{{x}}{HOST}")', "plain"),
    ],
)
def test_quotes_of_another_language_accept_more_than_plain_values(
    line: str, given_context: str
) -> None:
    (annotated,) = shell_quoting.annotate([line], "/usr/bin/python3")
    assert escaping.split_references(annotated)[1] == ("host", given_context)


INTERPOLATED = ["@{[system('touch leak')]}", "#{system('touch leak')}", "{open('leak','w')}"]


@pytest.mark.programs
@pytest.mark.parametrize(
    ("interpreter", "line"),
    [
        ("/usr/bin/perl", f'print "<{HOST}>";'),
        ("/usr/bin/perl", f"print '<{HOST}>';"),
        ("/usr/bin/python3", f'print("<{HOST}>", end="")'),
        ("/usr/bin/python3", f'print(f"<{HOST}>", end="")'),
    ],
)
def test_another_language_prints_the_value(
    tmp_path: pathlib.Path, interpreter: str, line: str
) -> None:
    for value in [*NASTY, *INTERPOLATED]:
        (annotated,) = shell_quoting.annotate([line], interpreter)
        try:
            script = escaping.PLACEHOLDER.sub(
                lambda match, value=value: escaping.escape(value, match.group(2)),  # type: ignore[misc]
                annotated,
            )
        except ValueError:
            continue
        printed = process.run([interpreter], stdin=script, cwd=str(tmp_path), timeout=20).stdout
        assert printed == f"<{value}>"
    assert not list(tmp_path.iterdir())


@given(
    st.lists(
        st.text("ab'\"\\$(){}`<-#; \t" + escaping.OPEN + escaping.CLOSE, max_size=12), max_size=4
    )
)
def test_every_script_can_be_annotated(lines: list[str]) -> None:
    try:
        assert len(shell_quoting.annotate(lines, "/bin/sh")) == len(lines)
    except shell_quoting.UnsafeLine as error:
        assert 0 <= error.number < len(lines)
