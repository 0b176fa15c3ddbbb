"""A stack of a file as what `trace` takes: ids, symbols or numbers, with or without a head."""

import numpy as np
import pytest
import torch
from torch import nn

from lstm_core import trace
from lstm_core.convert import model_of, read_through
from lstm_core.stacks import ModelFile, ModelFileError, Stack
from lstm_core.vocabulary import InputError, Vocabulary
from tests.torch_layouts import WordModel, loaded, only


def test_embedding_without_a_vocabulary_reads_numbers_as_words():
    stack = only(loaded(WordModel().state_dict()))
    traced = trace(model_of(stack), "10 0\n3")
    assert traced.tokens == ("10", "0", "3")
    with pytest.raises(InputError, match="'11'"):
        trace(model_of(stack), "10 11")


def test_vocabulary_gives_the_ids_their_symbols():
    model = WordModel(tokens=3).eval()
    vocabulary = Vocabulary.of_tokens(["the", "cat", "sat"])
    traced = trace(model_of(only(loaded(model.state_dict())), vocabulary), "cat sat")
    with torch.no_grad():
        expected = model(torch.tensor([[1], [2]]))[:, 0].numpy()
    assert traced.tokens == ("cat", "sat")
    np.testing.assert_allclose(traced.outputs, expected, rtol=0, atol=1e-6)


def test_vocabulary_of_another_size_is_refused():
    stack = only(loaded(WordModel(tokens=3).state_dict()))
    with pytest.raises(ModelFileError) as caught:
        model_of(stack, Vocabulary.of_tokens("ab"))
    assert caught.value.code == "vocabulary-size"
    assert caught.value.fields == {"found": 2, "expected": 3}


def test_model_that_reads_one_hot_numbers_takes_a_vocabulary():
    module = nn.LSTM(3, 4)
    stack = only(loaded(module.state_dict()))
    traced = trace(model_of(stack, Vocabulary.of_tokens("abc")), "cab")
    with torch.no_grad():
        expected = module(torch.eye(3)[[2, 0, 1]])[0].numpy()
    np.testing.assert_allclose(traced["h"], expected, rtol=0, atol=1e-6)
    assert traced.outputs is None


def test_embedding_without_a_head_has_states_and_no_outputs():
    weights = {k: t for k, t in WordModel(tied=False).state_dict().items() if "decoder" not in k}
    traced = trace(model_of(only(loaded(weights))), [1, 2, 3])
    assert traced.outputs is None
    assert traced.tokens == ("1", "2", "3")


def test_head_alone_reads_numbers_and_answers():
    weights = {k: t for k, t in WordModel(tied=False).state_dict().items() if "encoder" not in k}
    assert trace(model_of(only(loaded(weights))), torch.zeros(4, 6)).outputs.shape == (4, 11)


def test_bare_module_stays_bare():
    assert isinstance(model_of(only(loaded(nn.GRU(2, 3).state_dict()))), nn.GRU)


def test_embedding_of_few_tokens_reads_numbers_as_words_too():
    traced = trace(model_of(only(loaded(WordModel(tokens=4).state_dict()))), "3 0")
    assert traced.tokens == ("3", "0")


def test_a_whole_file_is_taken_where_it_has_one_stack():
    lstm = nn.LSTM(3, 4)
    file = loaded({"rnn." + name: weight for name, weight in lstm.state_dict().items()})
    x = torch.randn(6, 3)
    np.testing.assert_array_equal(trace(model_of(file), x)["f"], trace(lstm, x)["f"])
    with pytest.raises(TypeError, match="model_of makes one"):
        trace(file, x)


def test_one_stack_of_several_is_chosen_by_its_name():
    two = nn.ModuleDict({"encoder": nn.LSTM(3, 4), "decoder": nn.GRU(3, 5)})
    file = loaded(two.state_dict())
    assert model_of(file, stack="decoder").hidden_size == 5
    for name, told in ((None, "say which stack"), ("x", "no stack 'x'")):
        with pytest.raises(ModelFileError, match=f"{told}.*encoder, decoder"):
            model_of(file, stack=name)


def test_a_stack_above_others_reads_what_they_give():
    both, gru = nn.LSTM(3, 4, bidirectional=True), nn.GRU(8, 5)
    parts = [("low", both, None), ("high", gru, "low"), ("top", nn.RNN(5, 2), "high")]
    stacks = [
        Stack(name=name, cell=cell, module=module, gate_order="", reads=reads)
        for cell, (name, module, reads) in zip(("lstm", "gru", "rnn"), parts, strict=True)
    ]
    file = ModelFile(kind="keras", stacks=tuple(reversed(stacks)))
    x = torch.randn(6, 3)
    assert [one.name for one in file.below(stacks[2])] == ["low", "high"]
    expected = gru(both(x)[0])[0].detach()
    np.testing.assert_allclose(read_through(file, stacks[2], x), expected, rtol=0, atol=1e-6)
    assert read_through(file, stacks[0], x) is x


def test_stacks_that_read_each_other_in_a_circle_end():
    stacks = [
        Stack(name=name, cell="gru", module=nn.GRU(4, 4), gate_order="", reads=reads)
        for name, reads in (("a", "b"), ("b", "a"))
    ]
    assert len(ModelFile(kind="onnx", stacks=tuple(stacks)).below(stacks[0])) == 2
