"""Those whom `dev bench commit` runs beside us: one file each, each used as its own users use it.

A peer is a module with `NAME`, `NOTE` (what it does not do that we do) and a class `Peer`:

    Peer(directory)                an empty database in a fresh folder; any exception tells why it cannot be had
    write(memories)                those memories in one commit, synced where the peer can sync
    get(id)                        the row and the text
    two_hops(id)                   ids within two links, outwards
    metric_range(begin, end)       count, mean and maximum over `fill_metrics`' rows
    fill_metrics(rows)
    recall(vector, words, kind)    the ten best by vector, by words and by links, filtered by kind, with their texts
    flush()                        whatever makes its files as small as its users would have them
    close()

A method a peer cannot offer is left out, and its cell in the table stays empty.
"""
