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
        f"{name} reads what {before} gives; their kinds differ, so each is shown alone and "
        f"the data goes through {before} first"
    )
    return remark("separate", message, name=name, before=before)


def before_stack(name: str, names: str) -> Remark:
    """The data go through other layers first, and these change them."""
    message = (
        f"in the model {names} comes before {name} and changes what it reads; here {name} reads "
        "the data as they are given, so its gates differ from those inside the model unless the "
        "data went through it"
    )
    return remark("before-stack", message, name=name, names=names)


def between_stacks(name: str, before: str, names: str) -> Remark:
    """What other recurrent layers give is changed on its way to this one."""
    message = (
        f"in the model {names} lies between {before} and {name} and changes what {name} reads, so "
        "that each is shown alone; its gates differ from those inside the model unless what it is "
        "given went through both"
    )
    return remark("between-stacks", message, name=name, before=before, names=names)


def folded(name: str, names: str) -> Remark:
    """Affine layers became part of the weights."""
    message = (
        f"{names} comes right before {name} and is folded into its input weights and biases: the "
        "gates are the same, and the weights shown are the folded ones, not those of the file"
    )
    return remark("folded", message, name=name, names=names)


def backwards(name: str) -> ModelFileError:
    """The error for a layer that reads backwards only."""
    message = (
        f"{name} reads backwards only, which no torch module does; saved as a forward layer and "
        "given the data with the last step first it has the same gates, in that order"
    )
    return unsupported("backwards", message, name=name)


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
