"""What training raises beside the engine's errors."""


class DataError(ValueError):
    """Training data that cannot be used; the message names the file, and what was expected."""
