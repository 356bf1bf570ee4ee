"""Character sets of requests: one that is none must not keep Django from making the request at all.

Django decodes the query of an address by the charset that the body's type names, while it builds the request: a codec
that is no text encoding (rot13, zlib) raises there, before any middleware could answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
_CHARSET = re.compile(r"""charset(\*?)\d*\s*=\s*("[^"]*"|[^\s;]*)""", re.IGNORECASE)


def known_charsets(application: Application) -> Application:
    """Return a WSGI application that reads requests of a strange charset as UTF-8."""

    def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        said = environ.get("CONTENT_TYPE", "")
        if "charset" in said.lower():
            environ["CONTENT_TYPE"] = _CHARSET.sub(_kept, said)
        return application(environ, start_response)

    return wrapped


def _kept(found: re.Match[str]) -> str:
    name = found[2].strip('"')
    try:
        # All that speak HTTP write its own signs in ASCII.
        good = not found[1] and b"a=1&b".decode(name) == "a=1&b"
    except (LookupError, ValueError):
        good = False
    return found[0] if good else "charset=utf-8"
