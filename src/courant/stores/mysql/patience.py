"""A transaction that is begun again while the server is away, or while another holds its locks."""

from __future__ import annotations

from collections.abc import Callable

import pymysql
import tenacity

from courant.errors import MySQLDownError
from courant.settings import Settings
from courant.stores.mysql.connection import is_worth_a_retry

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 5.0


def patient(settings: Settings, reset: Callable[[tenacity.RetryCallState], None]) -> tenacity.Retrying:
    """Give what calls a whole transaction until it passes, for up to `ingest.wait_for_server_s`.

    Parameters
    ----------
    reset
        Called between two attempts; it must drop the connection, and with it an open transaction.
    """
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(_may_pass),
        wait=tenacity.wait_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S),
        stop=tenacity.stop_after_delay(settings.ingest.wait_for_server_s),
        before_sleep=reset,
        reraise=True,
    )


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, MySQLDownError):
        return True
    return isinstance(error, pymysql.err.MySQLError) and is_worth_a_retry(error)
