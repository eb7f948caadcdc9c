"""What SQL answers comes as the objects that a user of DuckDB knows."""

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
import strata


def ask(db, expression):
    return db.analytics.query(f"select {expression}").scalar()


MOMENT = datetime(2026, 11, 30, 12, 34, 56, 789012, tzinfo=timezone.utc)


@pytest.mark.parametrize("expression, expected", [
    ("true", True),
    ("null", None),
    ("timestamp '2026-11-30 12:34:56.789012'", MOMENT),
    ("timestamp_ms '2026-11-30 12:34:56.789'", MOMENT.replace(microsecond=789000)),
    ("'infinity'::timestamp", datetime.max.replace(tzinfo=timezone.utc)),
    ("timestamp '20000-01-01'", "20000-01-01T00:00:00.000000Z"),
    ("date '2026-11-30'", date(2026, 11, 30)),
    ("'-infinity'::date", date.min),
    ("date '20000-01-01'", "20000-01-01"),
    ("time '12:34:56.5'", time(12, 34, 56, 500000)),
    ("interval '1 month 2 days 3 seconds'", timedelta(days=32, seconds=3)),
    ("1.50", Decimal("1.50")),
    ("sum(x::decimal(38, 3)) from (values (0.001), (99999999999999999999.999)) t(x)", Decimal("1e20")),
    ("170141183460469231731687303715884105727::hugeint", 2**127 - 1),
    ("18446744073709551615::ubigint", 2**64 - 1),
    (r"'\xAA'::blob", b"\xaa"),
    ("'12345678-1234-1234-1234-123456789abc'::uuid", UUID("12345678-1234-1234-1234-123456789abc")),
    ("[date '2026-11-30', null]", [date(2026, 11, 30), None]),
    ("{'z': 1.5, 'a': timestamp '2026-11-30 12:34:56.789012'}", {"z": Decimal("1.5"), "a": MOMENT}),
    ("row(date '2026-11-30', 'x')", (date(2026, 11, 30), "x")),
    ("map {date '2026-11-30': 1}", {date(2026, 11, 30): 1}),
    ("map {1.5: true}", {Decimal("1.5"): True}),
    ("map {7: 'x'}", {7: "x"}),
])
def test_each_type_has_its_object(db, expression, expected):
    found = ask(db, expression)
    assert found == expected and type(found) is type(expected)


def test_members_of_a_structure_keep_their_order(db):
    assert list(ask(db, "{'z': 1, 'a': 2}")) == ["z", "a"]


def test_what_is_appended_comes_back(db):
    columns = {"moment": "timestamp", "ok": "boolean", "n": "integer", "x": "real", "s": "text", "b": "bytes"}
    db.analytics.create_table("events", columns)
    row = (MOMENT, True, 7, 1.5, "text", b"\x00\xff")
    db.analytics.append("events", [row, [None] * 6])
    assert list(db.analytics.query("select * from events order by moment")) == [row, (None,) * 6]
    found = db.analytics.query("select n from events where moment = ?", [MOMENT])
    assert found.scalar() == 7
    with db.transaction() as tx:
        tx.analytics.append("events", [[MOMENT + timedelta(days=1)] + [None] * 5])
        assert tx.analytics.query("select max(moment) from events").scalar() == MOMENT + timedelta(days=1)


@pytest.mark.parametrize("expression", ["date '2026-11-30'", "time '12:34:56'", "12.50", "uuid()"])
def test_what_was_answered_can_be_asked_for(db, expression):
    value = ask(db, expression)
    found = db.analytics.query("select v = ? from (select ?::varchar::" + {
        date: "date", time: "time", Decimal: "decimal(4, 2)", UUID: "uuid"}[type(value)] + " as v)", [value, value])
    assert found.scalar() is True
    assert db.metadata.query("select :v", {"v": value}).scalar() == str(value)


def test_a_type_without_a_counterpart_is_named(db):
    with pytest.raises(strata.Unsupported, match='column "wide".*bignum'):
        db.analytics.query("select 1::bignum as wide")


def test_arrow_has_the_types_of_the_store(db):
    pyarrow = pytest.importorskip("pyarrow")
    table = db.analytics.query("select date '2026-11-30' as d, 1.50 as p").arrow()
    assert table.schema.field("d").type == pyarrow.date32() and table.schema.field("p").type == pyarrow.decimal128(3, 2)


def test_sqlite_gives_what_was_put_in(db):
    db.metadata.execute("create table t(id integer primary key, flag boolean, at timestamp)")
    db.metadata.execute("insert into t values (1, ?, ?)", [True, MOMENT])
    us = (MOMENT - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)
    assert db.metadata.query("select flag, at from t").one() == (1, us)
