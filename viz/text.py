"""Every sentence a person reads, in English and in Chinese, and how to say it.

Values that a person typed reach a sentence through `viz.quoting`, which makes them harmless.
"""

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

_STAGE: dict[str, tuple[str, str]] = {
    "stage.stage": ("LSTM stage: step through the sequence", "LSTM 舞台：逐步查看序列"),
    "stage.input": ("input", "输入"),
    "stage.answer": ("answer", "回答"),
    "stage.next": ("next is", "预测下一个"),
    "stage.overview": ("overview", "总览"),
    "stage.unit": ("unit", "单元"),
    "stage.step": ("Timestep", "时间步"),
    "stage.controls": ("Step controls", "步进控制"),
    "stage.first": ("First step (Home)", "第一步（Home）"),
    "stage.back": ("Back one step (←)", "后退一步（←）"),
    "stage.play": ("Play (Space)", "播放（空格）"),
    "stage.pause": ("Pause (Space)", "暂停（空格）"),
    "stage.forward": ("Forward one step (→)", "前进一步（→）"),
    "stage.last": ("Last step (End)", "最后一步（End）"),
    "stage.speed": ("Speed", "速度"),
    "stage.view": ("How the score is shown", "显示方式"),
    "stage.viewShort": ("View", "显示"),
    "stage.sort": ("Units by", "单元排序"),
    "stage.sort_index": ("index", "编号"),
    "stage.sort_activity": ("activity of h", "h 的活跃程度"),
    "stage.sort_tau": ("passive time constant", "被动时间常数"),
    "stage.fade": ("Fade the future", "淡化未来"),
    "stage.perUnit": ("Scale each unit to its own largest value", "每个单元按自身最大值缩放"),
    "stage.zoom": ("Time axis", "时间轴"),
    "stage.zoomIn": ("Fewer, wider steps (+)", "更少、更宽的步（+）"),
    "stage.zoomOut": ("More, narrower steps (−)", "更多、更窄的步（−）"),
    "stage.keys": (
        "← → one step · Shift five · Home End · Space plays · ↑ ↓ unit · + − zoom · Esc lets go",
        "← → 一步 · Shift 五步 · Home End 首尾 · 空格播放 · ↑ ↓ 换单元 · + − 缩放 · Esc 取消",
    ),
    "stage.add": ("Show the {model} too", "同时显示{model}"),
    "stage.remove": ("Hide the {model}", "隐藏{model}"),
    "stage.moveUp": ("Move the {model} up", "上移{model}"),
    "stage.moveDown": ("Move the {model} down", "下移{model}"),
    "stage.resize": ("Drag to resize this lane", "拖动以调整高度"),
    "stage.beyond": (
        "{n} cells lie beyond the scale; they take its darkest colours",
        "{n} 个值超出色标，用最深的颜色表示",
    ),
    "stage.missing": ("{n} cells are not finite numbers", "{n} 个值不是有限数"),
    "stage.cellTitle": ("The cell at this step", "此步的细胞"),
    "stage.where": ("t = {t} · unit {unit}", "t = {t} · 单元 {unit}"),
    "stage.open": ("Show the arithmetic behind the {name}", "展开{name}的算式"),
    "stage.why": ("Why is the {name} {value}?", "{name}为什么是 {value}？"),
    "stage.moreTerms": ("… {n} smaller terms, together {sum}", "… {n} 个更小的项，合计 {sum}"),
    "stage.fewerTerms": ("fewer terms", "收起"),
    "stage.life": ("This unit over time", "这个单元的一生"),
    "stage.lifeLabel": ("Unit {unit} over time: {keys}", "单元 {unit} 随时间的变化：{keys}"),
    "stage.memory": ("still knows", "还记得多少"),
    "stage.memoryTitle": (
        "What if step {t} were {other}, not {token}?",
        "如果第 {t} 步是 {other} 而不是 {token}？",
    ),
    "stage.memoryFacts": (
        "difference of the state, in units of its own spread: how long each network still knows it",
        "状态的差异，以状态自身的离散程度为单位：每个网络还能记得多久",
    ),
    "stage.memoryNote": (
        "The sequence is run again with the other token at that step. Zero means that the state no "
        "longer depends on it.",
        "把该步换成另一个符号后重新运行整个序列。零表示状态不再依赖它。",
    ),
    "stage.memoryChoose": (
        "Show the memory of the token at this step (M)",
        "显示对此步符号的记忆（M）",
    ),
    "stage.memoryChooseStep": ("ask about step {t}", "查看第 {t} 步"),
    "stage.goToPin": ("Go to this cell", "跳到这个格子"),
    "stage.unpin": ("Remove this pin", "取消固定"),
    "stage.values": ("Values of this step as text", "以文字显示此步的数值"),
    "stage.valuesAt": ("{model}, t = {t}", "{model}，t = {t}"),
    "stage.scoresOfEverySeed": (
        "Score of every seed that was trained, on held-out data",
        "每个训练种子在留出数据上的成绩",
    ),
    "stage.cellTip": (
        "{model} · {name} {symbol} · unit {unit} · t = {t} {token} · {value}",
        "{model} · {name} {symbol} · 单元 {unit} · t = {t} {token} · {value}",
    ),
    "stage.answerFree": (
        "{model}: nothing is asked at t = {t}.",
        "{model}：t = {t} 时没有提问。",
    ),
    "stage.answerRight": (
        "{model} says {says} ({share}): right.",
        "{model} 回答 {says}（{share}）：正确。",
    ),
    "stage.answerWrong": (
        "{model} says {says} ({share}); right is {target}, which it gives {correct}.",
        "{model} 回答 {says}（{share}）；正确答案是 {target}，它给出 {correct}。",
    ),
    "stage.now_lstm": (
        "Step {t} of {last}, input {token}. {model} unit {unit}: the forget gate keeps {f} of "
        "{past}, the input gate lets in {i} of {g}; the cell state is now {c}, and {h} comes out.",
        "第 {t} 步（共 {last} 步），输入 {token}。{model} 单元 {unit}：遗忘门保留 {past} 的 {f}，"
        "输入门放入 {g} 的 {i}；细胞状态现为 {c}，输出 {h}。",
    ),
    "stage.now_gru": (
        "Step {t} of {last}, input {token}. {model} unit {unit}: the update gate keeps {z} of "
        "{past} and takes the rest from the candidate {n}; the hidden state is now {h}.",
        "第 {t} 步（共 {last} 步），输入 {token}。{model} 单元 {unit}：更新门保留 {past} 的 {z}，"
        "其余取自候选 {n}；隐状态现为 {h}。",
    ),
    "stage.now_rnn": (
        "Step {t} of {last}, input {token}. {model} unit {unit}: the whole state is rewritten; "
        "it is now {h}.",
        "第 {t} 步（共 {last} 步），输入 {token}。{model} 单元 {unit}：整个状态被重写，现为 {h}。",
    ),
    "stage.join": ("; ", "；"),
    "stage.stop": (".", "。"),
    "stage.gap": (" ", ""),
    "sentence.recall": (
        "{symbol} is flagged at step {store} and asked for {delay} steps later.",
        "{symbol} 在第 {store} 步被标记要记住，{delay} 步之后被问到。",
    ),
    "sentence.recall_none": (
        "Flag a symbol with ! and ask for it with ?, as in AB!CDE? .",
        "用 ! 标记要记住的符号，用 ? 提问，例如 AB!CDE? 。",
    ),
    "sentence.recall_unflagged": (
        "? asks for a symbol, but none was flagged with ! before it.",
        "? 在提问，但之前没有用 ! 标记任何符号。",
    ),
    "inline.lstm": ("the LSTM", "LSTM"),
    "inline.gru": ("the GRU", "GRU"),
    "inline.rnn": ("the plain RNN", "普通 RNN"),
    "sentence.says_right": ("{model} says {says} ({share})", "{model} 回答 {says}（{share}）"),
    "sentence.says_wrong": (
        "{model} says {says} ({share}), which is wrong",
        "{model} 回答 {says}（{share}），答错了",
    ),
    "sentence.guesses_right": (
        "{model} guesses {says}, which is right ({share}, chance {chance})",
        "{model} 猜 {says}，猜对了（{share}，随机水平 {chance}）",
    ),
    "sentence.guesses_wrong": (
        "{model} guesses {says} ({share}, chance {chance})",
        "{model} 猜 {says}（{share}，随机水平 {chance}）",
    ),
    "sentence.python": (
        "Which character comes next? The models differ most at step {step}, after {before}, "
        "where {target} comes next.",
        "下一个字符是什么？模型在第 {step} 步（{before} 之后）差别最大，下一个是 {target}。",
    ),
    "sentence.python_share": ("{model} gives it {share}", "{model} 给它 {share}"),
    "part.facts": (
        "{units} units · {parameters} parameters",
        "{units} 个单元 · {parameters} 个参数",
    ),
    "part.facts_bare": ("{units} units", "{units} 个单元"),
    "part.accuracy": ("recalls {value} ({seeds} seeds)", "回忆正确率 {value}（{seeds} 个种子）"),
    "part.accuracy_failed": (
        "recalls {value} ({seeds} seeds; did not learn within {steps} steps)",
        "回忆正确率 {value}（{seeds} 个种子；{steps} 步内没有学会）",
    ),
    "part.accuracy_mixed": (
        "recalls {value} ({learned} of {seeds} seeds learned)",
        "回忆正确率 {value}（{seeds} 个种子中 {learned} 个学会）",
    ),
    "part.bits": (
        "{value} bits a character ({seeds} seeds)",
        "每字符 {value} 比特（{seeds} 个种子）",
    ),
    "part.proof_lstm": ("max |h − o·tanh c| = {residual}", "max |h − o·tanh c| = {residual}"),
    "part.proof_gru": (
        "max |h − (z·h₋₁ + (1−z)·n)| = {residual}",
        "max |h − (z·h₋₁ + (1−z)·n)| = {residual}",
    ),
    "part.proof_rnn": ("max |h − {squash}(Wx + Uh₋₁ + b)| = {residual}",) * 2,
    "part.proof_note": (
        "Proof: the state computed from the gates shown here differs from the state that torch's "
        "own fused layer returned by at most {residual}, over all units and steps.",
        "证明：用这里显示的门计算出的状态，与 torch 融合层自己返回的状态，"
        "在所有单元和时间步上最多相差 {residual}。",
    ),
    "about.task": ("Task", "任务"),
    "about.seed": ("Seed shown", "所示种子"),
    "about.device": ("Computed on", "计算设备"),
    "about.hash": ("Checkpoint", "检查点"),
}

TEXT: dict[str, dict[str, str]] = {
    key: {"en": english, "zh": chinese}
    for table in (_NAMES, _PAGE, _PROBLEMS, _FIGURES, _STAGE)
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
