"""Whose request it is, for limits: the address of who connects, or the one that the proxy in front names."""

from __future__ import annotations

from ipaddress import ip_address

from starlette.requests import Request

MOST_HEADER = 4_096


def sender_of(request: Request, *, proxied: bool) -> str:
    """Return the address that a request came from.

    ``X-Forwarded-For`` is believed only where a proxy is said to be in front (``proxied``) and who connects is
    on this machine or a private network; then its last address counts, which the proxy itself wrote. Others in
    it are what the sender likes them to be.
    """
    peer = request.client.host if request.client else ""
    if not proxied or not _is_near(peer):
        return peer
    last = ",".join(request.headers.getlist("x-forwarded-for"))[-MOST_HEADER:].rpartition(",")[2].strip()
    try:
        return str(ip_address(last.strip("[]")))
    except ValueError:
        return peer


def _is_near(peer: str) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    return address.is_loopback or address.is_private
