# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Headless Chromium, controlled over its debugging pipe."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import pathlib
import queue
import subprocess
import threading
from typing import Any, Iterator, Optional

from .namespaces import Namespace
from .waiting import until

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--mute-audio",
    "--remote-debugging-pipe",
]
RESPONSE_SECONDS = 60.0
KEYS = {
    "Enter": ("\r", 13),
    "Escape": ("", 27),
    "ArrowDown": ("", 40),
    "ArrowRight": ("", 39),
    "Tab": ("\t", 9),
}


class Browser:
    """One page. ``complaints`` collects the errors and refusals in the browser's console."""

    def __init__(
        self, process: subprocess.Popen[bytes], to_browser: int, from_browser: int
    ) -> None:
        self.process = process
        self._out = to_browser
        self._answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        threading.Thread(target=self._read, args=(from_browser,), daemon=True).start()
        target = self._send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._send("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol to the page, and return its result."""
        return self._send(method, self._session, **parameters)

    def open(self, url: str, ready: str = "document.readyState === 'complete'") -> None:
        """Open a page, and wait until it is loaded."""
        self.ask("Page.navigate", url=url)
        self.until(
            f"location.href.startsWith({json.dumps(url.split('?', maxsplit=1)[0])}) && {ready}"
        )

    def value(self, expression: str) -> Any:
        """Evaluate an expression in the page."""
        result = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            raise AssertionError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def until(self, expression: str, seconds: float = 20.0) -> None:
        """Wait until an expression is true in the page."""
        until(lambda: self.value(f"Boolean({expression})"), seconds, expression)

    def press(self, key: str) -> None:
        """Press a key: a character, or one of KEYS."""
        text, code = KEYS.get(key, (key, ord(key[0].upper())))
        common = {"key": key, "windowsVirtualKeyCode": code}
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        for character in text:
            self.press(character)

    def look(self, width: int, height: int, *, dark: bool = False, phone: bool = False) -> None:
        """Set the size of the window and its colour scheme."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, path: pathlib.Path) -> None:
        """Save a screenshot, for people."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))

    def _send(
        self, method: str, session: Optional[str] = None, **parameters: Any
    ) -> dict[str, Any]:
        number = next(self._numbers)
        self._answers[number] = queue.Queue()
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        answer = self._answers[number].get(timeout=RESPONSE_SECONDS)
        del self._answers[number]
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _read(self, descriptor: int) -> None:
        remainder = b""
        while part := os.read(descriptor, 1 << 16):
            *messages, remainder = (remainder + part).split(b"\0")
            for text in messages:
                self._dispatch(json.loads(text))

    def _dispatch(self, message: dict[str, Any]) -> None:
        if "id" in message:
            self._answers[message["id"]].put(message)
        elif message["method"] == "Log.entryAdded":
            entry = message["params"]["entry"]
            self.complaints.append(f"{entry['level']}: {entry['text']} {entry.get('url', '')}")
        elif message["method"] == "Runtime.exceptionThrown":
            self.complaints.append(f"exception: {message['params']['exceptionDetails']}")
        elif message["method"] == "Page.javascriptDialogOpening":
            self.complaints.append(f"dialog: {message['params']['message']}")


@contextlib.contextmanager
def browser(namespace: Namespace, folder: pathlib.Path) -> Iterator[Browser]:
    """Run Chromium in a namespace, with an empty profile in ``folder``."""
    browser_input, to_browser = os.pipe()
    from_browser, browser_output = os.pipe()
    profile = folder / "chromium"
    # Chromium uses descriptors 3 and 4; ip netns exec passes on its own descriptors.
    plumbing = f'exec 3<&{browser_input} 4>&{browser_output}; exec chromium "$@"'
    argv = namespace.argv(
        ["bash", "-c", plumbing, "chromium", *FLAGS, f"--user-data-dir={profile}"]
    )
    log = (folder / "chromium.log").open("wb")
    process = subprocess.Popen(
        argv,
        pass_fds=(browser_input, browser_output),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**os.environ, "HOME": str(folder)},
        start_new_session=True,
    )
    for descriptor in (browser_input, browser_output):
        os.close(descriptor)
    try:
        yield Browser(process, to_browser, from_browser)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()
        log.close()
        os.close(to_browser)
