"""nginx vouches for the source of a request; static files have names with their hash."""

from __future__ import annotations

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order
from ansible_collections.npaci.rocks.plugins.module_utils.service.web.static_files import static_url
from ansible_collections.npaci.rocks.plugins.module_utils.service.wsgi import BehindNginx
from support.frontend import HttpService

NODE = "10.255.255.245"
OTHER = "10.255.255.244"
ADMIN = "127.0.0.1"


@pytest.fixture
def behind_nginx(service: HttpService) -> HttpService:
    service.app.wsgi_app = BehindNginx(service.app.wsgi_app)  # type: ignore[method-assign]
    return service


def test_the_source_is_what_nginx_reports(behind_nginx: HttpService, order: Order) -> None:
    source = {"HTTP_X_REAL_IP": NODE, "HTTP_X_REAL_PORT": "700"}
    assert behind_nginx.get("/rocks/kickstart", "", **source).status == 200
    assert behind_nginx.get("/rocks/kickstart", NODE, HTTP_X_REAL_IP=OTHER).status == 409


@pytest.mark.parametrize("address", [None, "", f"{NODE},{OTHER}", "unix:", "compute-0-0"])
def test_without_one_valid_address_of_nginx_a_request_is_refused(
    behind_nginx: HttpService, order: Order, address: str | None
) -> None:
    headers = {} if address is None else {"HTTP_X_REAL_IP": address}
    assert behind_nginx.get("/rocks/kickstart", NODE, **headers).status == 400


@pytest.mark.parametrize(("name", "content"), [("page.css", "text/css"), ("page.js", "javascript")])
def test_a_static_file_is_kept_by_browsers_under_its_hash(
    service: HttpService, name: str, content: str
) -> None:
    page = service.get("/", ADMIN).text
    assert static_url(name) in page
    response = service.get(static_url(name), ADMIN)
    assert (response.status, content in response.headers["Content-Type"]) == (200, True)
    assert "immutable" in response.headers["Cache-Control"]


@pytest.mark.parametrize("name", ["page.css", "../page_layout.py", "%2e%2e/page_layout.py", ""])
def test_only_static_files_are_served_by_their_names_with_a_hash(
    service: HttpService, name: str
) -> None:
    assert service.get(f"/rocks/static/{name}", ADMIN).status == 404
