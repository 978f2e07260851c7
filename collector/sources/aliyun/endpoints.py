"""Where the services of Alibaba Cloud answer. Bills have one address for each of its two sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from urllib.parse import urlsplit

from collector.errors import SettingsError
from collector.sources.aliyun.connection import Endpoint
from collector.sources.cloud_account import is_address

REGIONAL = MappingProxyType({"cms": "metrics", "ecs": "ecs", "vpc": "vpc"})
BUSINESS = "business"
SITES = MappingProxyType(
    {"china": "business.aliyuncs.com", "international": "business.ap-southeast-1.aliyuncs.com"}
)
SERVICES = (*REGIONAL, BUSINESS)


def endpoints(
    regions: Sequence[str], *, site: str = "china", overrides: Mapping[str, str] | None = None
) -> Mapping[tuple[str, str], Endpoint]:
    """Return the endpoint of every (service, region). ``overrides`` are checked addresses by service.

    Raises:
        SettingsError: ``site`` is neither ``china`` nor ``international``, or an address over TLS is
            a number.
    """
    if site not in SITES:
        raise SettingsError(f"aliyun: site is one of {', '.join(SITES)}, not {site!r}")
    other = {service: _endpoint(address) for service, address in (overrides or {}).items()}
    found = {}
    for region in regions:
        for service, prefix in REGIONAL.items():
            found[service, region] = other.get(service, Endpoint(f"{prefix}.{region}.aliyuncs.com"))
        found[BUSINESS, region] = other.get(BUSINESS, Endpoint(SITES[site]))
    return found


def _endpoint(address: str) -> Endpoint:
    parts = urlsplit(address)
    secure = parts.scheme == "https"
    if secure and is_address(parts.hostname or ""):
        # The SDK hands over no name to check the certificate against when the host is a number.
        raise SettingsError(f"aliyun: endpoint {address}: name the host, a number has no certificate here")
    return Endpoint(parts.netloc, secure)
