"""Every sentence a person reads, in English and in Chinese, and how to say it.

Values that a person typed reach a sentence through `quoted`, which makes them harmless.
"""

import unicodedata
from collections.abc import Iterable

from viz.text_stage import STAGE

LANGUAGES = {"en": "English", "zh": "中文"}

_NAMES: dict[str, tuple[str, str]] = {
    "title": ("LSTM Gate Visualizer", "LSTM 门控可视化"),
    "page.step": ("Step", "步进"),
    "preset.recall": ("Flagged recall", "带标记的回忆"),
    "preset.short-recall": ("Flagged recall, short", "带标记的回忆（短）"),
    "preset.python": ("Python source", "Python 源码"),
    "about.recall": (
        "Remember the letter after !, say it at ?, 36 to 56 steps later.",
        "记住 ! 后面的字母，36 到 56 步之后遇到 ? 时说出它。",
    ),
    "about.short-recall": (
        "The same task, 12 to 20 steps apart: here a plain RNN keeps up.",
        "同样的任务，只相隔 12 到 20 步：这里普通 RNN 也跟得上。",
    ),
    "about.python": (
        "Say the next character of Python source code.",
        "预测 Python 源代码的下一个字符。",
    ),
    "symbols.recall": (
        "the letters A to H, ! directly before the letter to keep, and ? to ask for it",
        "字母 A 到 H，紧贴在要记住的字母之前的 !，以及用来提问的 ?",
    ),
    "symbols.short-recall": (
        "the letters A to H, ! directly before the letter to keep, and ? to ask for it",
        "字母 A 到 H，紧贴在要记住的字母之前的 !，以及用来提问的 ?",
    ),
    "symbols.python": (
        "printable ASCII characters, tab and line break",
        "可打印的 ASCII 字符、制表符和换行符",
    ),
    "cell.lstm": ("LSTM", "LSTM"),
    "cell.gru": ("GRU", "GRU"),
    "cell.rnn": ("Plain RNN", "普通 RNN"),
    "signal.lstm.f": ("forget gate", "遗忘门"),
    "signal.lstm.i": ("input gate", "输入门"),
    "signal.lstm.o": ("output gate", "输出门"),
    "signal.lstm.g": ("candidate", "候选记忆"),
    "signal.lstm.c": ("cell state", "细胞状态"),
    "signal.lstm.h": ("hidden state", "隐状态"),
    "signal.gru.r": ("reset gate", "重置门"),
    "signal.gru.z": ("update gate (keep)", "更新门（保留）"),
    "signal.gru.n": ("candidate", "候选记忆"),
    "signal.gru.h": ("hidden state", "隐状态"),
    "signal.rnn.h": ("hidden state", "隐状态"),
    "signal.other": ("pre-activation", "激活前的值"),
    "metric.accuracy": ("accuracy", "准确率"),
    "metric.bits per character": ("bits per character", "每字符比特数"),
}

_PAGE: dict[str, tuple[str, str]] = {
    "page.preset": ("Task", "任务"),
    "page.new": ("New example · seed {seed}", "新例子 · 种子 {seed}"),
    "page.new-help": ("Draw the next held-out example.", "抽取下一个未参与训练的例子。"),
    "page.typed": ("New example · your input", "新例子 · 您的输入"),
    "page.edit": ("Edit", "编辑"),
    "page.sequence": ("Sequence", "序列"),
    "page.sequence-help": ("Use {allowed}.", "可以使用{allowed}。"),
    "page.seed": ("Seed", "种子"),
    "page.seed-help": (
        "The same seed gives the same example, on every computer.",
        "相同的种子在任何电脑上都给出相同的例子。",
    ),
    "page.run": ("Run", "运行"),
    "page.language": ("Language", "语言"),
    "page.share": ("Share", "分享"),
    "page.share-help": (
        "Copies the address of exactly this view, with its step, models and unit.",
        "复制当前画面的网址，包括时间步、模型和单元。",
    ),
    "page.copied": ("Copied", "已复制"),
    "page.address": ("Address of this view", "当前画面的网址"),
    "page.text-not-in-url": (
        "Your sequence has {length} characters, too many for an address (limit {limit}). The "
        "address leaves it out; send the sequence along with it.",
        "您的序列有 {length} 个字符，超过了网址能容纳的 {limit} 个。网址中不含该序列，请另外发送。",
    ),
    "page.device": ("runs on {device}", "运行于 {device}"),
    "page.device-help": (
        "Where the models run. Set LSTM_DEVICE to choose, for example cuda or cpu.",
        "模型运行的设备。可用环境变量 LSTM_DEVICE 指定，例如 cuda 或 cpu。",
    ),
    "page.plotly": ("Zoomable view (Plotly)", "可缩放视图（Plotly）"),
    "page.model": ("Model", "模型"),
    "page.all-signals": ("All signals", "全部信号"),
    "page.signal": ("Signal", "信号"),
    "page.models": ("How the models were trained", "模型是如何训练的"),
    "page.models-note": (
        "Every model saw the same task, batches and seeds, and used the best learning rate of the "
        "same small grid. Every seed is listed, failures too. The row marked “shown” is on stage.",
        "所有模型使用相同的任务、批次和种子，学习率取自同一个小网格中的最佳值。"
        "下面列出每一个种子，失败的也在内。标有“展示”的一行就是台上的模型。",
    ),
    "page.no-models": (
        "No trained model for this task could be loaded, so there is nothing to step through.",
        "这个任务没有任何可载入的模型，因此没有可以步进的内容。",
    ),
    "score.model": ("Model", "模型"),
    "score.parameters": ("Parameters", "参数量"),
    "score.seed": ("Seed", "种子"),
    "score.lr": ("Learning rate", "学习率"),
    "score.metric": ("Held-out score", "留出集得分"),
    "score.examples": ("Scored on", "评分样本数"),
    "score.steps": ("Training steps", "训练步数"),
    "score.seconds": ("Seconds", "秒"),
    "score.learned": ("Learned", "是否学会"),
    "score.shown": ("On stage", "台上"),
    "score.is-shown": ("shown", "展示"),
    "score.yes": ("yes", "是"),
    "score.no": ("did not learn in {seconds} s", "{seconds} 秒内没有学会"),
    "recipe.title": ("Recipe of the {cell}", "{cell} 的训练配方"),
}

_PROBLEMS: dict[str, tuple[str, str]] = {
    "kept": ("The view below has not changed.", "下面的画面没有改变。"),
    "fell-back": ("The default is shown instead.", "已改用默认值。"),
    "input.unknown-symbols": (
        "This model cannot read {symbols}. It reads {allowed}.",
        "这个模型读不了 {symbols}。它能读：{allowed}。",
    ),
    "input.control-characters": (
        "The sequence holds control characters that nobody can see: {symbols}. It may hold "
        "{allowed}.",
        "序列中有看不见的控制字符：{symbols}。可以使用{allowed}。",
    ),
    "input.lone-flag": (
        "Each ! must stand directly before the letter to keep, as in {example}.",
        "每个 ! 都必须紧贴在要记住的字母之前，例如 {example}。",
    ),
    "input.empty": (
        "The sequence is empty. Type at least one symbol: {allowed}.",
        "序列是空的。请至少输入一个符号：{allowed}。",
    ),
    "input.whitespace": (
        "The sequence holds only spaces or line breaks. Type at least one symbol: {allowed}.",
        "序列中只有空格或换行。请至少输入一个符号：{allowed}。",
    ),
    "input.too-long": (
        "The sequence has {length} symbols; this page takes at most {limit}.",
        "序列有 {length} 个符号；本页最多接受 {limit} 个。",
    ),
    "input.other": ("This sequence cannot be read.", "无法读取这个序列。"),
    "url.preset": (
        "The address names a task {value}, which does not exist. The tasks are {allowed}.",
        "网址中的任务 {value} 不存在。可用的任务是 {allowed}。",
    ),
    "url.seed": (
        "The address gives the seed {value}; it must be a whole number from 0 to {limit}.",
        "网址中的种子是 {value}；它必须是 0 到 {limit} 之间的整数。",
    ),
    "url.step": (
        "The address gives the step {value}; it must be a whole number from 0 to {limit}.",
        "网址中的时间步是 {value}；它必须是 0 到 {limit} 之间的整数。",
    ),
    "url.unit": (
        "The address gives the unit {value}; it must be a whole number from 0 to {limit}.",
        "网址中的单元是 {value}；它必须是 0 到 {limit} 之间的整数。",
    ),
    "url.models": (
        "The address gives the models {value}; it must name some of {allowed}, each once.",
        "网址中的模型是 {value}；它应从 {allowed} 中选取，每个至多一次。",
    ),
    "url.focus": (
        "The address gives the model in focus {value}; it must be one of {allowed}.",
        "网址中的焦点模型是 {value}；它必须是 {allowed} 之一。",
    ),
    "url.lang": (
        "The address gives the language {value}; the languages are {allowed}.",
        "网址中的语言是 {value}；可用的语言是 {allowed}。",
    ),
    "url.repeated": (
        "The address gives {field} {count} times; it may appear once.",
        "网址中 {field} 出现了 {count} 次；它只能出现一次。",
    ),
    "url.text": ("The address gives the sequence {value}.", "网址中的序列是 {value}。"),
    "checkpoint.missing": (
        "The model file of the {cell} is missing.",
        "{cell} 的模型文件不存在。",
    ),
    "checkpoint.other": (
        "The model file of the {cell} is damaged or foreign ({code}), so this model is left out.",
        "{cell} 的模型文件已损坏或不是本程序的文件（{code}），因此不展示该模型。",
    ),
    "device.invalid": (
        "The device cannot be used: {reason}. The models run on the CPU.",
        "无法使用该设备：{reason}。模型将在 CPU 上运行。",
    ),
}

_FIGURES: dict[str, tuple[str, str]] = {
    "figure.title": ("{cell} · {signal} {symbol}", "{cell} · {signal} {symbol}"),
    "figure.all": ("{cell} · every signal", "{cell} · 全部信号"),
    "figure.layer": ("layer {layer}", "第 {layer} 层"),
    "figure.reverse": ("reverse direction", "反向"),
    "figure.time": ("time (step)", "时间（步）"),
    "figure.unit": ("unit", "单元"),
    "figure.hover-time": ("step", "时间步"),
    "figure.residual": (
        "residual max |recomputed h − h| = {residual} ({device}, {dtype})",
        "残差 max |重算的 h − h| = {residual}（{device}，{dtype}）",
    ),
    "figure.beyond": (
        "{count} values beyond ±{limit}, up to {largest}",
        "{count} 个值超出 ±{limit}，绝对值最大为 {largest}",
    ),
    "figure.outside": ("{count} values outside 0 to 1", "{count} 个值不在 0 到 1 之间"),
    "figure.not-finite": (
        "{count} values that are NaN or infinite",
        "{count} 个值是 NaN 或无穷大",
    ),
    "figure.symbols-more": ("and {count} more", "另有 {count} 个"),
}

TEXT: dict[str, dict[str, str]] = {
    key: {"en": english, "zh": chinese}
    for table in (_NAMES, _PAGE, _PROBLEMS, _FIGURES, STAGE)
    for key, (english, chinese) in table.items()
}
"""For each key, the sentence in every language, with named fields as in `str.format`."""


def say(key: str, language: str, **fields: object) -> str:
    """The sentence `key` in `language`, with its fields filled in.

    >>> say("page.new", "en", seed=5)
    'New example · seed 5'
    """
    return TEXT[key][language].format(**fields)


def section(name: str, language: str) -> dict[str, str]:
    """Every sentence whose key starts with ``name.``, unfilled, for the stage to fill.

    >>> section("stage", "zh")["unit"]
    '单元'
    """
    start = name + "."
    return {key.removeprefix(start): TEXT[key][language] for key in TEXT if key.startswith(start)}


def signal_name(cell: str, key: str, language: str) -> str:
    """The field's term for a signal; pre-activations share one."""
    name = f"signal.{cell}.{key}"
    return say(name if name in TEXT else "signal.other", language)


_ISOLATE, _POP = "\u2068", "\u2069"
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def is_control(character: str) -> bool:
    """Whether it is a character that shows nothing and is no space."""
    return unicodedata.category(character) in _INVISIBLE and not character.isspace()


def _visible(character: str) -> str:
    """The character, or its code and name where nobody could see it on its own."""
    hidden = is_control(character) or character.isspace()
    if not hidden and not unicodedata.combining(character):
        return character
    return f"⟨U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip() + "⟩"


def quoted(value: str, limit: int = 40) -> str:
    """`value` as Markdown code that shows every character and changes nothing around it.

    No HTML, link or formula comes alive, and right-to-left letters cannot turn the sentence.
    """
    keep = " " if value.strip(" ") else ""
    shown = "".join(c if c in keep else _visible(c) for c in value[:limit]) or '""'
    shown += "…" * (len(value) > limit)
    longest = max(map(len, _backtick_runs(shown)), default=0)
    fence, pad = "`" * (longest + 1), " " if longest else ""
    return f"{_ISOLATE}{fence}{pad}{shown}{pad}{fence}{_POP}"


def _backtick_runs(value: str) -> list[str]:
    return ["`" * len(run) for run in "".join(c if c == "`" else " " for c in value).split()]


def quoted_list(values: Iterable[str], language: str, most: int = 12) -> str:
    """The `values`, each as `quoted`, the first `most` of them.

    >>> quoted_list("abc", "en", most=2).count("`")
    4
    """
    items = list(values)
    shown = [quoted(item) for item in items[:most]]
    if len(items) > most:
        shown.append(say("figure.symbols-more", language, count=len(items) - most))
    return ("、" if language == "zh" else ", ").join(shown)
