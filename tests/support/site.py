# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A frontend's HTTP face as a site runs it: nginx and gunicorn from the role's own templates, each as its own user.

``face()`` starts both in a namespace, on a database and a folder of distributions that the caller has; the service
connects with the account that only it has.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
import tempfile
from dataclasses import dataclass
from typing import Any, Iterator, Mapping

import jinja2

from .daemons import Daemon
from .namespaces import Namespace
from .waiting import until

ROOT = pathlib.Path(__file__).parents[2]
TEMPLATES = ROOT / "roles" / "frontend" / "templates"
SERVICE_UID, WEB_USER = 64001, "www-data"
SERVICE_ACCOUNT, SERVICE_PASSWORD = "rocks_service", "not in any URL"
READY_SECONDS = 20.0
MOST_CLIENTS = 16384


@dataclass(frozen=True)
class Site:
    """The running face; ``folder`` is readable by everybody, as /etc and /run are."""

    folder: pathlib.Path
    namespace: Namespace
    gunicorn: Daemon
    nginx: Daemon

    @property
    def socket(self) -> pathlib.Path:
        return self.folder / "run" / "service.sock"


@contextlib.contextmanager
def folder() -> Iterator[pathlib.Path]:
    """A folder that other users can enter; pytest's own cannot be."""
    with tempfile.TemporaryDirectory(prefix="rocks-site-") as made:
        os.chmod(made, 0o755)
        yield pathlib.Path(made)


def as_service(
    place: pathlib.Path,
    database: str,
    url: str = "http://10.1.1.1",
    viewers: str = "127.0.0.1",
    authority: str = "",
) -> str:
    """rocks.yml as the service reads it: its own account, whose password is in a file of its own.

    database  what follows the account in its URL: ``localhost/NAME?socket=PATH``
    """
    credentials = place / "service.cnf"
    credentials.write_text(f"[client]\npassword = {SERVICE_PASSWORD}\n", encoding="utf-8")
    os.chown(credentials, SERVICE_UID, SERVICE_UID)
    credentials.chmod(0o400)
    return (
        f"service: mysql://{SERVICE_ACCOUNT}@{database}&credentials={credentials}\n"
        f"distributions: {place}/install\nurl: {url}\nviewers: {viewers}\nauthority: '{authority}'\n"
    )


def configure(place: pathlib.Path, rocks_yml: str, variables: Mapping[str, Any]) -> None:
    """Render the role's templates into ``place``."""
    import grp

    run = place / "run"
    run.mkdir(exist_ok=True)
    os.chown(run, SERVICE_UID, grp.getgrnam(WEB_USER).gr_gid)
    run.chmod(0o2750)
    log = place / "log"
    log.mkdir(exist_ok=True)
    given = {
        "frontend_most_clients": MOST_CLIENTS,
        "frontend_nginx_user": WEB_USER,
        "frontend_nginx_workers": 2,
        "frontend_nginx_pid": place / "nginx.pid",
        "frontend_nginx_log": log,
        "frontend_nginx_access_log": log / "access.log",
        "frontend_nginx_site": place / "rocks.conf",
        "frontend_nginx_service": place / "rocks-service.conf",
        "frontend_service_socket": run / "service.sock",
        "frontend_distributions": place / "install",
        "frontend_boot_files": place / "boot",
        "frontend_collections": ROOT / ".collections",
        **variables,
    }
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    for template, name in (
        ("nginx.conf.j2", "nginx.conf"),
        ("nginx-rocks.conf.j2", "rocks.conf"),
        ("nginx-rocks-service.conf.j2", "rocks-service.conf"),
        ("gunicorn.conf.py.j2", "gunicorn.conf.py"),
    ):
        (place / name).write_text(
            environment.get_template(template).render(given), encoding="utf-8"
        )
    (place / "rocks.yml").write_text(rocks_yml, encoding="utf-8")


@contextlib.contextmanager
def service(place: pathlib.Path, namespace: Namespace) -> Iterator[Daemon]:
    """gunicorn, as the service's user and in nginx's group only for its socket's folder."""
    argv = [
        *(
            "setpriv",
            f"--reuid={SERVICE_UID}",
            f"--regid={SERVICE_UID}",
            "--clear-groups",
            "--inh-caps=-all",
        ),
        *(sys.executable, "-m", "gunicorn", "-c", str(place / "gunicorn.conf.py")),
    ]
    env = {
        "ROCKS_CONFIG": str(place / "rocks.yml"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/nonexistent",
    }
    with namespace.daemon(argv, place / "log" / "gunicorn.log", env=env) as running:
        until((place / "run" / "service.sock").exists, READY_SECONDS, "gunicorn's socket")
        yield running


@contextlib.contextmanager
def face(
    place: pathlib.Path, namespace: Namespace, rocks_yml: str, variables: Mapping[str, Any] = {}
) -> Iterator[Site]:
    """nginx and the service, ready."""
    configure(place, rocks_yml, variables)
    # Per namespace; the kernel cuts every socket's queue at it.
    namespace.run(["sysctl", "-qw", f"net.core.somaxconn={MOST_CLIENTS}"], timeout=10)
    with contextlib.ExitStack() as inside:
        gunicorn = inside.enter_context(service(place, namespace))
        argv = ["nginx", "-p", str(place), "-c", str(place / "nginx.conf"), "-g", "daemon off;"]
        nginx = inside.enter_context(namespace.daemon(argv, place / "log" / "nginx.log"))
        site = Site(place, namespace, gunicorn, nginx)
        try:
            until(lambda: _answers(site), READY_SECONDS, "the HTTP face to answer")
        except TimeoutError as error:
            logs = "\n".join(
                log.read_text(errors="replace")[-2000:] for log in sorted((place / "log").iterdir())
            )
            raise TimeoutError(f"{error}\n{logs}") from None
        yield site


def _answers(site: Site) -> bool:
    probe = [
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-m",
        "5",
        "http://127.0.0.1/rocks/health",
    ]
    return site.namespace.run(probe, timeout=10, ok=range(256)).stdout == "200"
