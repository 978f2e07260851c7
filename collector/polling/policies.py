"""The least-privilege policy of a provider, whether or not an account is configured yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collector.polling.accounts import REGIONS, SECRET, Account
from collector.polling.opening import Keys, open_source
from collector.sources.calling import Clocks
from collector.sources.errors import PluginError, SourceError
from collector.sources.registry import Plugins, Tools
from collector.sources.secrets import Secret

_NOBODY = {"key_id": "nobody", SECRET: "env:NOBODY"}
_STAND_INS: Sequence[Mapping[str, Any]] = (
    *({**_NOBODY, REGIONS: [region]} for region in ("cn-hangzhou", "cn-north-1", "ap-shanghai", "cn-east-3")),
    {"url": "https://127.0.0.1"},
    {"url": "https://127.0.0.1", "token": "env:NOBODY"},
    {},
)
"""A policy names no account, so anything that opens will do; nothing is asked of anybody."""


def policy_of(provider: str, accounts: Sequence[Account], plugins: Plugins, *, clocks: Clocks) -> str:
    """Return the policy to paste, "" where a provider has none.

    Raises:
        PluginError: there is no such provider, or it only opens with an account of its own.
    """
    if provider not in plugins.factories:
        plugins.open(provider, {}, Tools(clocks, lambda _reference: Secret("nobody")))  # says what is wrong
    settings = [account.opened_with for account in accounts if account.provider == provider]
    keys = Keys(lambda _reference: Secret("nobody"))
    for given in (*settings, *_STAND_INS):
        account = Account(alias=provider, provider=provider, settings=given)
        try:
            return open_source(account, plugins, clocks=clocks, keys=keys).policy()
        except SourceError:
            continue
    raise PluginError(
        f"{provider} tells its policy only for an account; run: starproof source add {provider} …"
    )
