"""Which lines of a log count: named definitions with a version. They never change under one name.

* ``login-success/1``: a person's login succeeded. The account is the one that was logged in to.
* ``authenticated-request/1``: a server answered a request for which it knows the user's name, with a status
  other than 401 and 407 (there the name is only a claim).
* ``client-address/1``: a server answered a request, whatever its status. The account is the client's
  address: it stands for a person only as well as addresses do (shared gateways, changing addresses).
"""

from __future__ import annotations

from evidence.accounts import CLIENT_ADDRESS

LOGIN_SUCCESS = "login-success/1"
AUTHENTICATED_REQUEST = "authenticated-request/1"
DEFINITIONS = (LOGIN_SUCCESS, AUTHENTICATED_REQUEST, CLIENT_ADDRESS)

UNPROVED_STATUS = (b"401", b"407")
"""Unauthorized: the server did not believe the name."""

SUPPORTED = {
    "combined": (AUTHENTICATED_REQUEST, CLIENT_ADDRESS),
    "common": (AUTHENTICATED_REQUEST, CLIENT_ADDRESS),
    "w3c": (AUTHENTICATED_REQUEST, CLIENT_ADDRESS),
    "auth": (LOGIN_SUCCESS,),
    "journal": (LOGIN_SUCCESS,),
    "json": DEFINITIONS,
    "pattern": DEFINITIONS,
}
"""The definitions that each format can be read by; where there is only one, it need not be named."""
