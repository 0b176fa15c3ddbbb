"""The few lines of Python that make a trace again, to copy."""

from collections.abc import Sequence

_PRESET = """\
import viz
from lstm_core import trace
from lstm_core.zoo import load

text = {text!r}
traces = {{cell: trace(load({task!r}, cell).model, text) for cell in {cells!r}}}
traces[{first!r}].select("h")  # [time, unit]
viz.stage(traces).save("stage.html")"""

_FILE = """\
import viz
from lstm_core import trace
from lstm_core.convert import load_model, model_of

file = load_model({name!r})
{hint}traced = trace(model_of(file.stacks[{stack}]), {inputs})
traced.select("h")  # [time, unit]
viz.stage(traced).save("stage.html")"""


def preset_snippet(task: str, cells: Sequence[str], tokens: Sequence[str]) -> str:
    """What traces the shipped models of `task` as they read `tokens`.

    >>> print(preset_snippet("recall", ["lstm"], ["A", "!B", "?"]))
    import viz
    from lstm_core import trace
    from lstm_core.zoo import load
    <BLANKLINE>
    text = 'A!B?'
    traces = {cell: trace(load('recall', cell).model, text) for cell in ['lstm']}
    traces['lstm'].select("h")  # [time, unit]
    viz.stage(traces).save("stage.html")
    """
    return _PRESET.format(text="".join(tokens), task=task, cells=list(cells), first=cells[0])


def file_snippet(name: str, stack: int = 0, inputs: str = "inputs") -> str:
    """What traces a stack of the model file `name`.

    Args:
        name: of the file, as somebody else wrote it.
        stack: which one, counted from 0.
        inputs: Python for what the model reads; by default a name for the reader to fill in.

    >>> print(file_snippet("my model.pt").splitlines()[-5])
    file = load_model('my model.pt')
    """
    hint = "# inputs: token ids [time], or numbers [time, feature]\n" if inputs == "inputs" else ""
    return _FILE.format(name=name, stack=stack, inputs=inputs, hint=hint)
