# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Power over Redfish (DMTF DSP0266), through DMTF's own client: start from the network once, then reset.

A BMC's certificate is its own in most machines; it is checked where the site names what it descends from (the
attribute ``redfish_ca``).
"""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, Optional

from ...errors import CommandError, Unavailable
from .boot_target import BootTarget

SECONDS = 30
SYSTEMS = "/redfish/v1/Systems"


def boot_installer(target: BootTarget) -> None:
    """Make the machine start from the network once, and switch it off and on.  Raises Unavailable."""
    with _client(target) as client:
        system = _system(client, target)
        boot = {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}
        if target.attributes.get("firmware") == "uefi":
            boot["BootSourceOverrideMode"] = "UEFI"
        _request(client, target, "PATCH", system["@odata.id"], {"Boot": boot})
        _reset(client, target, system)


def cycle(target: BootTarget) -> None:
    """Switch the machine off and on; a machine that is off is switched on."""
    with _client(target) as client:
        _reset(client, target, _system(client, target))


def status(target: BootTarget) -> bool:
    """Whether the machine is on."""
    with _client(target) as client:
        return bool(_system(client, target).get("PowerState") == "On")


@contextlib.contextmanager
def _client(target: BootTarget) -> Iterator[Any]:
    try:
        import redfish
    except ImportError:
        raise CommandError(
            "the Python library redfish is missing", target.node, "pip install redfish"
        ) from None
    base = target.bmc if "://" in target.bmc else f"https://{target.bmc}"
    try:
        client = redfish.redfish_client(
            base_url=base,
            username=target.bmc_user,
            password=target.bmc_password,
            cafile=target.attributes.get("redfish_ca") or None,
            timeout=SECONDS,
            max_retry=1,
        )
        client.login(auth=redfish.AuthMethod.BASIC)
    # The client raises its own exceptions, those of requests, and bare ones.
    except Exception as error:
        raise _unavailable(target, f"no session: {_error_text(error)}") from error
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):
            client.logout()


def _system(client: Any, target: BootTarget) -> dict[str, Any]:
    """The one computer system behind this BMC, or the one that the attribute redfish_system names."""
    members = [
        member["@odata.id"]
        for member in _request(client, target, "GET", SYSTEMS).get("Members", [])
    ]
    wanted = target.attributes.get("redfish_system", "")
    found = [one for one in members if not wanted or one.rstrip("/").endswith(f"/{wanted}")]
    if len(found) != 1:
        what = f"{len(found)} systems behind the BMC" + (f" are {wanted!r}" if wanted else "")
        raise Unavailable(
            what, f"{target.node} ({target.bmc})", "name one: the attribute redfish_system"
        )
    return _request(client, target, "GET", found[0])


def _reset(client: Any, target: BootTarget, system: dict[str, Any]) -> None:
    action = system["Actions"]["#ComputerSystem.Reset"]
    allowed = action.get("ResetType@Redfish.AllowableValues", ["ForceRestart", "On"])
    on = system.get("PowerState") == "On"
    verb = (
        next((one for one in ("PowerCycle", "ForceRestart") if one in allowed), "ForceRestart")
        if on
        else "On"
    )
    _request(client, target, "POST", action["target"], {"ResetType": verb})


def _request(
    client: Any, target: BootTarget, method: str, path: str, body: Optional[dict[str, Any]] = None
) -> dict[str, Any]:
    try:
        if method == "GET":
            answer = client.get(path)
        else:
            answer = (client.patch if method == "PATCH" else client.post)(path, body=body)
        found = answer.dict if answer.text else {}
    except Exception as error:
        raise _unavailable(target, f"{method} {path}: {_error_text(error)}") from error
    if answer.status >= 400:
        raise _unavailable(target, f"{method} {path}: status {answer.status}")
    return found if isinstance(found, dict) else {}


def _error_text(error: BaseException) -> str:
    """What went wrong: the client says nothing of its own when it has tried often enough, and why stands behind it."""
    behind = error.__cause__ or error.__context__
    while not str(error) and behind is not None:
        error, behind = behind, behind.__cause__ or behind.__context__
    return str(error) or type(error).__name__


def _unavailable(target: BootTarget, what: str) -> Unavailable:
    return Unavailable(f"the BMC does not do it: {what}", f"{target.node} ({target.bmc})")
