"""Calls of the engine with arguments of the user."""

from __future__ import annotations

from typing import Any, Callable


def call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Returns the result of `function` of the engine. For arguments of a wrong type pybind11 would
    print all values, including the content of a file; here the error names their types."""
    try:
        return function(*arguments, **named)
    except TypeError as error:
        signature, _, shown = str(error).partition("\nInvoked with: ")
        if not shown:
            raise
    types = [type(value).__name__ for value in arguments]
    types += [f"{name}={type(value).__name__}" for name, value in named.items()]
    raise TypeError(f"{signature.strip()}\nInvoked with: {', '.join(types)}")
