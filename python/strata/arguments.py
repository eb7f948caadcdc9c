"""What is given to a call, checked: whatever does not suit is an InvalidArgument that names the argument and the value.

The native module refuses by types alone, with a TypeError that lists signatures. `check_calls` puts a guard around each
of its calls, which costs nothing until one is refused; then the signature tells which argument it was."""

from __future__ import annotations

import functools
import operator
import os
import re
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from ._strata import InvalidArgument

_QUOTED_MAX = 80


def quoted(value: object) -> str:
    """A value for a message: its beginning."""
    text = repr(value[:_QUOTED_MAX] if isinstance(value, (str, bytes, list, tuple)) else value)
    return text if len(text) <= _QUOTED_MAX else text[:_QUOTED_MAX] + "…"


def path(name: str, given: Any) -> str:
    """A path as text; a NUL byte in it would end it in front of the system."""
    try:
        text = os.fsdecode(given)
    except TypeError:
        raise InvalidArgument(f"{name} is a path, not {quoted(given)}") from None
    if "\0" in text:
        raise InvalidArgument(f"{name} holds a NUL byte: {quoted(text)}")
    return text


def mapping(name: str, given: Any) -> dict[str, Any]:
    """A dict of anything that maps; None is an empty one."""
    if given is None:
        return {}
    try:
        return dict(given)
    except (TypeError, ValueError):
        raise InvalidArgument(f"{name} is a dict, not {quoted(given)}") from None


def sequence(name: str, given: Any) -> list[Any]:
    """A list of anything that can be gone through but text."""
    if isinstance(given, (str, bytes, Mapping)):
        raise InvalidArgument(f"{name} is a list, not {quoted(given)}")
    try:
        return list(given)
    except TypeError:
        raise InvalidArgument(f"{name} is a list, not {quoted(given)}") from None


def text(name: str, given: str) -> str:
    """Text that can be written as UTF-8."""
    if wanted := _text(given):
        raise InvalidArgument(f"{name} is {wanted}, not {quoted(given)}")
    return given


def number(name: str, given: Any) -> float:
    try:
        return float(given)
    except (TypeError, ValueError, OverflowError):
        raise InvalidArgument(f"{name} is a number, not {quoted(given)}") from None


def refusal(name: str, kind: str, value: Any) -> str:
    """Why a value is not of this kind, as the native signatures write it; empty when it is."""
    element = re.fullmatch(r"(?:collections\.abc\.)?(?:Sequence|list)\[(.+)\]", kind)
    if element:
        if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
            return f"{name} is a list, not {quoted(value)}"
        return next(filter(None, (refusal(f"{name}[{at}]", element[1], item) for at, item in enumerate(value))), "")
    check = _KINDS.get(kind)
    wanted = check(value) if check else ""
    return f"{name} is {wanted}, not {quoted(value)}" if wanted else ""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return "text"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "text in Unicode (this holds a lone surrogate)"
    return ""


def _whole(value: Any) -> str:
    try:
        whole = operator.index(value)
    except TypeError:
        return "a whole number"
    if whole >= 1 << 31:
        return "a whole number that is not that large"
    return "a whole number, 0 or more" if whole < 0 else ""


def _instance(kind: type, wanted: str) -> Callable[[Any], str]:
    return lambda value: "" if isinstance(value, kind) else wanted


_KINDS: dict[str, Callable[[Any], str]] = {
    "str": _text, "int": _whole, "bool": _instance(bool, "True or False"), "bytes": _instance(bytes, "bytes"),
    "float": _instance((float, int), "a number"), "dict": _instance(dict, "a dict"), "list": _instance(list, "a list"),
}


def _parameters(signature: str) -> list[tuple[str, str]]:
    """(name, kind) of each parameter of "def f(self, name: kind, …) -> kind"; a default is not part of the kind."""
    parameters, depth, last = [], 0, ""
    for letter in signature[signature.index("(") + 1:]:
        depth += (letter in "([") - (letter in ")]")
        if depth < 0 or (letter == "," and depth == 0):
            name, _, kind = last.partition(":")
            parameters.append((name.strip(), kind.partition(" = ")[0].removesuffix("| None").strip()))
            last = ""
            if depth < 0:
                break
        else:
            last += letter
    return parameters


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*given: Any) -> Any:
        try:
            return function(*given)
        except TypeError as error:
            if "incompatible function arguments" not in str(error):
                raise
            parameters = _parameters(function.__nb_signature__[0][0])
        refused = (refusal(name, kind, value) for (name, kind), value in zip(parameters, given))
        names = ", ".join(name for name, _ in parameters if name != "self")
        raise InvalidArgument(next(filter(None, refused), f"{function.__name__} takes other values for {names}"))

    return call


def check_calls(native: ModuleType) -> None:
    """Guards every call of the native module and its classes; the guard's `__wrapped__` is the call itself."""
    for place in (native, *(value for value in vars(native).values() if isinstance(value, type))):
        for name, function in list(vars(place).items()):
            if hasattr(function, "__nb_signature__") and not name.startswith("__"):
                setattr(place, name, _checked(function))
