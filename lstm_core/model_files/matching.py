"""Which of several stacks a layer belongs to, told by names: of the encoder or of the decoder.

What may belong to a stack at all is in `surroundings`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from lstm_core.stacks import Remark

Role = Literal["encoder", "decoder"]

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_ROLES: dict[str, Role] = {
    **dict.fromkeys(("enc", "encode", "encoder", "src", "source"), "encoder"),
    **dict.fromkeys(("dec", "decode", "decoder", "tgt", "trg", "target", "dst"), "decoder"),
}


def role_of(name: str) -> Role | None:
    """Which half of a translator a name speaks of; ``None`` for neither, or for both.

    >>> role_of("net.src_embedding"), role_of("DecoderRNN"), role_of("encoder_decoder")
    ('encoder', 'decoder', None)
    """
    found = {_ROLES[word.lower()] for word in _WORD.findall(name) if word.lower() in _ROLES}
    return found.pop() if len(found) == 1 else None


def roles_of(names: Sequence[str]) -> dict[str, Role]:
    """The role of each stack that has one, where there are both; else nothing.

    >>> roles_of(["encoder.rnn", "decoder.rnn"])
    {'encoder.rnn': 'encoder', 'decoder.rnn': 'decoder'}
    >>> roles_of(["encoder.rnn"])
    {}
    """
    roles = {name: role for name in names if (role := role_of(name)) is not None}
    return roles if len(set(roles.values())) == 2 else {}


def by_role(offers: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The candidates of each stack without those that are named for the other half.

    Those that are named for a stack's own half go before those that are named for none.
    """
    roles = roles_of(list(offers))
    told: dict[str, list[str]] = {}
    for name, keys in offers.items():
        may = [key for key in keys if not roles or role_of(key) in (None, roles.get(name))]
        own = [key for key in may if name in roles and role_of(key) == roles[name]]
        told[name] = own or may
    return told


def shared_out(
    offers: Mapping[str, Sequence[str]], what: str
) -> tuple[dict[str, str], list[Remark]]:
    """For each stack's name its one candidate, where that is certain; else a remark."""
    chosen: dict[str, str] = {}
    remarks: list[Remark] = []
    offers = by_role(offers)
    for name, keys in offers.items():
        best = _nearest(name, keys)
        rivals = [other for other, theirs in offers.items() if other != name and best & set(theirs)]
        closest = max((closeness(rival, key) for rival in rivals for key in best), default=-1)
        own = max((closeness(name, key) for key in best), default=0)
        if len(best) == 1 and own > closest:
            (chosen[name],) = best
        elif best and own >= closest:
            remarks.append(unclear(name, sorted(best), what))
    return chosen, remarks


def _nearest(name: str, keys: Sequence[str]) -> set[str]:
    """Those of `keys` that share most of their path with the stack."""
    near = {key: closeness(name, key) for key in keys}
    most = max(near.values(), default=0)
    return {key for key, shared in near.items() if shared == most}


def closeness(name: str, key: str) -> int:
    """How many parts of two dotted paths are the same from the start."""
    count = 0
    for mine, theirs in zip(name.split("."), key.split("."), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def unclear(name: str, keys: Sequence[str], what: str) -> Remark:
    """Several layers may be what a stack reads or what reads it, or one that is not certain."""
    shown = ", ".join(key[:100] for key in keys[:5])
    return Remark(
        code=f"unclear-{what}",
        message=f"it is not clear what the {what} of {name[:200] or 'the stack'} is: it may be "
        f"{shown}; none is used",
        fields={"name": name[:200], "names": shown},
    )
