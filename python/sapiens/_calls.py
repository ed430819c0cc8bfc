"""Calls of the engine with what a user gave."""

from __future__ import annotations

from typing import Any, Callable


def call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What `function` of the engine returns. For arguments of a wrong type pybind11 would show all
    that was given, the content of a file with it; here the error tells the types."""
    try:
        return function(*arguments, **named)
    except TypeError as error:
        signature, _, shown = str(error).partition("\nInvoked with: ")
        if not shown:
            raise
    types = [type(value).__name__ for value in arguments]
    types += [f"{name}={type(value).__name__}" for name, value in named.items()]
    raise TypeError(f"{signature.strip()}\nInvoked with: {', '.join(types)}")
