# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Boot from the network once, and control the power, over Redfish (DMTF DSP0266).

The client is DMTF's Python library.

Most BMCs have a self-signed certificate.  It is verified if the attribute ``redfish_ca`` names the
CA.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any, Iterator, Optional

from ...errors import CommandError, Unavailable
from .boot_target import BootTarget

SECONDS = 30
MESSAGE_CHARACTERS = 500
SYSTEMS = "/redfish/v1/Systems"
ODATA_ID = "@odata.id"
PATH = re.compile(r"/redfish/v1/[A-Za-z0-9._~:@!$&'()*+,;=/%#-]{1,500}")
RESET = "#ComputerSystem.Reset"
RESET_TYPES = {"on": "On", "off": "ForceOff"}


def boot_installer(target: BootTarget) -> None:
    """Set the next boot to the network, and power-cycle the machine.  Raises Unavailable."""
    with _client(target) as client:
        system = _system(client, target)
        boot = {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}
        if target.attributes.get("firmware") == "uefi":
            boot["BootSourceOverrideMode"] = "UEFI"
        _request(client, target, "PATCH", _path(target, system, ODATA_ID), body={"Boot": boot})
        _reset(client, target, system)


def cycle(target: BootTarget) -> None:
    """Power-cycle the machine, or switch it on if it is off."""
    with _client(target) as client:
        _reset(client, target, _system(client, target))


def control(target: BootTarget, action: str) -> None:
    """Do one of power_control.ACTIONS except ``status``.  Raises Unavailable."""
    if action == "cycle":
        cycle(target)
        return
    with _client(target) as client:
        system = _system(client, target)
        if action in RESET_TYPES:
            _post_reset(client, target, system, RESET_TYPES[action])
        else:
            _set_led(client, target, system, lit=action == "identify")


def status(target: BootTarget) -> bool:
    """Check whether the machine is on."""
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
    """Return the only system of this BMC, or the one that the attribute redfish_system names."""
    collection = _request(client, target, "GET", SYSTEMS)
    members = collection.get("Members", [])
    if not isinstance(members, list):
        raise _unavailable(target, f"the list of {SYSTEMS} is not a list")
    paths = [_path(target, member, ODATA_ID) for member in members]
    name = target.attributes.get("redfish_system", "")
    matches = [path for path in paths if not name or path.rstrip("/").endswith(f"/{name}")]
    if len(matches) != 1:
        raise Unavailable(
            f"the BMC has {len(matches)} systems" + (f" named {name!r}" if name else ""),
            f"{target.node} ({target.bmc})",
            "set the attribute redfish_system to the name of one",
        )
    return _request(client, target, "GET", matches[0])


def _reset(client: Any, target: BootTarget, system: dict[str, Any]) -> None:
    allowed = _reset_action(target, system).get("ResetType@Redfish.AllowableValues", [])
    if system.get("PowerState") != "On":
        reset_type = "On"
    elif isinstance(allowed, list) and "PowerCycle" in allowed:
        reset_type = "PowerCycle"
    else:
        reset_type = "ForceRestart"
    _post_reset(client, target, system, reset_type)


def _post_reset(client: Any, target: BootTarget, system: dict[str, Any], reset_type: str) -> None:
    path = _path(target, _reset_action(target, system), "target")
    _request(client, target, "POST", path, body={"ResetType": reset_type})


def _set_led(client: Any, target: BootTarget, system: dict[str, Any], *, lit: bool) -> None:
    """Set the property that the BMC has: since ComputerSystem 1.13 LocationIndicatorActive."""
    body: dict[str, Any] = {"IndicatorLED": "Blinking" if lit else "Off"}
    if "LocationIndicatorActive" in system:
        body = {"LocationIndicatorActive": lit}
    _request(client, target, "PATCH", _path(target, system, ODATA_ID), body=body)


def _reset_action(target: BootTarget, system: dict[str, Any]) -> dict[str, Any]:
    actions = system.get("Actions")
    action = actions.get(RESET) if isinstance(actions, dict) else None
    if not isinstance(action, dict):
        raise _unavailable(target, f"the system has no action {RESET}")
    return action


def _path(target: BootTarget, resource: object, key: str) -> str:
    """Return a path that the BMC has sent, on the BMC itself.

    The client appends it to the address of the BMC: ``@HOST/`` would send the password to HOST.
    """
    path = resource.get(key) if isinstance(resource, dict) else None
    if not isinstance(path, str) or not PATH.fullmatch(path):
        raise _unavailable(target, f"{key} is not a path: {ascii(path)[:80]}")
    return path


def _request(
    client: Any,
    target: BootTarget,
    method: str,
    path: str,
    *,
    body: Optional[dict[str, Any]] = None,
) -> dict[str, Any]:
    try:
        if method == "GET":
            response = client.get(path)
        else:
            response = (client.patch if method == "PATCH" else client.post)(path, body=body)
        content = response.dict if response.text else {}
    except Exception as error:
        raise _unavailable(target, f"{method} {path}: {_error_text(error)}") from error
    if response.status >= 400:
        raise _unavailable(target, f"{method} {path}: status {response.status}")
    return content if isinstance(content, dict) else {}


def _error_text(error: BaseException) -> str:
    """Return the first message in the chain of causes.

    When the client has used up its attempts, its own exception has no message.
    """
    cause = error.__cause__ or error.__context__
    while not str(error) and cause is not None:
        error = cause
        cause = error.__cause__ or error.__context__
    return str(error) or type(error).__name__


def _unavailable(target: BootTarget, what: str) -> Unavailable:
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in what[:MESSAGE_CHARACTERS])
    return Unavailable(f"the BMC failed: {text}", f"{target.node} ({target.bmc})")
