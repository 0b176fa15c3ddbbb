"""What torch hangs on a module to make its weights anew before each call.

Weight norm, spectral norm of the older kind and pruning keep other tensors than those that act; the
acting ones stay as the last call left them, until the next call. Newer parametrizations make them
when they are asked for, and need nothing here.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from lstm_core.cells import Weights


def is_known(hook: Callable[..., Any]) -> bool:
    """Whether `made_before_calls` does what this hook does before a call."""
    return isinstance(hook, BasePruningMethod | SpectralNorm | WeightNorm)


def made_before_calls(module: nn.Module) -> Weights:
    """The weights that `module` would act with if it were called now, by name.

    Nothing is written into the module. Spectral norm takes no step of its power iteration, as in
    evaluation mode.
    """
    found: dict[str, Tensor] = {}
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, BasePruningMethod):
            found[hook._tensor_name] = hook.apply_mask(module)
        elif isinstance(hook, SpectralNorm):
            found[hook.name] = hook.compute_weight(module, do_power_iteration=False)
        elif isinstance(hook, WeightNorm):
            found[hook.name] = hook.compute_weight(module)
    return found


def derived_weights(module: nn.Module) -> list[str]:
    """The names of the weights that `module` does not store but makes from other tensors."""
    newer = dict(module.named_children()).get("parametrizations", nn.ModuleDict())
    return sorted({*made_before_calls(module), *dict(newer.named_children())})
