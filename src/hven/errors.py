"""The one family of errors that rooms raise and dialects translate.

A message is a sentence that a person can act on; it never carries a secret or a path of the server.
"""


class HvenError(Exception):
    """Base of all errors that hven raises on purpose."""


class NotFound(HvenError):
    """No such record, or none that the caller may know of."""


class Forbidden(HvenError):
    """The caller is known and may not do this."""


class Unauthenticated(Forbidden):
    """Nobody is signed in, or the key is not valid."""


class Invalid(HvenError):
    """The input cannot be used as it is; the message says which part and why."""


class Conflict(HvenError):
    """The record's state does not allow this now."""


class TooLarge(Invalid):
    """More bytes, pixels or members than the server's limits allow."""


class Unavailable(HvenError):
    """Something the server needs is missing or busy: disk space, solver data, a remote service."""


class NoRoom(Unavailable):
    """The disk is full, or nearly; nothing was stored."""


class Retriable(HvenError):
    """A job failed for a reason that may pass; it is tried again until its attempts are used up."""


class Final(HvenError):
    """A job failed for a reason that will not pass; it is not tried again."""


class Throttled(Unavailable):
    """Too many attempts; ``retry_after_s`` seconds from now the next one is looked at."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
