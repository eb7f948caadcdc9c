"""Strata: a storage engine for AI memory. Seven stores, one journal, one commit.

    db = strata.open("notes.strata")
    with db.transaction() as tx:               # one commit over every store; an exception rolls all of it back
        tx.vector("notes").upsert("n1", embedding, {"lang": "en"})
        tx.metadata.execute("insert into note(id, title) values (?, ?)", ["n1", "Why the build broke"])
"""

from . import _strata
from ._strata import (
    COMMIT_LSN,
    AlreadyExists,
    Cancelled,
    CommitUnknown,
    Conflict,
    Corruption,
    Error,
    FailedPrecondition,
    InternalError,
    InvalidArgument,
    IoError,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Timeout,
    Unauthenticated,
    Unavailable,
    Unsupported,
)
from .arguments import check_calls
from .aio import AsyncDatabase, AsyncTransaction, AsyncView, open_async
from .array import Dataset
from .database import Database, Transaction, View, open, rebuild, restore, transactions
from .memory import ForgetReceipt, Recalled, StoredAtom, Why
from .rows import Rows
from .vector import Collection, Hit, Quantization

__version__ = "0.1.0"

check_calls(_strata)

__all__ = [
    "COMMIT_LSN", "AlreadyExists", "AsyncDatabase", "AsyncTransaction", "AsyncView", "Cancelled", "Collection",
    "CommitUnknown", "Conflict", "Corruption", "Database", "Dataset", "Error", "FailedPrecondition", "ForgetReceipt",
    "Hit", "InternalError", "InvalidArgument", "IoError", "NotFound", "PermissionDenied", "Quantization",
    "Recalled", "ResourceExhausted", "Rows", "StoredAtom", "Timeout", "Transaction", "Unauthenticated", "Unavailable",
    "Unsupported", "View", "Why", "open", "open_async", "rebuild", "restore",
    "transactions",
]
