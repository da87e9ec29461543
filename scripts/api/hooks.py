"""What schemathesis has to know of our server."""

import random

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    """Comes from another address each time: rate limits have tests of their own."""
    case.headers["X-Forwarded-For"] = ".".join(str(random.randint(1, 250)) for _ in range(4))
    # A key that comes twice gets the first answer again, though what that made may be gone since.
    key = case.headers.get("Idempotency-Key")
    if isinstance(key, str) and 0 < len(key) <= 32:
        case.headers["Idempotency-Key"] = key + str(random.randint(10**8, 10**9))


@schemathesis.hook
def filter_case(context, case):
    """The server takes null for a field that is absent, which a schema cannot say without naming it in every answer."""
    return not (isinstance(case.body, dict) and None in case.body.values())
