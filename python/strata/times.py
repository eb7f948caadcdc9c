"""Moments and durations: microseconds since 1970 (UTC) inside, datetime and text outside."""

import re
from datetime import date, datetime, time, timedelta, timezone
from numbers import Real
from typing import Union

import numpy

from ._strata import InvalidArgument
from .arguments import quoted

Moment = Union[datetime, str, int]        # a datetime (naive: UTC), ISO 8601 text, or microseconds since 1970
Duration = Union[float, int, str, timedelta]  # seconds, "90s" "15m" "1h" "7d" "250ms", or a timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_SECONDS_MAX = 100_000_000_000  # 3,000 years: what is to stay for ever has no duration
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def microseconds(moment: datetime) -> int:
    """Of a datetime; a naive one is UTC, as text without a zone is."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_us(moment: Moment | None) -> int | None:
    """Microseconds since 1970 of what a user gives for a moment."""
    if moment is None or isinstance(moment, int):
        return moment
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            raise InvalidArgument(f"not a time (write 2026-11-20 or 2026-11-20T10:00:00Z): {moment!r}") from None
    if not isinstance(moment, datetime):
        raise InvalidArgument(f"a moment is a datetime, text or microseconds since 1970, not {quoted(moment)}")
    return microseconds(moment)


def to_datetime(time_us: int | None) -> datetime | None:
    return None if time_us is None else _EPOCH + timedelta(microseconds=time_us)


# What SQL answers: moments that Python's classes do not reach (before the year 1, after 9999) are ISO 8601 text; the
# infinities are the last and the first that they do.

_INFINITY_US = 2**63 - 1
_INFINITY_DAYS = 2**31 - 1


def moment_object(time_us: int) -> datetime | str:
    try:
        return _EPOCH + timedelta(microseconds=time_us)
    except OverflowError:
        if abs(time_us) == _INFINITY_US:
            return (datetime.max if time_us > 0 else datetime.min).replace(tzinfo=timezone.utc)
        return f"{numpy.datetime64(time_us, 'us')}Z"


def date_object(days: int) -> date | str:
    try:
        return _EPOCH.date() + timedelta(days=days)
    except OverflowError:
        if abs(days) == _INFINITY_DAYS:
            return date.max if days > 0 else date.min
        return str(numpy.datetime64(days, "D"))


def time_object(time_us: int) -> time | str:
    if time_us == 24 * 3600 * 1_000_000:
        return "24:00:00"
    return (datetime.min + timedelta(microseconds=time_us)).time()


def interval_object(months: int, days: int, time_us: int) -> timedelta | str:
    """A month counts as 30 days, as DuckDB counts it."""
    try:
        return timedelta(days=30 * months + days, microseconds=time_us)
    except OverflowError:
        return f"P{months}M{days}DT{time_us / 1_000_000}S"


def duration_ms(duration: Duration | None) -> int:
    """Milliseconds of what a user gives for a duration; None is 0. Less than one millisecond counts as one."""
    if duration is None:
        return 0
    if isinstance(duration, timedelta):
        duration = duration.total_seconds()
    if isinstance(duration, str):
        parts = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", duration.strip())
        if not parts:
            raise InvalidArgument(f"not a duration (write 250ms, 90s, 15m, 1h or 7d): {duration!r}")
        duration = float(parts[1]) * _UNITS_MS[parts[2]] / 1000
    if not isinstance(duration, Real):
        raise InvalidArgument(f'a duration is seconds, text like "90s" or a timedelta, not {quoted(duration)}')
    if not 0 < duration <= _SECONDS_MAX:  # not a number is neither
        raise InvalidArgument(f"a duration is more than 0 and at most {_SECONDS_MAX:,} seconds, not {quoted(duration)}")
    return max(1, round(duration * 1000))


def milliseconds(duration: Duration | None) -> int:
    """As duration_ms, where 0 has a meaning."""
    return 0 if duration == 0 else duration_ms(duration)
