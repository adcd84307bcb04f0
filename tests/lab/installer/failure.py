# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How an installation stops, as in anaconda of EL 8 to 10 and Fedora.

    what stops it                     the screen                          then
    %pre, the kickstart itself        a traceback, or one sentence        the process ends
    a script with --erroronfail       a dialog, whatever the mode         it waits for ever
    any other error, interactive      a dialog or a question              it waits for ever
    any other error, never asking     a sentence, then %onerror           a restart 180 s later

Before there is an interface, and after a script, no %onerror runs.
"""

from __future__ import annotations

import pathlib
import time
import traceback
from typing import Any, NoReturn

from pykickstart.constants import KS_SCRIPT_ONERROR, KS_SCRIPT_TRACEBACK

from . import remote, screen, scripts
from .model import InstallError, Question, ScriptError

VERDICT = pathlib.Path("/run/install/verdict")
RESTART_SECONDS = 180
EXIT = "Press ENTER to exit"
ANSWER = "Please respond 'yes' or 'no'"
NON_INTERACTIVE = (
    "\nThe installation was stopped due to an error which occurred while running in"
    " non-interactive cmdline mode. Since there cannot be any questions in cmdline mode, edit your"
    " kickstart file and retry installation. \nThe exact error message is: \n\n{}. \n\nThe"
    " installer will now terminate."
)
UNREADABLE = (
    "\nAn error occurred during reading the kickstart file:\n{}\n\nThe installer will now"
    " terminate."
)
UNKNOWN = "\nAn unknown error has occured, look at the /tmp/anaconda-tb* file(s) for more details"


def end_without_interface(error: Exception) -> int:
    """Print why %pre or the reading of the kickstart failed; the process ends with the result."""
    if isinstance(error, InstallError) and not isinstance(error, ScriptError):
        screen.show(UNREADABLE.format(error))
    else:
        text = "".join(traceback.format_tb(error.__traceback__))
        name = "ScriptError" if isinstance(error, ScriptError) else type(error).__name__
        print(f"Traceback (most recent call last):\n{text}pyanaconda.errors.{name}", flush=True)
    screen.write_console(f"{screen.STOPPED}: {error}")
    return 1


def stop(kickstart: Any, error: Exception) -> int:
    """Show the error, and wait for ever or for the restart, as anaconda does."""
    screen.log("anaconda", "".join(traceback.format_exception(error)))
    if isinstance(error, ScriptError):
        screen.show_dialog("Error", str(error), EXIT)
        _wait_for_ever(error)
    if _never_asks():
        screen.show(NON_INTERACTIVE.format(error))
        _run_error_scripts(kickstart)
        screen.write_console(f"{screen.STOPPED}: {error}")
        time.sleep(RESTART_SECONDS)  # as anaconda, for people at the console to read the error
        VERDICT.write_text("reboot")
        return 1
    if isinstance(error, Question):
        question = f"{error}\n\nWould you like to ignore this and continue with installation?"
        screen.show_dialog("Question", question, ANSWER)
    elif isinstance(error, InstallError):
        screen.show_dialog("Error", str(error), EXIT)
    else:
        screen.show(UNKNOWN)
        _run_error_scripts(kickstart)
    _wait_for_ever(error)


def _never_asks() -> bool:
    """Whether the boot arguments, or the kickstart's by way of dracut, forbid questions."""
    return "inst.noninteractive" in remote.boot_arguments()


def _run_error_scripts(kickstart: Any) -> None:
    for kind in (KS_SCRIPT_ONERROR, KS_SCRIPT_TRACEBACK):
        try:
            scripts.run(kickstart.scripts, kind)
        except ScriptError as error:
            screen.log("anaconda", str(error))


def _wait_for_ever(error: Exception) -> NoReturn:
    screen.write_console(f"{screen.STOPPED}: {error}")
    while True:
        time.sleep(3600)  # a dialog without an answer
