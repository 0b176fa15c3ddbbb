"""A model in a layout that people have, written and read again."""

import io

import torch
from torch import nn

from lstm_core.convert import load_model

MODULES = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


def saved(content, **options):
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def loaded(content, **options):
    return load_model(saved(content, **options))


def only(file):
    (stack,) = file.stacks
    return stack


class WordModel(nn.Module):
    """The layout of PyTorch's word language model: encoder, rnn, decoder."""

    def __init__(self, *, tokens=11, size=6, tied=True, cell="lstm"):
        super().__init__()
        self.drop = nn.Dropout(0.2)
        self.encoder = nn.Embedding(tokens, size)
        self.rnn = MODULES[cell](size, size, 2)
        self.decoder = nn.Linear(size, tokens)
        if tied:
            self.decoder.weight = self.encoder.weight

    def forward(self, tokens):
        return self.decoder(self.rnn(self.encoder(tokens))[0])
