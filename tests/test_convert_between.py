"""A head is given to a stack only where nothing may lie between them."""

import io

import pytest
import torch
from torch import nn

from lstm_core.convert import load_model
from lstm_core.stacks import ModelFileError


def stack_of(**parts: nn.Module):
    torch.manual_seed(0)
    file = io.BytesIO()
    torch.save(nn.ModuleDict(parts).state_dict(), file)
    found = load_model(file.getvalue())
    return found.stacks[0], [remark.code for remark in found.remarks]


def test_head_right_after_the_stack_is_used():
    stack, codes = stack_of(rnn=nn.LSTM(5, 8), head=nn.Linear(8, 3))
    assert stack.head_name == "head"
    assert "head-not-direct" not in codes


@pytest.mark.parametrize(
    "between",
    [nn.LayerNorm(8), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.MultiheadAttention(8, 2)],
    ids=lambda module: type(module).__name__,
)
def test_head_behind_another_layer_is_not_used_and_that_is_said(between):
    stack, codes = stack_of(rnn=nn.LSTM(5, 8), middle=between, head=nn.Linear(8, 3))
    assert stack.head is None
    assert {"head-not-direct", "unclear-head"} & set(codes)


def test_layer_before_the_stack_does_not_matter():
    stack, _ = stack_of(
        embed=nn.Linear(4, 8), norm=nn.LayerNorm(8), rnn=nn.LSTM(8, 8), head=nn.Linear(8, 3)
    )
    assert stack.head_name == "head"


def test_end_of_an_attention_is_no_head():
    stack, _ = stack_of(rnn=nn.LSTM(5, 8), attn=nn.MultiheadAttention(8, 2))
    assert stack.head is None


def test_pruned_weights_are_those_that_act():
    torch.manual_seed(0)
    rnn = nn.LSTM(5, 8)
    weights = rnn.state_dict()
    mask = (torch.rand(32, 8) > 0.6).float()
    kept = weights.pop("weight_hh_l0")
    file = io.BytesIO()
    torch.save(weights | {"weight_hh_l0_orig": kept, "weight_hh_l0_mask": mask}, file)
    found = load_model(file.getvalue())
    assert torch.equal(found.stacks[0].module.weight_hh_l0, kept * mask)
    assert [remark.code for remark in found.remarks] == ["pruned"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_quantized_weights_are_refused_by_what_they_are():
    model = nn.Sequential(nn.LSTM(5, 8))
    try:
        small = torch.ao.quantization.quantize_dynamic(model, {nn.LSTM})
    except (RuntimeError, AttributeError):
        pytest.skip("runs where torch has a quantized engine")
    file = io.BytesIO()
    torch.save(small.state_dict(), file)
    with pytest.raises(ModelFileError) as caught:
        load_model(file.getvalue())
    assert caught.value.code == "quantized"
