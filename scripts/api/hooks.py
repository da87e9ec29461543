"""What schemathesis has to know of our server."""

import ipaddress
import secrets

import schemathesis

SHORTEST_KEY, LONGEST_KEY = 16, 128  # as openapi.json says


@schemathesis.hook
def before_call(context, case, kwargs):
    """Comes from another address each time: rate limits have tests of their own."""
    # Nothing here is of random: hypothesis seeds that anew before each case, and the same numbers would come again and again.
    case.headers["X-Forwarded-For"] = str(ipaddress.IPv4Address(secrets.randbits(24) + (11 << 24)))
    # A key that comes twice gets the first answer again, though what that made may be gone since.
    key = case.headers.get("Idempotency-Key")
    if isinstance(key, str) and SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        unique = secrets.token_hex(8)
        case.headers["Idempotency-Key"] = key[: LONGEST_KEY - len(unique)] + unique


@schemathesis.hook
def filter_case(context, case):
    """The server takes null for a field that is absent, which a schema cannot say without naming it in every answer."""
    return not (isinstance(case.body, dict) and None in case.body.values())
