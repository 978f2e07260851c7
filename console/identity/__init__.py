"""Signing in at an identity provider (OpenID Connect). Optional: the extra ``oidc`` and the table ``[oidc]``.

``claims`` judges a token and is pure; ``provider`` speaks with the provider; ``federation`` joins both to the
console's accounts and sessions.
"""
