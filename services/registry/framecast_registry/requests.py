"""Calls that are safe to repeat: a `request_id` leads back to the first call's result."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from framecast.errors import InvalidArgumentError
from framecast_registry.domain import RequestRecord
from framecast_registry.ports import MetadataStore, Transaction

MAX_REQUEST_ID_LENGTH = 64
LIFETIME = timedelta(days=7)


def forget_old_requests(store: MetadataStore, now: Callable[[], datetime]) -> None:
    """Removes those that nobody will repeat any more."""
    with store.transaction() as tx:
        tx.requests.remove_older(now() - LIFETIME)


class Request:
    """One call of a `Create`: `scope` is its parent's name, `content` all that it asks for."""

    def __init__(self, method: str, scope: str, request_id: str, *content: object) -> None:
        if len(request_id) > MAX_REQUEST_ID_LENGTH:
            raise InvalidArgumentError(
                f"request_id must have at most {MAX_REQUEST_ID_LENGTH} characters, got {len(request_id)}",
                reason="REQUEST_ID_INVALID",
                field="request_id",
                length=len(request_id),
            )
        self._key = (scope, method, request_id)
        self._fingerprint = hashlib.sha256(repr(content).encode()).hexdigest()

    def earlier_result(self, tx: Transaction) -> str | None:
        """What the first call with this id made; None where this is the first. Holds others with the id off.

        Raises InvalidArgumentError where the first call asked for something else.
        """
        scope, method, request_id = self._key
        if request_id:
            tx.lock(f"request/{scope}/{method}/{request_id}")
        return self.recorded_result(tx)

    def recorded_result(self, tx: Transaction) -> str | None:
        """The same without waiting for a call that is under way: for a snapshot."""
        scope, method, request_id = self._key
        if not request_id:
            return None
        record = tx.requests.get(scope, method, request_id)
        if record is None:
            return None
        if record.fingerprint != self._fingerprint:
            raise InvalidArgumentError(
                f"request_id {request_id!r} was used for another {method} call; take a new one for a new request",
                reason="REQUEST_ID_REUSED",
                field="request_id",
                request_id=request_id,
                method=method,
            )
        return record.result

    def remember(self, tx: Transaction, result: str, now: datetime) -> None:
        """Keeps what this call made, for those who repeat it."""
        scope, method, request_id = self._key
        if request_id:
            tx.requests.add(scope, method, request_id, RequestRecord(self._fingerprint, result, now))
