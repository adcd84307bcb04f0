"""A value stays a value in every context of a script: bash runs what the compiler wrote."""

from __future__ import annotations

import contextlib
import pathlib
from typing import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pykickstart.constants import KS_SCRIPT_POST

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.profile import escaping, value_rules
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.shell_quoting import (
    UnsafeLine,
    annotate,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import (
    render as render_profile,
)
from support.kickstarts import parse_strictly, single_node_tree

REFERENCE = escaping.placeholder("x")
RUN = "touch leak"
HOSTILE = [
    f"$({RUN})",
    f"`{RUN}`",
    f"; {RUN} ;",
    f"\n{RUN}\n",
    f"a[$({RUN})]",
    f"a[`{RUN}`]",
    f"'; {RUN}; '",
    f'"; {RUN}; "',
    f"EOF\n{RUN}\n",
    f"\tEOF\n{RUN}\n",
    f"A B\n{RUN}\n",
    f"x\nEOF\n{RUN}\n",
    f"\\\nEOF\n{RUN}",
    f"}}; {RUN}; {{",
    f"]; {RUN}; [",
    f")); {RUN}; ((",
    f"); {RUN}; (",
    f"\\$({RUN})",
    f"\\; {RUN}",
    f"{{$({RUN})}}",
    f"({RUN})",
    f"{{a[$({RUN})]}}",
    f"HOME[$({RUN})]",
    f"([$({RUN})]=1)",
    f"s/a/b/;e {RUN}",
    f"x/;e {RUN}\n#",
    f'"); system("{RUN}"); ("',
    f"| {RUN} |",
    f"& {RUN} &",
    "EOF",
    "OF",
    "A B",
    "evil",
    "",
]
# ``evil`` is a variable with a subscript that runs a command, as another attribute can be.
PROLOGUE = f"evil='a[$({RUN})]'; A=1; declare -A map; arr=(1 2)"
# X is the reference.
CONTEXTS = """
echo X
echo aXb "X" 'X' "a X b" $'X' \\X "\\X" $X "$X" ~X
echo X>&2 X</dev/null
echo {a,X} {1..X} X{a,b} [X] ?X*
x=X; y="X"; echo "$x$y"
# X
echo a # X
echo $((X)) $((1 + X)) $(( (X) ))
((X)) || :
for ((i=0; i<X; i++)); do break; done
echo $[X] $[1+X]
arr[X]=1
arr[ X ]=1
arr[arr[X]]=1
echo ${arr[X]} "${arr[X]}" ${map[X]}
echo ${HOME:X} ${HOME:0:X} "${HOME: X}"
echo ${HOME/X/b} ${HOME#X} ${HOME:-X} "${none:-X}" ${!X} ${X}
[[ X -eq 1 ]] || [[ 1 -lt X ]] || [[ "X" -ge 'X' ]] || :
[[ X == X && a =~ X && -z X ]] || :
[[ -v X ]] || [[ -v "X" ]] || [ -v X ] || test -v "arr[X]" || :
[ X = X ] || test -n "X" || :
let X || :
let "x=X" x=X || :
declare -i n=X
declare -i n; n=X; echo $n
declare -a n='X'
declare n=X m="X"; echo $n
declare X=1
export "X" || :
readonly r=X
local_function() { local -i n=X; }; local_function
unset X
unset "arr[X]" 'X'
read X </dev/null
read -r x <<< X; echo "$x"
printf -v "X" 1
printf -v x %s X; echo "$x"
mapfile -t X </dev/null
eval echo X
eval "echo X"
eval 'echo "X"'
eval "(( X ))" "arr[X]=1" '[[ X -eq 1 ]]' 'let y=X'
n=X; echo $((n))
n="X" m=1; [[ $n -eq 1 ]]
n='X'; echo "${arr[$n]}" ${HOME:n:1}
export n="X"; ((n++))
local_number() { local n=X; echo $[n+1]; }; local_number
eval "echo $((X))"
echo "(( X ))" | bash
bash -c "echo X"
bash -c 'echo X'
bash -ec "echo 'X'"
env A=1 bash -c "echo X"
sudo bash -c "echo X" || :
bash -s X </dev/null
bash <<< "echo X"
echo "echo X" | bash
echo "echo X" | /bin/sh -s
. /dev/stdin <<< "echo X"
source /dev/stdin <<EOF|echo "X"|EOF
bash <<EOF|echo X|EOF
bash <<EOF|echo "X"|EOF
bash <<'EOF'|echo "X"|EOF
bash -s a <<'EOF'|X|EOF
trap "echo X" EXIT
trap 'echo X' USR1; kill -USR1 $BASHPID
find / -maxdepth 0 -exec sh -c "echo X" \\;
find / -maxdepth 0 -name X
echo a | xargs -I@ sh -c "echo X"
echo a | sed "s/a/X/"
echo a | sed -e 's/a/X/' -e "/X/p"
awk "BEGIN { print \\"X\\" }"
perl -e "print 'X'" 2>/dev/null
cat <<EOF|X|EOF
cat <<EOF|aX|EOF
cat <<EOF|X|X|EOF
cat <<EOF|EX|EOF
cat <<EOF|XX|EOF
cat <<EOF|EXF|EOF
cat <<EOF|\\X|EOF
cat <<EOF|$X|EOF
cat <<EOF|\\$X|EOF
cat <<EOF|\\\\X|EOF
cat <<EOF|"X" 'X'|EOF
cat <<EOF|$(echo X) $(echo "X") $(echo 'X')|EOF
cat <<EOF|`echo X`|EOF
cat <<EOF|`echo $((X))`|EOF
cat <<EOF|${none:-X} ${arr[X]} ${HOME:X} ${HOME/X/}|EOF
cat <<EOF|$((X)) $[X]|EOF
cat <<EOF|a\\|X|EOF
cat <<EOF|$(echo 'a|X|')|EOF
cat <<EOF|$(|X|)|EOF
cat <<EOF|$(cat <<A|X|A|)|EOF
cat <<-EOF|T X|EOF
cat <<-EOF|TX|TEOF
cat <<'EOF'|X|EOF
cat <<'EOF'|$(X)|EOF
cat <<"EOF"|EX|EOF
cat <<\\EOF|X|EOF
cat <<E'O'F|X|EOF
cat <<"A B"|X|A B
cat <<-'EOF'|TX|TEOF
cat <<-'EOF'|X|EOF
cat <<A <<EOF|X|A|X|EOF
cat <<EOF; echo "X"|X|EOF
echo "$(cat <<EOF|X|EOF|)" X
cat <<X|a|X
x=`echo X`; echo "$x"
x=`echo "X" $((X))`; echo "$x"
x=$(echo X); echo "$x"
x="$(echo "X" 'X')"; echo "$x"
x=$(case a in a) echo X;; esac); echo "$x"
( echo X ); { echo X; }
if true; then echo X; fi; while false; do echo X; done
case X in X) echo X;; *) echo;; esac
for x in X "X"; do echo "$x"; done
f() { echo "$1" X; }; f X
echo a \\|  X "X" \\|  'X'
echo "a|X|b" X
echo 'a|X|b' X
cat < <(echo X) > >(cat)
A=X bash -c 'echo "$A"'
echo it\\'s X
echo X; echo '
""".strip().splitlines()


def render(template: str, value: str) -> str:
    script = template.replace("X", REFERENCE).replace("T", "\t").replace("|  ", "\n")
    lines = annotate([*PROLOGUE.splitlines(), *_lines(script)], "/bin/bash")
    return "\n".join(
        escaping.PLACEHOLDER.sub(lambda match: escaping.escape(value, match.group(2)), line)
        for line in lines
    )


def _lines(script: str) -> list[str]:
    """In a template with a here-document or a string over lines, each | begins a line."""
    over_lines = "<<E" in script or "<<-" in script or "<<'" in script or '<<"' in script
    over_lines = over_lines or "<<\\" in script or "<<A" in script or f"<<{REFERENCE}" in script
    over_lines = over_lines or '"a|' in script or "'a|" in script
    return script.replace("|", "\n").splitlines() if over_lines else script.splitlines()


# A subshell for each script costs less than a process.
RUNNER = """
for script in scripts/*; do
  ( cd run && . ../"$script" ) </dev/null >/dev/null 2>&1
  [ -z "$(ls run)" ] || { echo "$script"; rm -f run/*; }
done
"""


def leaks(folder: pathlib.Path, scripts: Mapping[str, str]) -> list[str]:
    """Run scripts (value -> script), each in an empty folder; return the values that ran."""
    for name in ("scripts", "run"):
        (folder / name).mkdir()
    for number, script in enumerate(scripts.values()):
        (folder / "scripts" / f"{number:03}").write_text(script + "\n", encoding="utf-8")
    printed = process.run(
        ["bash"], stdin=RUNNER, cwd=str(folder), timeout=60, ok=range(256), env={"HOME": "/"}
    ).stdout
    values = list(scripts)
    return [values[int(name.rpartition("/")[2])] for name in printed.split()]


@pytest.mark.programs
@pytest.mark.parametrize("template", CONTEXTS)
def test_no_hostile_value_runs_a_command(template: str, tmp_path: pathlib.Path) -> None:
    scripts = {}
    for value in HOSTILE:
        with contextlib.suppress(ValueError, UnsafeLine):
            scripts[value] = render(template, value)
    assert leaks(tmp_path, scripts) == []


PIECES = st.sampled_from(
    [
        *"ab \t\n'\"\\`$(){}[];|&<>#=~*,.:/-1",
        "EOF",
        "OF",
        "$(",
        "))",
        RUN,
        f"$({RUN})",
        "a[",
        "..",
        "do",
    ]
)


@pytest.mark.programs
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    templates=st.lists(st.sampled_from(CONTEXTS), min_size=1, max_size=3),
    value=st.lists(PIECES, max_size=8).map("".join),
)
def test_no_value_runs_a_command_after_other_lines(
    templates: list[str], value: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    try:
        script = "\n".join(render(template, value) for template in templates)
    except (ValueError, UnsafeLine):
        return
    assert not leaks(tmp_path_factory.mktemp("value"), {value: script}), script


def permits_references(template: str) -> bool:
    """Whether a value without any special character is accepted there."""
    try:
        render(template, "neutral")
    except UnsafeLine:
        return False
    return True


# Each prints its value; the output differs from that of another value by the value alone.
PRINTED = [
    template
    for template in CONTEXTS
    if template.startswith(("cat <<", "echo X", "for x", "f()", "x=", "( echo", "case", "read -r"))
    and not any(part in template for part in ("$X", "\\X", ">&2", "${", "$((", "`", "echo '"))
    and permits_references(template)
]


@pytest.mark.programs
@pytest.mark.parametrize("template", PRINTED)
def test_an_accepted_value_is_printed_as_it_is(template: str, tmp_path: pathlib.Path) -> None:
    neutral = "neutral"
    expected = output(tmp_path, render(template, neutral))
    accepted = 0
    for value in (
        "a b",
        "EOF",
        "it's",
        '"',
        "$HOME",
        "`id`",
        "*",
        "\\",
        "a,b",
        "2",
        "do",
        "&",
        "%",
    ):
        try:
            script = render(template, value)
        except (ValueError, UnsafeLine):
            continue
        accepted += 1
        assert output(tmp_path, script) == expected.replace(neutral, value), script
    assert accepted


def output(folder: pathlib.Path, script: str) -> str:
    return process.run(
        ["bash"], stdin=script + "\n", cwd=str(folder), timeout=20, env={"HOME": "/"}
    ).stdout


KICKSTART = (
    """<main>
<user>--name=a --gecos="&x;"</user><user>--name=b --gecos='&x;'</user>
<user>--name=c --gecos=&x;</user><rootpw>--lock</rootpw>
</main>""",
    "<post>\n# &x;\ntrue\n</post>",
    '<post>\n<file name="/a">\n&x;\n</file>\n</post>',
)


@pytest.mark.parametrize("value", [*HOSTILE, "%end\n%post", "a\nreboot", "a\u2028reboot", "a #b"])
def test_the_installer_reads_the_value_and_no_command_more(
    tmp_path: pathlib.Path, value: str
) -> None:
    profile = compile_profile(single_node_tree(tmp_path, *KICKSTART), "compute", {}, "rhel9")
    try:
        handler = parse_strictly(render_profile(profile, {"x": value}), "rhel9")
    except DescriptionError as error:
        assert value_rules.LINE_END.search(value)
        assert "nodes/compute.xml:" in str(error)
        return
    assert [user.gecos for user in handler.user.userList] == [value] * 3
    assert [script.type for script in handler.scripts] == [KS_SCRIPT_POST] * 2
    assert not handler.reboot.action
