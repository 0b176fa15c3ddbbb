"""Errors that rooms of several kinds raise, and how a name out of a file is made harmless."""

from lstm_core.stacks import ModelFileError


def printable(name: str) -> str:
    """`name` without characters that break a line or command a terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in name)


def damaged(reason: object) -> ModelFileError:
    """The error for a file that is broken or cut off."""
    why = printable((str(reason).strip() or type(reason).__name__).splitlines()[0][:200])
    return ModelFileError("damaged", f"the file is damaged or cut off: {why}", reason=why)
