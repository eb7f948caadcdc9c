"""The first page of the guide, as it is written there."""

import asyncio

import numpy as np

import strata


def test_one_commit_over_every_store(path):
    db = strata.open(path)
    notes = db.vector("notes", dimension=384, metric="cosine")
    db.metadata.execute("create table note(id text primary key, title text)")
    db.graph.put_node("n0", "Note")
    db.analytics.create_table("ingest_metrics", {"note": "text", "latency_ms": "real"})
    db.array("activations", dtype="float32", row_shape=(64,))

    text = "The build broke because the pin was too old"
    embedding = np.random.default_rng(1).standard_normal(384, dtype=np.float32)
    activation = np.arange(64, dtype=np.float32)
    with db.transaction() as tx:
        tx.metadata.execute("insert into note(id, title) values (?, ?)", ["n1", "Why the build broke"])
        address = tx.object.put(text.encode())
        tx.vector("notes").upsert("n1", embedding, {"lang": "en", "object": address})
        tx.graph.put_node("n1", "Note")
        tx.graph.add_edge("n1", "FOLLOWS", "n0", {"weight": 0.7})
        tx.analytics.append("ingest_metrics", {"note": "n1", "latency_ms": 3.2})
        tx.array("activations").append(activation)
        tx.cache.set("note:n1", text[:200], ttl=3600)
    assert tx.lsn == db.visible_lsn

    [(id, score, payload)] = notes.search(embedding, k=10, filter={"lang": "en"}, ef=64)
    assert (id, payload) == ("n1", {"lang": "en", "object": address})
    assert abs(score - 1) < 1e-3
    assert db.metadata.query("select title from note where id = ?", ["n1"]) == [("Why the build broke",)]
    assert db.graph.reach("n1", hops_max=3, types="FOLLOWS") == [("n0", 1)]
    assert db.analytics.query("select avg(latency_ms) from ingest_metrics").scalar() == 3.2
    assert (db.array("activations")[0:10] == activation).all()
    assert db.cache.get("note:n1") == text.encode()

    with db.view(as_of=tx.lsn - 1) as then:
        assert then.vector("notes").count() == 0
        assert then.graph.node("n1") is None
    db.close()


def test_the_same_surface_awaited(path):
    async def story():
        async with strata.open_async(path, embedder="lexical") as db:
            notes = await db.vector("notes", dimension=2)
            async with db.transaction() as tx:
                await (await tx.vector("notes")).upsert_many(["a", "b"], [[1, 0], [0, 1]])
                await tx.object.put("hello")
            assert tx.lsn == db.visible_lsn
            assert [hit.id for hit in await notes.search([1, 0.1], k=1)] == ["a"]
            assert [point.id async for point in notes.scroll()] == ["a", "b"]
            assert len([info async for info in db.object.list()]) == 1
            async with db.view(as_of=tx.lsn - 1) as then:
                assert await (await then.vector("notes")).count() == 0
            id = await db.memory.remember("awaited memories are memories")
            assert (await db.memory.recall("awaited", k=1))[0].id == id
            numbers = await db.array("numbers", dtype="int64")
            await asyncio.gather(*(numbers.append([i]) for i in range(8)))
            assert sorted(await numbers.read(slice(0, 8))) == list(range(8))
            try:
                async with db.transaction() as failing:
                    await failing.cache.set("k", "v")
                    raise LookupError
            except LookupError:
                pass
            assert await db.cache.get("k") is None

        db = await strata.open_async(path)
        assert await (await db.vector("notes")).count() == 2
        await db.close()

    asyncio.run(story())
