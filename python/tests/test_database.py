"""Transactions, views, errors, threads, and what a directory survives."""

import io
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone

import numpy as np
import pytest

import strata


def test_an_exception_rolls_everything_back(db):
    notes = db.vector("notes", dimension=2)
    with pytest.raises(RuntimeError):
        with db.transaction() as tx:
            tx.vector("notes").upsert("a", [1, 0])
            tx.object.put("content")
            tx.graph.put_node("a")
            tx.cache.set("k", "v")
            assert tx.vector("notes").count() == 1
            raise RuntimeError
    assert tx.lsn is None and not tx.active
    assert notes.count() == 0 and db.object.count() == 0 and db.graph.counts() == (0, 0) and db.cache.get("k") is None
    with pytest.raises(strata.FailedPrecondition, match="closed"):
        tx.graph.put_node("b")


def test_two_transactions_on_one_key_conflict(db):
    db.graph.put_node("a")
    first, second = db.transaction(), db.transaction()
    first.graph.put_node("a", properties={"by": 1})
    first.commit()
    second.graph.put_node("a", properties={"by": 2})  # before the first has committed it would wait
    with pytest.raises(strata.Conflict) as conflict:
        second.commit()
    assert conflict.value.code == "conflict" and conflict.value.retry == "transaction"
    assert db.graph.node("a").properties == {"by": 1}


def test_an_idempotency_key_commits_once(db):
    lsns = []
    for _ in range(2):
        with db.transaction(idempotency_key="job 7") as tx:
            tx.graph.put_node(f"n{len(lsns)}")
        lsns.append(tx.lsn)
    assert lsns[0] == lsns[1]
    assert db.graph.counts().nodes == 1


def test_views_by_lsn_time_and_tag(db):
    db.graph.put_node("a")
    lsn = db.visible_lsn
    db.set_tag("before", lsn)
    time.sleep(0.01)
    moment = datetime.now(timezone.utc)
    time.sleep(0.01)
    db.graph.put_node("b")
    for as_of in (lsn, str(lsn), moment, "before"):
        with db.view(as_of=as_of) as then:
            assert then.graph.counts().nodes == 1 and then.graph.node("b") is None
            with pytest.raises(strata.FailedPrecondition):
                then.graph.put_node("c")
    assert db.view().lsn == db.visible_lsn
    assert [tag.name for tag in db.tags()] == ["before"]
    assert db.remove_tag("before") is True
    with pytest.raises(strata.NotFound, match="before"):
        db.view(as_of="before")
    with pytest.raises(strata.InvalidArgument, match="4711"):
        db.view(as_of=4711)


def test_errors_are_typed():
    assert issubclass(strata.InvalidArgument, (strata.Error, ValueError))
    assert issubclass(strata.NotFound, LookupError)
    assert issubclass(strata.Timeout, TimeoutError)
    assert strata.CommitUnknown.code == "commit_unknown" and strata.CommitUnknown.retry == "ask"
    assert strata.Unavailable.retry == "call"
    assert str(strata.Conflict("text")) == "text"


def test_options_are_checked_by_name(path):
    with pytest.raises(strata.InvalidArgument, match="colour"):
        strata.open(path, colour="red")
    with pytest.raises(strata.NotFound):
        strata.open(path, create=False)
    with strata.open(path, durability="off", history="7d", cache_bytes=1 << 20) as db:
        with pytest.raises(strata.InvalidArgument, match="snapshotty"):
            db.transaction(isolation="snapshotty")


def test_serializable_refuses_what_two_counts_would_let_through(db):
    db.metadata.execute("create table doctor(id text primary key, on_call integer)")
    with db.transaction(isolation="serializable") as one, db.transaction(isolation="serializable") as two:
        for tx, doctor in (one, "a"), (two, "b"):
            assert tx.metadata.query("select count(*) from doctor").scalar() == 0
            tx.metadata.put_row("doctor", {"id": doctor, "on_call": 1})
        one.commit()
        with pytest.raises(strata.Conflict):
            two.commit()


def test_a_savepoint_takes_back_what_came_after_it(db):
    db.metadata.execute("create table step(n integer primary key)")
    with db.transaction() as tx:
        tx.metadata.put_row("step", {"n": 1})
        tx.savepoint("s")
        tx.metadata.put_row("step", {"n": 2})
        tx.cache.set("step", b"2")
        tx.rollback_to("s")
        tx.release("s")
        with pytest.raises(strata.NotFound):
            tx.rollback_to("s")
    assert db.metadata.query("select max(n) from step").scalar() == 1
    assert db.cache.get("step") is None


def test_a_second_writer_of_a_key_waits_for_the_first(db):
    db.metadata.execute("create table step(n integer primary key, x integer)")
    with db.transaction() as one, db.transaction(lock_timeout=0.05) as two:
        one.metadata.put_row("step", {"n": 1, "x": 1})
        with pytest.raises(strata.Timeout):
            two.metadata.put_row("step", {"n": 1, "x": 2})
        one.commit()
        two.rollback()


def test_what_was_read_for_update_nobody_else_changes_until_the_end(db):
    db.metadata.execute("create table step(n integer primary key, x integer)")
    db.metadata.put_row("step", {"n": 1, "x": 1})
    points = db.vector("points", dimension=1, metric="l2")
    with db.transaction() as tx, db.transaction(lock_timeout=0) as other:
        assert tx.metadata.get_row("step", {"n": 1}, for_update=True) == {"n": 1, "x": 1}
        assert tx.graph.node("missing", for_update=True) is None
        assert tx.vector("points").get("missing", for_update=True) is None
        for write in (lambda: other.metadata.put_row("step", {"n": 1, "x": 2}),
                      lambda: other.graph.put_node("missing"),
                      lambda: other.vector("points").upsert("missing", [1])):
            with pytest.raises(strata.Timeout):
                write()
        assert other.metadata.get_row("step", {"n": 1})["x"] == 1, "reading locks nothing and waits for nobody"
        other.rollback()
        tx.metadata.put_row("step", {"n": 1, "x": 3})
    assert db.metadata.get_row("step", {"n": 1}) == {"n": 1, "x": 3}
    for read in (lambda: db.metadata.get_row("step", {"n": 1}, for_update=True),
                 lambda: db.graph.node("missing", for_update=True),
                 lambda: points.get("missing", for_update=True)):
        with pytest.raises(strata.FailedPrecondition, match="transaction"):
            read()


def test_a_second_process_is_told_who_has_it(db, path):
    program = "import strata, sys\ntry: strata.open(sys.argv[1])\nexcept strata.Unavailable as e: print('told', e)"
    out = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert out.stdout.startswith("told")
    assert str(__import__("os").getpid()) in out.stdout


def test_what_was_committed_is_there_after_reopening(path):
    with strata.open(path) as db:
        db.vector("notes", dimension=2).upsert("a", [1, 0], {"n": 1})
        address = db.object.put("kept")
        open_transaction = db.transaction()
        open_transaction.graph.put_node("lost")
    assert db.closed and repr(db) == "Database(closed)"
    with pytest.raises(strata.FailedPrecondition, match="closed"):
        db.object.get(address)
    with strata.open(path) as db:
        assert db.vector("notes").get("a").payload == {"n": 1}
        assert db.object.get(address) == b"kept"
        assert db.graph.node("lost") is None


def test_closing_waits_for_the_calls_of_other_threads_and_refuses_later_ones(path):
    db = strata.open(path)
    begun, refused = threading.Event(), []

    def write():
        try:
            while True:
                db.graph.put_node("n")
                begun.set()
        except strata.FailedPrecondition as error:
            refused.append(str(error))

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    begun.wait()
    db.close()
    for thread in threads:
        thread.join()
    assert len(refused) == 3 and all("closed" in text for text in refused)
    with strata.open(path) as db:
        assert db.graph.node("n")


def test_the_engine_under_a_database_does_not_close_while_a_view_of_it_is_open(path):
    db = strata.open(path)
    db.graph.put_node("n")
    view = db.view()
    with pytest.raises(strata.FailedPrecondition, match="1 view is open"):
        db._handle.close()
    assert view.graph.node("n") and db.graph.node("n")
    db.close()  # ends the view first
    with pytest.raises(strata.FailedPrecondition, match="closed"):
        view.graph.node("n")


def test_a_killed_process_loses_nothing_it_committed(path):
    program = ("import strata, sys, os, signal\n"
               "db = strata.open(sys.argv[1])\n"
               "db.graph.put_node('committed')\n"
               "tx = db.transaction(); tx.graph.put_node('open')\n"
               "os.kill(os.getpid(), signal.SIGKILL)")
    subprocess.run([sys.executable, "-c", program, str(path)])
    with strata.open(path) as db:
        assert db.graph.node("committed") and not db.graph.node("open")


def test_other_threads_run_while_the_engine_works(db):
    """Pure Python goes on during a long call: were the GIL held, the counter would stand still."""
    db.analytics.create_table("t", {"x": "integer"})
    db.analytics.append("t", [[i] for i in range(2000)])
    started, done = threading.Event(), threading.Event()

    def long_call():
        started.set()
        db.analytics.query("select sum(sqrt(a.x * b.x + c.x)) from t a, t b, (select * from t limit 10) c")
        done.set()

    thread = threading.Thread(target=long_call)
    thread.start()
    started.wait()
    turns = 0
    while not done.is_set():
        turns += 1
        time.sleep(0.001)
    thread.join()
    assert turns > 10


def test_many_threads_search_and_write_at_once(db):
    notes = db.vector("notes", dimension=32)
    matrix = np.random.default_rng(0).standard_normal((500, 32), dtype=np.float32)
    notes.upsert_many([f"n{i:03}" for i in range(500)], matrix)
    failures = []

    def work(seed):
        try:
            for i in range(20):
                assert notes.search(matrix[seed * 20 + i], k=1)[0].id == f"n{seed * 20 + i:03}"
                db.graph.put_node(f"{seed}-{i}")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and db.graph.counts().nodes == 80


def test_compact_waits_for_graphs_and_removes_what_nothing_refers_to(db):
    points = np.random.default_rng(3).standard_normal((10_000, 8), dtype=np.float32)
    db.vector("c", 8).upsert_many([f"p{i}" for i in range(len(points))], points)
    db.object.remove(db.object.put("nobody's"))
    seen = []
    report = db.compact(progress=lambda done, total: seen.append((done, total)))
    assert (report.objects, report.lsn) == (1, db.visible_lsn) and report.bytes > 0
    assert seen[-1] == (10_000, 10_000)
    assert db.statistics()["stores"]["vector"]["rows_in_graphs"] == 10_000
    assert db.compact().objects == 0
    with pytest.raises(ZeroDivisionError):
        db.compact(progress=lambda done, total: 1 // 0)
    with pytest.raises(strata.Cancelled):
        db.compact(progress=lambda done, total: False)


def test_closing_from_what_a_call_calls_is_refused(db, tmp_path):
    address = db.object.put_stream(io.BytesIO(b"x" * 200_000))
    refused = []

    def close(*_):
        with pytest.raises(strata.FailedPrecondition) as raised:
            db.close()
        refused.append(str(raised.value))

    class Out:
        write = close

    db.backup(tmp_path / "backups", progress=close)
    assert refused and "a backup is under way" in refused[-1]
    db.object.get_stream(address, Out())
    assert "a call of this thread is under way" in refused[-1]
    assert not db.closed and db.object.exists(address)
    with pytest.raises(strata.FailedPrecondition, match="a backup is under way"):
        db.backup(tmp_path / "backups", progress=lambda done, total: db.close())
    db.close()
    assert db.closed and len(list((tmp_path / "backups").iterdir())) == 1


def test_who_waits_for_whom_is_shown(db):
    db.metadata.execute("create table t(id text primary key, n integer)")
    first, second = db.transaction(), db.transaction()
    first.metadata.put_row("t", {"id": "a", "n": 1})
    failed = []

    def wait():
        try:
            second.metadata.put_row("t", {"id": "a", "n": 2})
        except strata.Conflict as error:
            failed.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    waiting = []
    while waiter.is_alive() and not waiting:
        shown = db.transactions()
        waiting = [each for each in shown["active"] if "waits_for" in each]
    holder = next(each for each in shown["active"] if "waits_for" not in each)
    assert waiting[0]["waits_for"] == [holder["id"]] and holder["isolation"] == "repeatable_read"
    assert shown["locks"] >= 1 and shown["counters"]["lock_waits"] == 1
    first.commit()
    waiter.join()
    assert len(failed) == 1
    second.rollback()
    shown = db.transactions()
    assert shown["active"] == [] and shown["counters"]["conflicts"] == len(shown["conflicts"]) == 1


WAITING = """
import sys, threading, strata
db = strata.open(sys.argv[1])
db.metadata.execute("create table t(id text primary key)")
first, second = db.transaction(), db.transaction()
first.metadata.put_row("t", {"id": "a"})
threading.Thread(target=lambda: second.metadata.put_row("t", {"id": "a"}), daemon=True).start()
while not any("waits_for" in each for each in db.transactions()["active"]):
    pass
print("waiting", flush=True)
sys.stdin.read()
"""


def test_another_process_shows_who_waits_for_whom(path):
    with pytest.raises(strata.NotFound, match="no process has the database open"):
        strata.transactions(path)
    with subprocess.Popen([sys.executable, "-c", WAITING, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as other:
        assert other.stdout.readline() == "waiting\n"
        shown = strata.transactions(path)
        other.kill()
    assert str(other.pid) in shown["process"]
    holder, waiter = shown["active"]
    assert waiter["waits_for"] == [holder["id"]] and waiter["waits_on"].startswith("metadata:")
    assert holder["writing"] and not waiter["writing"]
    with pytest.raises(strata.NotFound):
        strata.transactions(path)


def test_backup_restore_rebuild_and_verify(db, path, tmp_path):
    db.graph.put_node("a")
    db.object.put("content")
    lsn = db.visible_lsn
    seen = []
    report = db.backup(tmp_path / "backups", progress=lambda done, total: seen.append((done, total)))
    assert report.lsn == lsn and report.files > 0
    assert strata.restore(report.directory, tmp_path / "elsewhere") == lsn
    with strata.open(tmp_path / "elsewhere") as copy:
        assert copy.summarize() == db.summarize(as_of=lsn)
        assert copy.verify() == []
    assert strata.rebuild(tmp_path / "elsewhere", "graph").items == 1
    assert db.checkpoint() >= lsn
    assert isinstance(db.statistics(), dict) and db.statistics()
    with pytest.raises(strata.InvalidArgument, match="kitchen"):
        strata.rebuild(tmp_path / "elsewhere", "kitchen")
