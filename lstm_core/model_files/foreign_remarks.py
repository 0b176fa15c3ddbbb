"""What is told about layers of other frameworks: what was left out, assumed or is shown otherwise.

Every sentence has a code and fields, so that a page can say it in its own words.
"""

from lstm_core.stacks import ModelFileError, Remark


def shown(name: object) -> str:
    """A name out of a file, cut short and without halves of characters."""
    return str(name)[:200].encode("utf-8", "replace").decode("utf-8")


def remark(code: str, message: str, **fields: object) -> Remark:
    """A remark whose names and texts are cut to what a page can show."""
    short = {key: v[:200] if isinstance(v, str) else v for key, v in fields.items()}
    return Remark(code=code, message=message[:1000], fields=short)


def unsupported(what: str, message: str, *, name: str, **fields: object) -> ModelFileError:
    """The error for a layer that torch has not; `what` says in a word why."""
    return ModelFileError("unsupported", message[:1000], what=what, name=name[:200], **fields)


def refused(error: ModelFileError) -> Remark:
    """The remark that one layer of several is left out."""
    return Remark(code=error.code, message=f"left out: {error}", fields=error.fields)


def not_read(name: str, dtype: str) -> ModelFileError:
    """The error for a weight whose numbers are of a kind that is not read."""
    return ModelFileError(
        "dtype",
        f"{name[:200]} is stored as {dtype[:40]}; float16, bfloat16, float32 and float64 are read",
        name=name[:200],
        dtype=dtype[:40],
    )


def not_finite(name: str) -> Remark:
    """A weight holds what is no number."""
    message = f"{name[:200]} holds NaN or infinity; what it reaches is marked as missing"
    return Remark(code="not-finite", message=message, fields={"name": name[:200]})


def widened(name: str, dtype: str) -> Remark:
    """Short numbers became float32."""
    return remark(
        "widened", f"{name} is stored in {dtype} and shown in float32", name=name, dtype=dtype
    )


def other_start(name: str) -> Remark:
    """The first states are not zeros in the model."""
    message = f"{name} starts from states that the model is given; here it starts from zeros"
    return remark("initial-state", message, name=name)


def unclear_head(name: str, names: str) -> Remark:
    """Several layers may be the head."""
    message = f"several layers may be the head of {name}: {names}; none is used"
    return remark("unclear-head", message, name=name, names=names)


def left_out(names: str) -> Remark:
    """The rest of the model."""
    message = f"left out, for only the recurrent stacks are shown: {names}"
    return remark("left-out", message, names=names)


def separate(name: str, before: str) -> Remark:
    """A layer reads another that no module can hold beside it."""
    message = (
        f"{name} reads what {before} gives; their kinds differ, so that no module holds both, and "
        "each is shown alone"
    )
    return remark("separate", message, name=name, before=before)


def head_reads_ends(name: str, head: str) -> Remark:
    """The head reads the last state of each direction."""
    message = (
        f"{head} reads the ends of both directions of {name}, not one step; it is not shown "
        "at every step"
    )
    return remark("head-ends", message, name=name, head=head)


def head_reads_last(name: str, head: str) -> Remark:
    """The head reads the last step."""
    message = (
        f"the model asks {head} after the last step of {name} only; here it answers at every step"
    )
    return remark("head-last", message, name=name, head=head)


def head_activation(head: str, activation: str) -> Remark:
    """The head goes on after its linear part."""
    message = f"{head} is shown before its {activation}"
    return remark("head-activation", message, head=head, activation=activation)
