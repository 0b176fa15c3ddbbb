"""Ids that fill up short sequences: where there are some is said, and only who asks cuts them."""

from collections.abc import Sequence as Many

import numpy as np

from lstm_core.data_files.sequences import Sequence
from lstm_core.stacks import Remark


def padding_of(found: Many[Sequence], pad: int) -> Remark | None:
    """What is told of sequences that were filled up to one length with the id `pad`.

    That is so where all have one length, some end with `pad`, and without it they differ in length;
    or the same at their beginnings. ``None`` where it is not so.

    >>> import numpy as np
    >>> rows = [np.array([[5.0], [7.0], [0.0]]), np.array([[4.0], [0.0], [0.0]])]
    >>> found = [Sequence(name="", rows=((1, 3),), values=values) for values in rows]
    >>> padding_of(found, 0).fields["shortest"]
    1
    """
    side = _side(found, pad)
    if side is None:
        return None
    lengths = [len(one) - _count(one, pad, side) for one in found]
    fields = {
        "pad": pad,
        "count": sum(length < len(found[0]) for length in lengths),
        "of": len(lengths),
        "shortest": min(lengths),
        "longest": max(lengths),
        "what": side,
    }
    message = (
        f"{fields['count']:,} of {len(lengths):,} sequences {side} with the id {pad}, which looks "
        f"like padding; without it they have {min(lengths):,} to {max(lengths):,} steps"
    )
    return Remark(code="padding", message=message, fields=fields)


def without_padding(found: Many[Sequence], pad: int) -> tuple[Sequence, ...]:
    """The sequences without the ids that fill them up; of one that is nothing else, one step."""
    side = _side(found, pad)
    return tuple(found) if side is None else tuple(_cut(one, pad, side) for one in found)


def _side(found: Many[Sequence], pad: int) -> str | None:
    """Where the sequences are filled up: they ``"end"`` or ``"begin"`` so."""
    if len(found) < 2 or any(one.values is None or one.values.shape[1] != 1 for one in found):
        return None
    if len({len(one) for one in found}) != 1:
        return None
    counts = {side: {_count(one, pad, side) for one in found} for side in ("end", "begin")}
    return next((side for side, count in counts.items() if len(count) > 1), None)


def _count(one: Sequence, pad: int, side: str) -> int:
    """How many steps fill it up."""
    assert one.values is not None
    ids = one.values[::-1, 0] if side == "end" else one.values[:, 0]
    other = np.flatnonzero(ids != pad)
    return int(other[0]) if len(other) else len(ids)


def _cut(one: Sequence, pad: int, side: str) -> Sequence:
    count = min(_count(one, pad, side), len(one) - 1)
    return one.window(count if side == "begin" else 0, len(one) - count) if count else one
