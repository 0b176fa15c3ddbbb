"""The model whose gates are shown: tokens or numbers, a recurrent stack, a readout at every step.

The recurrent stack is torch's own fused module, so that what is shown is what people use.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from lstm_core.signals import PACKED, Cell
from lstm_core.tasks import Vocabulary
from lstm_core.uneven import UnevenLayers


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Everything that fixes the shapes of a `SequenceModel`.

    >>> from lstm_core import ModelConfig
    >>> config = ModelConfig(cell="gru", input_size=3, hidden_size=4, output_size=2)
    >>> ModelConfig(**config.to_json()) == config
    True

    Attributes:
        cell: ``"lstm"``, ``"gru"`` or ``"rnn"``.
        input_size: numbers read per step, after the embedding where there is one.
        hidden_size: units of every gate in each layer and direction.
        output_size: classes or values given per step; 0 for a model without a readout.
        num_layers, bidirectional, proj_size, bias: as torch's own module has them; `proj_size` is
            for an LSTM.
        nonlinearity: of a plain RNN, ``"tanh"`` or ``"relu"``.
        embed: learn the vectors of the tokens, else read the vocabulary's features as they are.
    """

    cell: Cell
    input_size: int
    hidden_size: int
    output_size: int
    num_layers: int = 1
    bidirectional: bool = False
    proj_size: int = 0
    bias: bool = True
    nonlinearity: str = "tanh"
    embed: bool = False

    def to_json(self) -> dict[str, object]:
        """The configuration as plain data; ``ModelConfig(**data)`` reads it."""
        return asdict(self)


class SequenceModel(nn.Module):
    """Tokens or numbers -> recurrent layers -> an answer at every step.

    With a vocabulary the input is token ids, int64 ``[time, batch]``, turned into the vocabulary's
    fixed features or, with ``config.embed``, into learnt vectors. Without one it is floats
    ``[time, batch, feature]``.

    Four gates of 4 units that read 3 + 4 numbers and two biases, and a readout of 2 x (4 + 1):

    >>> import torch
    >>> from lstm_core import ModelConfig, SequenceModel
    >>> config = ModelConfig(cell="lstm", input_size=3, hidden_size=4, output_size=2)
    >>> model = SequenceModel(config)
    >>> model(torch.ones(5, 1, 3)).shape, model.parameter_count == 4 * 4 * (3 + 4 + 2) + 2 * (4 + 1)
    (torch.Size([5, 1, 2]), True)
    """

    def __init__(self, config: ModelConfig, vocabulary: Vocabulary | None = None) -> None:
        """Build the layers with torch's default initialisation.

        Raises:
            ValueError: if the configuration and the vocabulary do not fit.
        """
        super().__init__()
        self.config, self.vocabulary = config, vocabulary
        self.embedding = _embedding(config, vocabulary)
        self.recurrent: nn.LSTM | nn.GRU | nn.RNN | UnevenLayers = _recurrent(config)
        width = config.proj_size or config.hidden_size
        self.readout = _readout(width * (2 if config.bidirectional else 1), config.output_size)

    def features(self, inputs: Tensor) -> Tensor:
        """What the first recurrent layer reads, floats ``[time, batch, feature]``."""
        return inputs if self.embedding is None else self.embedding(inputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """The readout at every step, ``[time, batch, output]``: logits or values."""
        states, _ = self.recurrent(self.features(inputs))
        return self.readout(states)

    @property
    def parameter_count(self) -> int:
        """How many numbers training may change; a vocabulary's fixed features are none of them."""
        fixed = 0 if self.embedding is None or self.config.embed else self.embedding.weight.numel()
        return sum(weight.numel() for weight in self.parameters()) - fixed


def _readout(width: int, output_size: int) -> nn.Linear:
    if output_size:
        return nn.Linear(width, output_size)
    layer = nn.Linear(width, 1)  # torch warns where there is nothing to draw
    layer.out_features = 0
    layer.weight, layer.bias = nn.Parameter(torch.empty(0, width)), nn.Parameter(torch.empty(0))
    return layer


def _embedding(config: ModelConfig, vocabulary: Vocabulary | None) -> nn.Embedding | None:
    if vocabulary is None:
        if config.embed:
            raise ValueError("embed=True needs a vocabulary; without one the input is numbers")
        return None
    if config.embed:
        return nn.Embedding(len(vocabulary), config.input_size)
    if vocabulary.features.shape[1] != config.input_size:
        raise ValueError(
            f"the vocabulary has {vocabulary.features.shape[1]} features a token, "
            f"but input_size is {config.input_size}"
        )
    return nn.Embedding.from_pretrained(torch.from_numpy(vocabulary.features.copy()), freeze=True)


def _recurrent(config: ModelConfig) -> nn.LSTM | nn.GRU | nn.RNN:
    shape = {
        "input_size": config.input_size,
        "hidden_size": config.hidden_size,
        "num_layers": config.num_layers,
        "bidirectional": config.bidirectional,
        "bias": config.bias,
    }
    if config.cell == "lstm":
        return nn.LSTM(**shape, proj_size=config.proj_size)
    if config.proj_size:
        raise ValueError(f"proj_size is for an LSTM; got {config.proj_size} for {config.cell!r}")
    if config.cell == "gru":
        return nn.GRU(**shape)
    if config.cell == "rnn":
        return nn.RNN(**shape, nonlinearity=config.nonlinearity)
    raise ValueError(f"cell must be 'lstm', 'gru' or 'rnn', got {config.cell!r}")


INITS: dict[str, str] = {
    "torch": "torch's default: every weight and bias uniform in ±1/√hidden_size",
    "forget-bias-1": "torch's default, then 1 added to the bias of the forget gate (LSTM)",
    "orthogonal": "torch's default, then every gate's recurrent matrix a random orthogonal one",
}
"""The ways to initialise a model, each in words."""


def initialised(
    config: ModelConfig, vocabulary: Vocabulary | None, init: str, seed: int
) -> SequenceModel:
    """A new model whose weights depend on the seed alone; torch's own generator is left as it was.

    Raises:
        ValueError: if `init` is not one of `INITS` or does not fit the cell.
    """
    if init not in INITS:
        raise ValueError(f"init must be one of {', '.join(INITS)}; got {init!r}")
    if init == "forget-bias-1" and config.cell != "lstm":
        raise ValueError(f"only an LSTM has a forget gate; got init {init!r} for {config.cell!r}")
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = SequenceModel(config, vocabulary)
        for name, weight in model.recurrent.named_parameters():
            _reinitialise(init, name, weight, config.hidden_size)
    return model


def _reinitialise(init: str, name: str, weight: Tensor, hidden_size: int) -> None:
    if init == "forget-bias-1" and name.startswith("bias_ih"):
        place = PACKED["lstm"].index("f") * hidden_size
        weight[place : place + hidden_size] += 1
    if init == "orthogonal" and name.startswith("weight_hh"):
        for gate in weight.split(hidden_size):
            nn.init.orthogonal_(gate)
