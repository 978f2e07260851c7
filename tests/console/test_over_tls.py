"""The console over the collector's own TLS: cookies are bound to it, and commands to paste name its authority."""

from __future__ import annotations

import re
import ssl

import httpx
from console_world import CSRF
from processes import collector, starproof_json

PASSWORD = "梧桐-plane-7-harbour"


def test_over_the_collectors_own_tls_cookies_are_bound_to_it_and_commands_name_its_authority(tmp_path):
    with collector(tmp_path, more='[tls]\nmode = "own"\n') as (server, url, db):
        ca = starproof_json("collector", "ca", "--db", db, "--config", tmp_path / "collector.toml")
        setup, link = re.search(r"(https://\S+/setup\?link=(\S+))", server.text()).groups()
        context = ssl.create_default_context(cadata=ca["pem"])
        with httpx.Client(base_url=url, verify=context, follow_redirects=True) as browser:
            token = CSRF.search(browser.get(setup).text)[1]
            fields = {"csrf": token, "link": link, "name": "owner", "password": PASSWORD, "again": PASSWORD}
            browser.post("/setup", data=fields, headers={"origin": url}).raise_for_status()
            cookies = list(browser.cookies.jar)
            assert any(cookie.name.startswith("__Host-") for cookie in cookies)
            assert all(cookie.secure for cookie in cookies if cookie.name.startswith("__Host-"))
            page = browser.get("/settings").text
            made = browser.post(
                "/settings/tokens",
                data={"csrf": CSRF.search(page)[1], "host": "web-1"},
                headers={"origin": url},
            ).text
    assert f"--collector {url} " in made
    assert f"--ca-sha256 {ca['sha256']}" in made
