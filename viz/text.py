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
    "url.step-beyond": (
        "The address names the step {value}; this sequence ends at step {limit}, shown instead.",
        "网址中的时间步是 {value}；这个序列到第 {limit} 步为止，改为显示该步。",
    ),
    "url.unit-beyond": (
        "The address names the unit {value}; this model has the units 0 to {limit}, so another is "
        "shown.",
        "网址中的单元是 {value}；这个模型的单元编号为 0 到 {limit}，改为显示另一个单元。",
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
    "figure.difference": ("{title} · changed minus original", "{title} · 改动后减改动前"),
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

_SURGERY: dict[str, tuple[str, str]] = {
    "surgery.of": ("{signal} of {units}", "{units}的 {signal}"),
    "surgery.every-unit": ("every unit", "所有单元"),
    "surgery.unit": ("unit {unit}", "单元 {unit} "),
    "surgery.units": ("units {units}", "单元 {units} "),
    "surgery.many-units": ("{count} units", "{count} 个单元"),
    "surgery.values": ("given values", "给定的值"),
    "surgery.every-step": ("every step", "每一步"),
    "surgery.step": ("step {start}", "第 {start} 步"),
    "surgery.steps": ("steps {start}–{last}", "第 {start}–{last} 步"),
    "surgery.from-step": ("from step {start} on", "从第 {start} 步起"),
    "surgery.many-spans": ("{count} spans from step {first}", "从第 {first} 步起的 {count} 段"),
    "surgery.layer": ("layer {layer}: {text}", "第 {layer} 层：{text}"),
    "surgery.token": ("step {t} reads {token}", "第 {t} 步改读 {token}"),
    "surgery.shift_bias": ("bias of {gate} {signed} · {units}", "{gate} 的偏置 {signed} · {units}"),
    "surgery.scale_input": (
        "input weights of {gate} × {value} · {units}",
        "{gate} 的输入权重 × {value} · {units}",
    ),
    "surgery.scale_recurrent": (
        "recurrent weights of {gate} × {value} · {units}",
        "{gate} 的循环权重 × {value} · {units}",
    ),
    "surgery.remove": ("{units} removed", "去掉{units}"),
    "surgery.lead-many": ("these {count} changes", "这 {count} 处改动"),
    "surgery.outcome": ("With {lead}: {told}.", "{lead}之后：{told}。"),
    "surgery.flips": (
        "{model} answers {now} ({now_share}) instead of {was} ({was_share})",
        "{model} 回答 {now}（{now_share}），原来是 {was}（{was_share}）",
    ),
    "surgery.stays": (
        "{model} still answers {now} ({was_share} → {now_share})",
        "{model} 仍回答 {now}（{was_share} → {now_share}）",
    ),
    "surgery.many": (
        "{model} changes {flips} of {count} predictions, {was} → {now} bits a character",
        "{model} 的 {count} 个预测中有 {flips} 个变了，每字符 {was} → {now} 比特",
    ),
    "surgery.moved": (
        "the state of {model} differs from step {first} on, most at step {most}",
        "{model} 的状态从第 {first} 步起不同，第 {most} 步差得最多",
    ),
    "surgery.no-effect": (
        "the state of {model} stays exactly as it was",
        "{model} 的状态与原来完全相同",
    ),
    "surgery.lost": (
        "; its memory of token {t} is lost at step {step}",
        "，它对第 {t} 步符号的记忆在第 {step} 步丢失",
    ),
    "surgery.problem": (
        "Not made. The field {field} cannot be used: {problem}",
        "没有执行。字段 {field} 无法使用（{problem}）。",
    ),
    "surgery.rejected": (
        "These changes cannot be read. In change {number}, the field {field}: {problem}",
        "读不懂这些改动。第 {number} 处改动的字段 {field} 有误（{problem}）。",
    ),
    "surgery.rejected-whole": (
        "These changes cannot be read. {field}: {problem}",
        "读不懂这些改动。{field} 有误（{problem}）。",
    ),
    "surgery.kept": (" What you had is kept.", "原有的改动都还在。"),
    "surgery.proof": ("without the change: {label}", "未改动时：{label}"),
    "surgery.no-number": (
        "{model} no longer gives a number",
        "{model} 算不出数值了",
    ),
    "guide.forget-once": ("Forget, once", "忘一次"),
    "guide.forget-once.asks": (
        "Right after {token} is read, no gate keeps anything for one step. Is it gone?",
        "读到 {token} 之后的一步里，不让任何门保留内容。它就没了吗？",
    ),
    "guide.erase": ("Erase the memory, once", "抹掉一次记忆"),
    "guide.erase.asks": (
        "Right after {token} is read, the memory itself is zero for one step: c of the LSTM, "
        "h of the others.",
        "读到 {token} 之后，把记忆本身清零一步：LSTM 清 c，另外两个清 h。",
    ),
    "guide.never-forget": ("Never forget", "永不遗忘"),
    "guide.never-forget.asks": (
        "Every forget gate stays wide open for ever. Does all the rest drown {token}?",
        "遗忘门永远全开。其余的内容会淹没 {token} 吗？",
    ),
    "guide.silence": ("Say nothing while waiting", "等待时一言不发"),
    "guide.silence.asks": (
        "Until step {until} the output stays shut: h is zero, c goes on. "
        "Is c enough to remember {token}?",
        "到第 {until} 步之前输出一直关闭：h 为零，c 照常。只靠 c 记得住 {token} 吗？",
    ),
    "guide.hold": ("Hold, and write nothing", "只保存，不写入"),
    "guide.hold.asks": (
        "Until step {until}, keep all and write nothing: the pure memory cell of 1997.",
        "到第 {until} 步之前，全部保留、什么都不写：这就是 1997 年那个纯粹的记忆单元。",
    ),
    "change.title": ("Change it", "动手改"),
    "change.open": (
        "Open or close gates, change memory, tokens or weights, and see what follows (e)",
        "开关门、改记忆、换符号或调权重，看看会怎样（e）",
    ),
    "change.keys": (
        "E changes something · Shift and drag over a heat map chooses what · Ctrl Z undoes",
        "E 动手改 · Shift 加拖动在热图上选要改的部分 · Ctrl Z 撤销",
    ),
    "change.close": ("Close this panel; the changes stay", "收起面板；改动保留"),
    "change.original": ("Original", "原样"),
    "change.changed": ("Changed", "改动后"),
    "change.difference": ("Difference", "差别"),
    "change.difference-note": ("changed minus original", "改动后减改动前"),
    "change.try": ("Try:", "试试："),
    "change.brush": (
        "Or drag over a heat map to choose units and steps, or drag a bar of the cell.",
        "也可以在热图上拖选单元和时间步，或拖动右侧的数值条。",
    ),
    "change.brush-narrow": (
        "Or drag sideways over a heat map to choose units and steps.",
        "也可以在热图上横向拖动，选择单元和时间步。",
    ),
    "change.undo": ("Undo", "撤销"),
    "change.redo": ("Redo", "重做"),
    "change.reset": ("Remove all changes", "去掉全部改动"),
    "change.download": ("Download the changes as JSON", "把改动下载为 JSON"),
    "change.load": ("Load changes from a JSON file", "从 JSON 文件载入改动"),
    "change.on": ("Switch this change on or off", "打开或关闭这处改动"),
    "change.edit": ("Edit", "编辑"),
    "change.remove": ("Remove", "去掉"),
    "change.done": ("Done", "完成"),
    "change.op": ("What to do", "做什么"),
    "change.set": ("set to", "设为"),
    "change.scale": ("multiply by", "乘以"),
    "change.add": ("add", "加上"),
    "change.signal": ("Signal", "信号"),
    "change.value": ("Value", "值"),
    "change.units": ("units", "单元"),
    "change.all": ("all", "全部"),
    "change.from": ("from step", "从第"),
    "change.to": ("to", "到"),
    "change.here": (
        "Change {symbol} of unit {unit} from this step on",
        "从这一步起改变单元 {unit} 的 {symbol}",
    ),
    "change.bias": ("{model}: bias of {gate}", "{model}：{gate} 的偏置"),
    "change.bias-note": (
        "Added to the bias of {name} in every unit of this layer. Right: keeps longer.",
        "加到这一层所有单元{name}的偏置上。越往右，记得越久。",
    ),
    "change.bias-note-rnn": (
        "Added to the bias of every unit. A plain RNN has no gate that keeps.",
        "加到所有单元的偏置上。普通 RNN 没有负责保留的门。",
    ),
    "change.token": ("read at t = {t}", "t = {t} 读到"),
    "change.was": ("was {value}", "原为 {value}"),
    "change.made": ("changed to {value}", "改为 {value}"),
    "change.ghost": ("thin line: as it was", "细线：原样"),
    "change.wasAnswer": ("It was {says}.", "原来是 {says}。"),
    "change.tooLong": (
        "Too many changes for the address. Download them to keep or share them.",
        "改动太多，放不进网址。请下载后保存或分享。",
    ),
    "change.badFile": ("This file is too large for changes.", "这个文件太大，不是改动文件。"),
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
        "← → one step · Shift five · Home End · Space plays · ↑ ↓ unit · + − zoom · P pins · "
        "M memory of this step · Esc lets go",
        "← → 一步 · Shift 五步 · Home End 首尾 · 空格播放 · ↑ ↓ 换单元 · + − 缩放 · P 固定 · "
        "M 对此步的记忆 · Esc 取消",
    ),
    "stage.add": ("Show the {model} too", "同时显示{model}"),
    "stage.remove": ("Hide the {model}", "隐藏{model}"),
    "stage.moveUp": ("Move the {model} up", "上移{model}"),
    "stage.moveDown": ("Move the {model} down", "下移{model}"),
    "stage.resize": (
        "Drag to resize the lane of the {name} (Shift ↑ ↓ on its label)",
        "拖动以调整{name}的高度（在标签上按 Shift ↑ ↓）",
    ),
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
        "Step {t} (the last is {last}), input {token}. {model} unit {unit}: the forget gate "
        "keeps {f} of {past}, the input gate lets in {i} of {g}; the cell state is now {c}, and "
        "{h} comes out.",
        "第 {t} 步（最后一步是 {last}），输入 {token}。{model} 单元 {unit}："
        "遗忘门保留 {past} 的 {f}，输入门放入 {g} 的 {i}；细胞状态现为 {c}，输出 {h}。",
    ),
    "stage.now_gru": (
        "Step {t} (the last is {last}), input {token}. {model} unit {unit}: the update gate "
        "keeps {z} of {past} and takes the rest from the candidate {n}; the hidden state is now "
        "{h}.",
        "第 {t} 步（最后一步是 {last}），输入 {token}。{model} 单元 {unit}："
        "更新门保留 {past} 的 {z}，其余取自候选 {n}；隐状态现为 {h}。",
    ),
    "stage.now_rnn": (
        "Step {t} (the last is {last}), input {token}. {model} unit {unit}: the whole state is "
        "rewritten; it is now {h}.",
        "第 {t} 步（最后一步是 {last}），输入 {token}。{model} 单元 {unit}："
        "整个状态被重写，现为 {h}。",
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
        "Which character comes next? At step {step}, after {before}, it is {target}: there the "
        "models differ most.",
        "下一个字符是什么？第 {step} 步（{before} 之后）是 {target}：各模型在此差别最大。",
    ),
    "sentence.python_none": (
        "Type at least two characters: each model says the next one.",
        "请至少输入两个字符：每个模型会预测下一个。",
    ),
    "sentence.recall_one": (
        "{symbol} is flagged at step {store} and asked for at the next step.",
        "{symbol} 在第 {store} 步被标记要记住，下一步就被问到。",
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
    "part.proof_missing": (
        "{share} of h is no number: nothing proved there",
        "{share} 的 h 不是数：那里无从证明",
    ),
    "part.proof_missing-note": (
        "{share} of the values of h are NaN or infinite. Where there are numbers, they differ from "
        "those of torch's own fused layer by at most {residual}.",
        "h 中 {share} 的值是 NaN 或无穷。在有数的地方，"
        "它们与 torch 融合层的结果最多相差 {residual}。",
    ),
    "made.batch": ("Sequences a step", "每步序列数"),
    "made.clip": ("Gradient clipped at", "梯度裁剪"),
    "made.corpus": ("Corpus", "语料"),
    "made.evaluate_every": ("Steps between looks", "评估间隔（步）"),
    "made.init_in_words": ("Initialisation", "初始化"),
    "made.lr": ("Learning rate", "学习率"),
    "made.lr_choice": ("Chosen as", "选择方式"),
    "made.lr_grid": ("Learning rates tried", "尝试过的学习率"),
    "made.max_steps": ("Most training steps", "最多训练步数"),
    "made.optimiser": ("Optimiser", "优化器"),
    "made.seconds": ("Seconds of training", "训练用时（秒）"),
    "made.steps": ("Training steps", "训练步数"),
    "made.stop_in_words": ("Stops", "停止条件"),
    "made.torch": ("torch version", "torch 版本"),
    "about.task": ("Task", "任务"),
    "about.seed": ("Seed shown", "所示种子"),
    "about.device": ("Computed on", "计算设备"),
    "about.hash": ("Checkpoint", "检查点"),
}

_MEMORY: dict[str, tuple[str, str]] = {
    "page.memory": ("Memory lab", "记忆实验"),
    "memory.lead": (
        "What does each network still know of what it has read, for how long, and who wrote it? "
        "Everything below is measured on the sequence chosen above, by the models of the first "
        "page.",
        "每个网络对读过的内容还记得多少、记得多久、是谁写下的？"
        "下面的一切都用首页的模型、在上方所选的序列上测得。",
    ),
    "memory.cut": (
        "This sequence has {length} steps. The lab reads the first {limit}, since its cost grows "
        "with the square of the length.",
        "这个序列有 {length} 步。计算量随长度的平方增长，因此本页只读前 {limit} 步。",
    ),
    "memory.too-short": (
        "This sequence has one step, so there is nothing to remember. Choose a longer one.",
        "这个序列只有一步，没有可以记住的内容。请选择更长的序列。",
    ),
    "memory.failed": (
        "This part cannot be computed for this model and sequence, so it is left out.",
        "这个模型和序列无法计算这一部分，因此略去。",
    ),
    "memory.csv": ("Numbers (CSV)", "数据（CSV）"),
    "memory.html": ("Figure (HTML)", "图（HTML）"),
    "memory.svg": ("Picture (SVG)", "图片（SVG）"),
    "memory.svg-help": (
        "The figure as you see it now, as a drawing that stays sharp at every size.",
        "当前所见的图，保存为矢量图，放大后依然清晰。",
    ),
    "memory.html-help": (
        "The figure as a page that zooms in any browser, without a network; about 5 MB. The camera "
        "on that page saves an SVG.",
        "把这张图保存为网页，在任何浏览器中都能缩放，不需要网络；约 5 MB。"
        "该网页上的相机按钮可保存 SVG。",
    ),
    "memory.csv-help": (
        "The numbers that this figure draws. The camera in the figure's corner saves its picture.",
        "这张图所画的数据。图右上角的相机按钮可保存图片。",
    ),
    "memory.means": ("What it says:", "它说明什么："),
    "memory.not": ("What it does not say:", "它不说明什么："),
    "memory.source": ("{task}, {example}, {steps} steps", "{task}，{example}，{steps} 步"),
    "memory.source-seed": ("example of seed {seed}", "种子 {seed} 的例子"),
    "memory.source-typed": ("your sequence", "您的序列"),
    "memory.source-models": ("models of training seed {seeds}", "训练种子 {seeds} 的模型"),
    "memory.source-separate": ("{cell} {seed}", "{cell} {seed}"),
    "memory.model": ("Model", "模型"),
    "memory.working": ("Computing…", "正在计算……"),
    "memory.unit.scaled": ("spreads of the state", "状态的离散单位"),
    "memory.unit.output": ("nats", "纳特"),
    "memory.unit.ratio": ("ratio to its own step", "与该步自身之比"),
    "memory.unit.left": ("what is left of it", "留下的量"),
    "memory.axis.delay": ("delay (steps, log)", "延迟（步，对数）"),
    "memory.axis.accuracy": ("right answers", "答对的比例"),
    "memory.axis.time": ("time (step)", "时间（步）"),
    "memory.axis.changed": ("changed at (step)", "改动于（步）"),
    "memory.axis.input": ("input at (step)", "输入于（步）"),
    "memory.axis.written": ("written at (step)", "写入于（步）"),
    "memory.axis.unit": ("unit", "单元"),
    "memory.axis.age": ("age (steps ago)", "年龄（步以前）"),
    "memory.axis.share": ("share", "份额"),
    "memory.axis.logit": ("added to the logit", "对 logit 的贡献"),
    "memory.axis.path": ("share of the difference", "占差异的份额"),
    "memory.axis.rank": ("units, slowest first", "单元，由慢到快"),
    "memory.axis.half": ("half-life (steps, log)", "半衰期（步，对数）"),
    "memory.axis.left": ("left by the gates", "门留下的份额"),
    "memory.axis.saturation-x": ("shut: share of steps below {low}", "关闭：低于 {low} 的步数比例"),
    "memory.axis.saturation-y": (
        "open: share of steps above {high}",
        "打开：高于 {high} 的步数比例",
    ),
    # 1
    "memory.recall.title": ("1 · Can it still say it?", "1 · 它还说得出来吗？"),
    "memory.recall.figure": ("Right answers against delay", "答对的比例与延迟"),
    "memory.recall.means": (
        "How often each network answers right when it is asked so many steps after the flag.",
        "标记之后隔这么多步再提问时，各网络答对的比例。",
    ),
    "memory.recall.not": (
        "It does not say what a kind of cell could remember, only what these models learnt to.",
        "它不说明某种细胞能够记住什么，只说明这些模型学会了记住什么。",
    ),
    "memory.recall.note": (
        "thin lines: scores recorded after training, one line a seed; diamonds: measured now, "
        "{share} confidence interval",
        "细线：训练后记录的成绩，每个种子一条；菱形：现在测得，{share} 置信区间",
    ),
    "memory.recall.note-recorded": (
        "scores recorded after training on new sequences, one line a seed",
        "训练后在新序列上记录的成绩，每个种子一条线",
    ),
    "memory.recall.seed": ("{cell}, seed {seed}", "{cell}，种子 {seed}"),
    "memory.recall.live": ("{cell}, measured now", "{cell}，现在测得"),
    "memory.recall.chance": ("chance {share}", "随机水平 {share}"),
    "memory.recall.trained": ("training stopped at {delay}", "训练止于 {delay}"),
    "memory.step": ("{number} step", "{number} 步"),
    "memory.steps": ("{number} steps", "{number} 步"),
    "memory.recall.at-longest": (
        "At {delay} steps, the longest delay of training, {told}",
        "延迟 {delay} 步（训练中最长）：{told}",
    ),
    "memory.recall.at": ("At {delay} steps {told}", "延迟 {delay} 步：{told}"),
    "memory.recall.guess": ("Guessing gives {chance}.", "随机猜测为 {chance}。"),
    "memory.recall.seeds": (
        "{model} answers {low} to {high} right ({seeds} seeds)",
        "{model} 答对 {low} 至 {high}（{seeds} 个种子）",
    ),
    "memory.recall.same": (
        "{model} answers {share} right ({seeds} seeds)",
        "{model} 答对 {share}（{seeds} 个种子）",
    ),
    "memory.recall.now": (
        "{model} answers {share} right (measured now)",
        "{model} 答对 {share}（现在测得）",
    ),
    "memory.recall.nothing": (
        "No scores by delay were recorded with these models. Measure them now.",
        "这些模型没有按延迟记录的成绩。请现在测量。",
    ),
    "memory.recall.measure": ("Measure now on new sequences", "用新序列现在测量"),
    "memory.recall.measure-help": (
        "Draws {sequences} new sequences for each delay, up to twice the longest of training and "
        "beyond. What is measured is kept.",
        "每个延迟抽取 {sequences} 个新序列，直到超过训练最长延迟的两倍。测得的结果会保留。",
    ),
    "memory.recall.stop": ("Stop", "停止"),
    "memory.recall.progress": (
        "{cell}, delay {delay}: {done} of {all}",
        "{cell}，延迟 {delay}：{done}/{all}",
    ),
    "memory.recall.none": (
        "This task asks at every step and flags nothing, so no delay is defined. What applies "
        "instead: how long the prediction still depends on a character, in section 2.",
        "这个任务每一步都提问，也不标记任何符号，因此没有“延迟”可言。"
        "可以改看第 2 节：预测对某个字符的依赖能持续多久。",
    ),
    # 2
    "memory.change.title": ("2 · Change one token", "2 · 改动一个符号"),
    "memory.change.choose": ("Which token is changed?", "改动哪一个符号？"),
    "memory.change.measure": ("Map of", "图示"),
    "memory.change.measure-output": ("the answer", "回答"),
    "memory.change.measure-scaled": ("the state", "状态"),
    "memory.change.output": ("{cell}: change of the answer", "{cell}：回答的变化"),
    "memory.change.scaled": ("{cell}: change of the state", "{cell}：状态的变化"),
    "memory.change.hover": (
        "step %{{y}} “%{{customdata}}” changed, seen at step %{{x}}",
        "改动第 %{{y}} 步“%{{customdata}}”，第 %{{x}} 步所见",
    ),
    "memory.change.note": (
        "each step changed alone and run again; one colour scale for all models; the arrow: the "
        "chosen token",
        "逐步单独改动并重新运行；所有模型共用一个色标；箭头：所选符号",
    ),
    "memory.change.lines": (
        "“{token}” at step {step} changed to “{other}”",
        "把第 {step} 步的“{token}”改成“{other}”",
    ),
    "memory.change.lines-note": (
        "dashed: the thresholds, {state} spreads of the state and {nats} nats (KL of the answer)",
        "虚线：阈值，状态 {state} 个离散单位、回答 {nats} 纳特（KL 散度）",
    ),
    "memory.change.asked-note": (
        "dotted: it is asked for at step {step}",
        "点线：第 {step} 步提问",
    ),
    "memory.change.until": (
        "{model}'s answer still depends on it after {steps} and not later",
        "{model} 的回答在 {steps}之后仍依赖它，再往后就不再依赖",
    ),
    "memory.change.end": (
        "{model}'s answer still depends on it {steps} later, at the end of the sequence",
        "{model} 的回答到序列末尾、{steps}之后仍依赖它",
    ),
    "memory.change.never": (
        "{model}'s answer never depends on it (it moves by less than {nats} nats)",
        "{model} 的回答从不依赖它（变化不到 {nats} 纳特）",
    ),
    "memory.change.threshold": (
        "“Depends” means that the answer moves by {nats} nats or more (Kullback–Leibler "
        "divergence).",
        "“依赖”指回答变化不少于 {nats} 纳特（KL 散度）。",
    ),
    "memory.change.at": (
        "Where it is asked for, at step {step}: {told}",
        "在提问的第 {step} 步：{told}",
    ),
    "memory.change.nats": (
        "{model}'s answer moves by {nats} nats",
        "{model} 的回答变化 {nats} 纳特",
    ),
    "memory.change.means": (
        "How long the network behaves differently because this token was another: memory in the "
        "plain sense.",
        "如果这个符号换成另一个，网络的行为会有多久不同：这就是通常意义上的记忆。",
    ),
    "memory.change.not": (
        "It is one replacement by one other symbol, and it does not say where the memory lies.",
        "这只是换成某一个符号的结果，也不说明记忆存放在哪里。",
    ),
    # 3
    "memory.gradient.title": (
        "3 · Local sensitivity (trainability)",
        "3 · 局部敏感度（可训练性）",
    ),
    "memory.gradient.figure": (
        "{cell}: gradient of the answer",
        "{cell}：回答的梯度",
    ),
    "memory.gradient.hover": (
        "input of step %{{y}}, answer at step %{{x}}",
        "第 %{{y}} 步的输入，第 %{{x}} 步的回答",
    ),
    "memory.gradient.note": (
        "norm of the logit's derivative (“{symbol}”) by each input, over that at its own step",
        "logit（“{symbol}”）对各步输入的导数范数，除以该步自身的值",
    ),
    "memory.gradient.result": (
        "At step {step}, {steps} after the chosen token: {told}",
        "在第 {step} 步，即所选符号之后 {steps}：{told}",
    ),
    "memory.gradient.each": (
        "{model}'s answer would move by {nats} nats, its gradient is {ratio} times that at the "
        "token's own step",
        "{model} 的回答会变化 {nats} 纳特，其梯度是该符号自身那一步的 {ratio} 倍",
    ),
    "memory.gradient.means": (
        "Whether training could still adjust what was read then: how far an infinitely small "
        "change of an earlier input still carries.",
        "训练能否还调整当时读入的内容：较早输入的无穷小变化还能影响多远。",
    ),
    "memory.gradient.not": (
        "It is not memory. A network that holds on to something keeps it safe from small changes, "
        "and just therefore its gradient vanishes.",
        "它不是记忆。牢牢记住某个内容的网络使它不受微小变化影响，正因如此梯度会消失。",
    ),
    "memory.pair.figure": (
        "{cell}: “{token}” at step {step}, changed to “{other}” against its gradient",
        "{cell}：把第 {step} 步的“{token}”改成“{other}”，与其梯度对照",
    ),
    "memory.pair.changed": ("answer (nats)", "回答（纳特）"),
    "memory.pair.gradient": ("gradient (ratio)", "梯度（比值）"),
    "memory.pair.result": (
        "Remembers while its gradient vanishes: {steps} later {model}'s answer still moves "
        "by {nats} nats when the token is changed, while its gradient has fallen to {ratio} times "
        "its first value.",
        "梯度消失而记忆仍在：{steps}之后改动该符号，{model} 的回答仍变化 {nats} 纳特，"
        "而梯度已降到最初的 {ratio} 倍。",
    ),
    "memory.pair.elsewhere": (
        "No model here still knows this token at the end while its gradient has vanished. One that "
        "does, on the task “{task}”:",
        "这里没有哪个模型到末尾仍记得这个符号而梯度已经消失。任务“{task}”中有一个这样的模型：",
    ),
    # 4
    "memory.ledger.title": (
        "4 · Who wrote what is in memory now?",
        "4 · 现在的记忆是谁写下的？",
    ),
    "memory.ledger.step": ("At step", "在第几步"),
    "memory.ledger.figure-lstm": (
        "{cell}: the cell state at step {step}, by the step that wrote it",
        "{cell}：第 {step} 步的细胞状态由哪一步写入",
    ),
    "memory.ledger.figure-gru": (
        "{cell}: the hidden state at step {step}, by the step that wrote it",
        "{cell}：第 {step} 步的隐状态由哪一步写入",
    ),
    "memory.ledger.hover": (
        "unit %{{y}}, written at step %{{x}} “%{{customdata}}”",
        "单元 %{{y}}，第 %{{x}} 步“%{{customdata}}”写入",
    ),
    "memory.ledger.note": (
        "each column is what one step wrote times the gates since then; a row sums to the state",
        "每列为某一步写入的量乘以其后的门；每行之和即状态",
    ),
    "memory.ledger.result": (
        "{model}'s memory at step {at} was written most by step {most} ({share} of the sum of "
        "sizes); what step {asked} wrote itself makes up {own}.",
        "{model} 在第 {at} 步的记忆中，第 {most} 步写入的最多（占绝对值总和的 {share}）；"
        "第 {asked} 步自己写入的占 {own}。",
    ),
    "memory.ledger.means": (
        "An exact account: what each step added to the state, and what the gates have left of it.",
        "一本精确的账：每一步给状态加了多少，门又让它留下多少。",
    ),
    "memory.ledger.not": (
        "It is bookkeeping, not causality: a late entry may be a copy of what was read long "
        "before.",
        "这是记账，不是因果：较晚写入的内容可能是很久以前所读内容的副本。",
    ),
    "memory.ledger.rnn": (
        "Plain RNN: all of its state is rewritten at each step. Nothing is carried over by a gate, "
        "so there is no such account: 100 % was written at step {at}.",
        "普通 RNN：整个状态每一步都被重写。没有门把内容带过去，因此没有这样的账："
        "100 % 写于第 {at} 步。",
    ),
    "memory.age.figure": (
        "GRU: age of the memory at step {step}",
        "GRU：第 {step} 步的记忆年龄",
    ),
    "memory.age.note": (
        "shares that sum to 1, mean over units",
        "总和为 1 的份额，对单元取平均",
    ),
    "memory.age.result": (
        "The GRU's memory at step {at} is {mean} steps old on average; in unit {unit} it is "
        "{oldest} steps old.",
        "GRU 在第 {at} 步的记忆平均有 {mean} 步的年龄；单元 {unit} 的记忆有 {oldest} 步。",
    ),
    "memory.age.means": (
        "A GRU's state is a weighted mean of all it has written, so the age of its content is a "
        "distribution.",
        "GRU 的状态是它写过的一切的加权平均，因此其内容的年龄是一个分布。",
    ),
    "memory.age.not": (
        "Young content may repeat something old; an LSTM's weights need not sum to 1, so it has "
        "no such strip.",
        "年轻的内容可能在重复旧的；LSTM 的权重之和不必为 1，所以没有这样的图。",
    ),
    "memory.logit.figure": (
        "{cell}: how the logit of “{symbol}” at step {step} adds up",
        "{cell}：第 {step} 步“{symbol}”的 logit 如何相加而成",
    ),
    "memory.logit.note": (
        "terms by the step that wrote them; the eight largest stand alone",
        "按写入的步列出各项；最大的八项单独列出",
    ),
    "memory.logit.rest": ("all other steps", "其余各步"),
    "memory.logit.bias": ("bias", "偏置"),
    "memory.logit.total": ("logit", "logit 合计"),
    "memory.logit.result": (
        "{model}'s logit of {symbol} at step {at} is {logit}; {own} of it was written by step "
        "{asked} itself.",
        "{model} 在第 {at} 步对 {symbol} 的 logit 是 {logit}；其中 {own} 由第 {asked} 步自己写入。",
    ),
    "memory.logit.means": (
        "When the evidence for this answer was written: the terms sum to the logit exactly.",
        "支持这个回答的依据是何时写下的：各项之和恰为 logit。",
    ),
    "memory.logit.not": (
        "The squashing is not linear, so this is one order of adding up, that of time.",
        "压缩函数不是线性的，因此这只是按时间先后相加的一种算法。",
    ),
    "memory.path.figure": (
        "How a change at step {step} reached step {at}",
        "第 {step} 步的改动如何到达第 {at} 步",
    ),
    "memory.path.erased": ("changed erasure", "擦除的改变"),
    "memory.path.written": ("written then, carried", "当时写入并保留"),
    "memory.path.relayed": ("relayed by later writes", "由后来的写入接力"),
    "memory.path.note": (
        "signed shares of the difference of the cell's content; each bar sums to 1",
        "细胞内容差异的带符号份额；每条之和为 1",
    ),
    "memory.path.each": (
        "in {model} {written} was written then and carried here, {relayed} was relayed by later "
        "writes and {erased} is older content that was erased differently",
        "{model} 中 {written} 是当时写入并保留至此，{relayed} 由后来的写入接力，"
        "{erased} 是更早内容的擦除有所不同",
    ),
    "memory.path.result": (
        "Of the difference that another token at step {step} makes at step {at}: {told}",
        "第 {step} 步换一个符号，在第 {at} 步造成的差异中：{told}",
    ),
    "memory.path.means": (
        "By which of three ways the other token came to be in the cell: where a little was carried "
        "and most relayed, the memory was refreshed on the way.",
        "换掉的符号通过三条途径中的哪一条进入细胞：保留得少、接力得多，说明记忆在途中被刷新。",
    ),
    "memory.path.not": (
        "Shares are signed and may exceed 1 where ways cancel; a plain RNN relays everything.",
        "份额带符号，途径相互抵消时可超过 1；普通 RNN 的一切都靠接力。",
    ),
    "memory.path.later": (
        "The chosen step {at} lies before the changed token at step {step}, where nothing differs "
        "yet. Choose a later step.",
        "所选的第 {at} 步在被改动的第 {step} 步之前，尚无任何差异。请选择更晚的一步。",
    ),
    "memory.path.same": (
        "The change makes no difference at this step, so there is nothing to divide.",
        "这一改动在这一步没有造成差异，因此无可分配。",
    ),
    # 5
    "memory.half.title": ("5 · Forgetting by design", "5 · 设计好的遗忘"),
    "memory.half.figure": ("Passive half-life of every unit", "每个单元的被动半衰期"),
    "memory.half.hover": (
        "unit %{{customdata}}: %{{y:.3g}} steps",
        "单元 %{{customdata}}：%{{y:.3g}} 步",
    ),
    "memory.half.note": (
        "from the mean logarithm of the gate that keeps: f of an LSTM, z of a GRU",
        "由保留门的对数均值求得：LSTM 为 f，GRU 为 z",
    ),
    "memory.half.each": (
        "half of {model}'s units halve their content within {median} steps and the slowest, unit "
        "{unit}, within {longest}, yet its answer depends on the chosen token for {steps}",
        "{model} 有一半单元在 {median} 步内使内容减半，最慢的单元 {unit} 为 {longest} 步，"
        "但其回答对所选符号的依赖持续 {steps}",
    ),
    "memory.half.each-alone": (
        "half of {model}'s units halve their content within {median} steps, the slowest, unit "
        "{unit}, within {longest}",
        "{model} 有一半单元在 {median} 步内使内容减半，最慢的单元 {unit} 为 {longest} 步",
    ),
    "memory.half.means": (
        "How fast the gates alone let each unit's content fade, in steps.",
        "仅凭门的作用，每个单元的内容消退得多快（以步计）。",
    ),
    "memory.half.not": (
        "It understates memory, since a network refreshes what it needs; a plain RNN has no gate "
        "and so no half-life.",
        "它低估了记忆，因为网络会刷新它需要的内容；普通 RNN 没有门，也就没有半衰期。",
    ),
    "memory.units": ("Units that matter", "重要的单元"),
    "memory.units.answer": (
        "unit {unit} adds {amount} to the answer at step {at}",
        "单元 {unit} 在第 {at} 步给回答加 {amount}",
    ),
    "memory.units.slowest": (
        "unit {unit} forgets slowest ({half} steps)",
        "单元 {unit} 遗忘最慢（{half} 步）",
    ),
    "memory.units.result": (
        "In {model} these units matter most: {told} Open one on the stage:",
        "在 {model} 中最重要的单元：{told}在舞台上打开：",
    ),
    "memory.units.open": ("Unit {unit} at step {at}", "单元 {unit}，第 {at} 步"),
    "memory.retention.figure": (
        "{cell}: what the gates alone leave of the content of step {step}",
        "{cell}：第 {step} 步的内容被门留下多少",
    ),
    "memory.retention.unit": ("unit {unit}", "单元 {unit}"),
    "memory.retention.note-lstm": (
        "product of the forget gates since then; grey: the other units",
        "其后各遗忘门之积；灰色：其余单元",
    ),
    "memory.retention.note-gru": (
        "product of the update gates since then; grey: the other units",
        "其后各更新门之积；灰色：其余单元",
    ),
    "memory.retention.result": (
        "At step {at}, {steps} later, the gates of {model} have left at least half in "
        "{count} of {units} units and at least a tenth in {tenth}.",
        "到第 {at} 步（{steps}之后），{model} 的门在 {units} 个单元中的 {count} 个留下至少一半，"
        "在 {tenth} 个留下至少十分之一。",
    ),
    "memory.saturation.figure": (
        "{cell}: how often gates are open and shut",
        "{cell}：门有多常打开与关闭",
    ),
    "memory.saturation.hover": (
        "unit %{{customdata}}: shut %{{x:.0%}}, open %{{y:.0%}}",
        "单元 %{{customdata}}：关闭 %{{x:.0%}}，打开 %{{y:.0%}}",
    ),
    "memory.saturation.each": (
        "the {gate} is open {open} and shut {shut}",
        "{gate}打开 {open}，关闭 {shut}",
    ),
    "memory.saturation.result": (
        "Of all steps and units (open: above {high}, shut: below {low}): {told}",
        "在所有时间步和单元中（打开：高于 {high}，关闭：低于 {low}）：{told}",
    ),
    "memory.saturation.means": (
        "A dot in the upper left is a gate that always lets through, one in the lower right a gate "
        "that never does.",
        "左上角的点是始终放行的门，右下角的点是从不放行的门。",
    ),
    "memory.saturation.not": (
        "It does not say what a gate reacts to; open it on the stage for that.",
        "它不说明门对什么作出反应；请在舞台上打开查看。",
    ),
    "memory.no-gates": (
        "Plain RNN: it has no gates, so nothing here applies to it.",
        "普通 RNN：没有门，因此这里的内容不适用于它。",
    ),
    # 6
    "memory.expert.title": (
        "6 · For experts: dynamics (computed when opened)",
        "6 · 专家：动力学（打开时计算）",
    ),
    "memory.axis.exponent-rank": ("exponent, largest first", "指数，由大到小"),
    "memory.axis.exponent": ("nats per step", "纳特/步"),
    "memory.axis.pc": ("principal direction {number}", "主方向 {number}"),
    "memory.axis.real": ("real part", "实部"),
    "memory.axis.imaginary": ("imaginary part", "虚部"),
    "memory.lyapunov.figure": ("Lyapunov exponents", "李雅普诺夫指数"),
    "memory.lyapunov.note": (
        "of the whole state along this sequence: h, and c of an LSTM",
        "整个状态沿此序列的指数：h，LSTM 还有 c",
    ),
    "memory.lyapunov.shrinks": (
        "small changes of {model}'s state shrink: its largest exponent is {top} nats a step, so "
        "they halve in {steps} steps",
        "{model} 的状态的微小变化会缩小：最大指数为每步 {top} 纳特，即 {steps} 步减半",
    ),
    "memory.lyapunov.grows": (
        "small changes of {model}'s state grow: its largest exponent is {top} nats a step, so they "
        "double in {steps} steps",
        "{model} 的状态的微小变化会放大：最大指数为每步 {top} 纳特，即 {steps} 步翻倍",
    ),
    "memory.lyapunov.means": (
        "At which rates small changes of the state grow or shrink in the long run.",
        "状态的微小变化长期以什么速率放大或缩小。",
    ),
    "memory.lyapunov.not": (
        "A short sequence gives a rough mean, and small changes are not memory (section 3).",
        "短序列只给出粗略的平均；微小变化也不是记忆（见第 3 节）。",
    ),
    "memory.plane.figure": (
        "{cell}: path of the state and where it would rest",
        "{cell}：状态的轨迹与它会停在哪里",
    ),
    "memory.plane.path": ("path of the state", "状态的轨迹"),
    "memory.plane.stable": ("stable fixed point", "稳定不动点"),
    "memory.plane.unstable": ("unstable fixed point", "不稳定不动点"),
    "memory.plane.note": (
        "the two directions in which h varies most; fixed points for the mean input of this "
        "sequence",
        "h 变化最大的两个方向；不动点对应此序列的平均输入",
    ),
    "memory.plane.search": ("Search for fixed points", "寻找不动点"),
    "memory.plane.progress": (
        "Searching for fixed points: {done} of {all} starts",
        "正在寻找不动点：{done}/{all} 个起点",
    ),
    "memory.plane.result": (
        "{model}'s hidden state moves in about {ratio} dimensions (participation ratio); this "
        "plane holds {shown} of its variance. Fixed points found from {starts} starts: {points}, "
        "of which stable: {stable}, outside the picture: {outside}.",
        "{model} 的隐状态大约在 {ratio} 个维度中运动（参与比）；此平面包含其方差的 {shown}。"
        "从 {starts} 个起点找到的不动点：{points} 个，"
        "其中稳定的 {stable} 个，图外的 {outside} 个。",
    ),
    "memory.plane.means": (
        "Where the state would stay if the network read the mean input for ever: latched symbols "
        "show as several stable points.",
        "如果网络一直读取平均输入，状态会停在哪里：锁存的符号表现为多个稳定点。",
    ),
    "memory.plane.not": (
        "Others may exist: Newton's method finds those near its starts only. Points far from the "
        "path may look near in a plane.",
        "可能还有别的点：牛顿法只能找到起点附近的。离轨迹很远的点在平面上也可能看起来很近。",
    ),
    "memory.eigenvalues.figure": (
        "{cell}: eigenvalues of the recurrent matrices",
        "{cell}：循环矩阵的特征值",
    ),
    "memory.eigenvalues.note": ("dashed: the circle of size 1", "虚线：模为 1 的圆"),
    "memory.eigenvalues.each": (
        "recurrent matrix of the {gate}: spectral radius {radius}, norm {norm}",
        "{gate}的循环矩阵：谱半径 {radius}，范数 {norm}",
    ),
    "memory.eigenvalues.means": (
        "The spectral radius is the rate of growth in the long run, the norm the most in one step.",
        "谱半径是长期的增长率，范数是一步之内的最大增长。",
    ),
    "memory.eigenvalues.not": (
        "It leaves out gates and squashing, so it does not say whether the network forgets.",
        "它没有考虑门和压缩函数，因此不说明网络是否会遗忘。",
    ),
}

_UNITS: dict[str, tuple[str, str]] = {
    "page.units": ("Units", "单元"),
    "units.title": ("Which units matter?", "哪些单元重要？"),
    "units.lead-accuracy": (
        "Hold one signal of one unit still through the whole sequence: how many right answers "
        "does that cost? Each square is one such experiment, on the same {sequences} new "
        "sequences: the deeper the orange, the more that unit matters.",
        "在整个序列中把某个单元的一个信号固定不变：会少答对多少题？"
        "每个方格是一次这样的实验，用的是同样的 {sequences} 个新序列；橙色越深，这个单元越重要。",
    ),
    "units.lead-loss": (
        "Hold one signal of one unit still through the whole text: how much worse does the "
        "network predict? Each square is one such experiment, on the same {sequences} new pieces "
        "of text: the deeper the orange, the more that unit matters.",
        "在整段文本中把某个单元的一个信号固定不变：预测会变差多少？"
        "每个方格是一次这样的实验，用的是同样的 {sequences} 段新文本；橙色越深，这个单元越重要。",
    ),
    "units.clamp": ("Hold it at", "固定为"),
    "units.choose-mean": ("its mean", "平均值"),
    "units.choose-0.0": ("0", "0"),
    "units.choose-1.0": ("1", "1"),
    "units.clamp-mean": ("its mean", "其平均值"),
    "units.clamp-mean-number": ("its mean ({value})", "其平均值（{value}）"),
    "units.clamp-number": ("{value}", "{value}"),
    "units.measure": ("Cost in", "代价按"),
    "units.choose-accuracy": ("right answers", "答对的比例"),
    "units.choose-loss": ("bits", "比特"),
    "units.progress": (
        "Clamping one unit after the other: {share} measured",
        "正在逐个固定单元：已测 {share}",
    ),
    "units.stop": ("Stop", "停止"),
    "units.go-on": ("Go on measuring", "继续测量"),
    "units.stopped": (
        "Stopped at {share}. What is measured is kept and shown.",
        "已停在 {share}。测得的结果会保留并显示。",
    ),
    "units.source": (
        "{task}, {sequences} new sequences of seed {seed}, model of training seed {trained}",
        "{task}，种子 {seed} 的 {sequences} 个新序列，训练种子 {trained} 的模型",
    ),
    "units.source-delay": (
        "{task}, model of training seed {trained}",
        "{task}，训练种子 {trained} 的模型",
    ),
    "units.map-accuracy": (
        "{cell}: points lost when one signal is held at {clamp}",
        "{cell}：把一个信号固定为{clamp}时失去的百分点",
    ),
    "units.map-loss": (
        "{cell}: extra bits per answer when one signal is held at {clamp}",
        "{cell}：把一个信号固定为{clamp}时每个回答多出的比特",
    ),
    "units.map-note": (
        "{shown} of {all} units, the most costly on top; blue: it answers better without",
        "{all} 个单元中的 {shown} 个，代价最大的在上；蓝色：没有它反而答得更好",
    ),
    "units.map-note-part": (
        "{shown} of the {all} units measured so far; blue: it answers better without",
        "已测 {all} 个单元中的 {shown} 个；蓝色：没有它反而答得更好",
    ),
    "units.axis.unit": ("unit", "单元"),
    "units.bar-accuracy": ("points lost", "失去的百分点"),
    "units.bar-loss": ("extra bits", "多出的比特"),
    "units.hover": (
        "{signal} {symbol} of unit {unit} held at {clamp}",
        "单元 {unit} 的{signal} {symbol} 固定为{clamp}",
    ),
    "units.cost-accuracy": (
        "{cost} points lost (95 %: {low} to {high})",
        "失去 {cost} 个百分点（95 %：{low} 至 {high}）",
    ),
    "units.cost-loss": (
        "{cost} extra bits an answer (95 %: {low} to {high})",
        "每个回答多 {cost} 比特（95 %：{low} 至 {high}）",
    ),
    "units.label": (
        "{place}. {signal} {symbol}, unit {unit}: {told}",
        "{place}. 单元 {unit} 的{signal} {symbol}：{told}",
    ),
    "units.head-signal": ("held still", "固定的信号"),
    "units.head-unit": ("unit", "单元"),
    "units.head-interval": ("95 % interval", "95 % 区间"),
    "units.interval": ("{low} to {high}", "{low} 至 {high}"),
    "units.dearest-accuracy": (
        "Clamping the {signal} of unit {unit} to {clamp} costs {model} {cost} points of its right "
        "answers (95 % interval {low} to {high}).",
        "把单元 {unit} 的{signal}固定为{clamp}后，{model} 少答对 {cost} 个百分点"
        "（95 % 区间 {low} 至 {high}）。",
    ),
    "units.dearest-loss": (
        "Clamping the {signal} of unit {unit} to {clamp} costs {model} {cost} more bits an answer "
        "(95 % interval {low} to {high}).",
        "把单元 {unit} 的{signal}固定为{clamp}后，{model} 每个回答多用 {cost} 比特"
        "（95 % 区间 {low} 至 {high}）。",
    ),
    "units.nothing-accuracy": (
        "No single clamp costs {model} one point of its right answers.",
        "{model}：没有哪一次固定会少答对一个百分点。",
    ),
    "units.nothing-loss": (
        "No single clamp costs {model} a hundredth of a bit.",
        "{model}：没有哪一次固定会多用百分之一比特。",
    ),
    "units.idle-some-accuracy": (
        "{idle} of {all} units cost less than one point whatever is clamped: they do not matter "
        "alone.",
        "{all} 个单元中有 {idle} 个无论固定哪个信号，代价都不到一个百分点：它们单独来看不重要。",
    ),
    "units.idle-one-accuracy": (
        "{idle} of {all} units costs less than one point whatever is clamped: it does not matter "
        "alone.",
        "{all} 个单元中有 {idle} 个无论固定哪个信号，代价都不到一个百分点：它单独来看不重要。",
    ),
    "units.idle-none-accuracy": (
        "Each of the {all} units costs at least one point.",
        "{all} 个单元中每一个的代价都至少是一个百分点。",
    ),
    "units.idle-some-loss": (
        "{idle} of {all} units cost less than a hundredth of a bit whatever is clamped: they do "
        "not matter alone.",
        "{all} 个单元中有 {idle} 个无论固定哪个信号，代价都不到百分之一比特：它们单独来看不重要。",
    ),
    "units.idle-one-loss": (
        "{idle} of {all} units costs less than a hundredth of a bit whatever is clamped: it does "
        "not matter alone.",
        "{all} 个单元中有 {idle} 个无论固定哪个信号，代价都不到百分之一比特：它单独来看不重要。",
    ),
    "units.idle-none-loss": (
        "Each of the {all} units costs at least a hundredth of a bit.",
        "{all} 个单元中每一个的代价都至少是百分之一比特。",
    ),
    "units.little-to-lose": (
        "Left alone it answers only {base} right (guessing gives {chance}), so there is little to "
        "lose.",
        "不作改动时它也只答对 {base}（随机猜测为 {chance}），所以没有多少可以失去。",
    ),
    "units.means": (
        "How much the answers rely on this one signal of this one unit, while all others go on as "
        "they learnt.",
        "在其他部分照常工作时，回答在多大程度上依赖这个单元的这个信号。",
    ),
    "units.not": (
        "Units are clamped one at a time: where several do the same work, each alone seems idle. "
        "A cost is known to a few points only, as its interval says, and the top of a long list is "
        "partly luck.",
        "单元是逐个固定的：如果几个单元做同样的工作，单独看每一个都像是闲着。"
        "如区间所示，代价只能精确到几个百分点；长名单的榜首也有运气成分。",
    ),
    "units.all": ("Show all {all} units", "显示全部 {all} 个单元"),
    "units.choose": (
        "Choose a square of the map, or here by rank",
        "点击图中的方格，或在此按名次选择",
    ),
    "units.choose-listed": ("Choose one by rank", "按名次选择"),
    "units.chosen": (
        "The {signal} of unit {unit} held at {clamp}: right answers go from {before} to {after}, "
        "{accuracy}; the loss goes from {bits} to {bits_after} bits an answer, {loss}.",
        "单元 {unit} 的{signal}固定为{clamp}：答对的比例从 {before} 变为 {after}，{accuracy}；"
        "损失从每个回答 {bits} 比特变为 {bits_after} 比特，{loss}。",
    ),
    "units.open": ("Open on the stage", "在舞台上打开"),
    "units.open-help": (
        "Steps through the example with unit {unit} clamped like this.",
        "在单元 {unit} 这样固定的情况下，逐步查看例子。",
    ),
    "units.untouched": ("left alone", "不作改动"),
    "units.clamped": ("clamped", "固定后"),
    "units.delay-figure": (
        "{cell}: recall with the {signal} of unit {unit} held at {clamp}",
        "{cell}：单元 {unit} 的{signal}固定为{clamp}时的回忆",
    ),
    "units.delay-note": (
        "{sequences} other sequences at each delay, 95 % confidence intervals",
        "每个延迟另取 {sequences} 个序列，95 % 置信区间",
    ),
    "units.delay-nothing": (
        "On other sequences, no delay loses one point.",
        "在另外的序列上，没有哪个延迟失去一个百分点。",
    ),
    "units.delay-worst": (
        "On other sequences, most is lost at a delay of {delay}: {after} right ({low} to {high}) "
        "instead of {before}. At delay {shortest}, {lost} points are lost.",
        "在另外的序列上，延迟 {delay} 步时失去最多：答对 {after}（{low} 至 {high}），"
        "原来是 {before}。延迟 {shortest} 步时失去 {lost} 个百分点。",
    ),
    "units.csv-help": (
        "Every clamp with its costs and their 95 % intervals.",
        "每一次固定的代价及其 95 % 区间。",
    ),
}

_TAKE: dict[str, tuple[str, str]] = {
    "player.no-script": (
        "This page steps through a recurrent network in your browser. Allow it to run JavaScript; "
        "it loads nothing from the network.",
        "这个页面在您的浏览器中逐步展示循环神经网络。请允许它运行 JavaScript；"
        "它不会从网络加载任何内容。",
    ),
    "player.old-browser": (
        "This page needs a browser of 2023 or later.",
        "这个页面需要 2023 年或更新的浏览器。",
    ),
    "player.rounded": (
        "Numbers in this file are rounded to {digits} digits; the app and its NPZ files have all.",
        "本文件中的数值保留 {digits} 位有效数字；本应用及其 NPZ 文件保留全部位数。",
    ),
    "player.layer": ("{model} layer {layer}", "{model} 第 {layer} 层"),
    "player.fewer-steps": (
        "The first {shown} of {steps} steps are shown.",
        "这里显示 {steps} 步中的前 {shown} 步。",
    ),
    "player.fewer-units": (
        "{model}: the first {shown} of up to {units} units a layer are shown.",
        "{model}：每层最多 {units} 个单元，这里显示前 {shown} 个。",
    ),
    "take.title": ("Take it away", "带走"),
    "take.about": (
        "What the unchanged models did with this sequence, as files with the exact numbers, and "
        "the lines of Python that make them again.",
        "未经改动的模型读这个序列的全部过程，保存为文件，数值原样不变；"
        "下面几行 Python 可以重新得到它们。",
    ),
    "take.stage": ("This stage as one HTML file", "整个舞台（一个 HTML 文件）"),
    "take.stage-help": (
        "Opens in any browser, without a network and without this app, and steps there as it does "
        "here, without your changes. Put it in a lesson, or send it to a colleague.",
        "用任何浏览器都能打开，不需要网络，也不需要本应用，可以像这里一样步进（不含您的改动）。"
        "适合放进课件或发给同事。",
    ),
    "take.npz-help": (
        "Every signal and weight of the {model}, for numpy.load and lstm_core.Trace.load.",
        "{model}的全部信号和权重，可用 numpy.load 或 lstm_core.Trace.load 读取。",
    ),
    "take.csv-help": (
        "Every signal of the {model} as a table: one row for each layer, step, unit and signal.",
        "{model}的全部信号，以表格形式：每一行是一个层、时间步、单元和信号的数值。",
    ),
    "take.parquet-help": (
        "The same table of the {model}, smaller and typed, for pandas, Polars and DuckDB.",
        "{model}的同一张表，更小且带类型，可用 pandas、Polars 或 DuckDB 读取。",
    ),
    "take.python": ("The same in Python", "在 Python 中得到同样的结果"),
    "take.python-here": (
        "The same in Python; run it in the folder with your files",
        "在 Python 中得到同样的结果；请在您的文件所在的文件夹中运行",
    ),
    "command.about": (
        "Take traces out of Python: a stage that steps in any browser, a figure, or a table.",
        "把轨迹（trace）带出 Python：可在任何浏览器中步进的舞台、一张图，或一张表。",
    ),
    "command.after": (
        "A trace is written by lstm_core.trace(...).save(path), or from files by\n"
        "python -m lstm_core trace MODEL DATA -o run.npz\n"
        "exit status: 0 done, 1 a file cannot be read or written, 2 wrong usage",
        "轨迹文件由 lstm_core.trace(...).save(路径) 写出，也可由文件得到：\n"
        "python -m lstm_core trace MODEL DATA -o run.npz\n"
        "退出状态：0 完成，1 文件无法读取或写入，2 用法错误",
    ),
    "command.examples": ("examples:", "示例："),
    "command.stage": (
        "one HTML file that steps through traces, without a network",
        "生成一个 HTML 文件，无需网络即可步进查看",
    ),
    "command.figure": (
        "a picture of every signal, or of one: .html, .png or .svg",
        "画出全部信号或其中一个：.html、.png 或 .svg",
    ),
    "command.table": (
        "one row for every number of every signal: .csv or .parquet",
        "每个信号的每个数值占一行：.csv 或 .parquet",
    ),
    "command.is-model": (
        "{file} is a model, not a trace. First let it read something: "
        "python -m lstm_core trace {file} DATA -o {out}",
        "{file} 是模型，不是轨迹。请先让它读取数据：python -m lstm_core trace {file} DATA -o {out}",
    ),
    "command.no-trace": (
        "{reason}. A trace is what python -m lstm_core trace MODEL DATA -o run.npz writes.",
        "{reason}。轨迹文件由 python -m lstm_core trace MODEL DATA -o run.npz 写出。",
    ),
    "command.trace": ("a trace in an NPZ file", "NPZ 轨迹文件"),
    "command.traces": (
        "traces of the same sequence in NPZ files, called by their names",
        "同一序列的 NPZ 轨迹文件，以文件名命名",
    ),
    "command.out": ("the file to write", "要写入的文件"),
    "command.language": ("the language of its words; default: en", "文字的语言；默认 en"),
    "command.theme": (
        "auto follows the reader's system; default: auto",
        "auto 跟随读者的系统；默认 auto",
    ),
    "command.title": (
        "the heading; default: the names of the files",
        "标题；默认使用各文件的名称",
    ),
    "command.signal": (
        "a signal such as f, or a pre-activation such as z_f; default: all signals",
        "一个信号，例如 f，或激活前的值，例如 z_f；默认全部信号",
    ),
    "command.layer": (
        "counted from 0; -1, the default, is the last",
        "从 0 数起；默认 -1，即最后一层",
    ),
    "command.reverse": ("the direction that reads backwards", "反向读取的那个方向"),
    "command.dark": ("for a dark page", "用于深色页面"),
    "command.error": ("error: {reason}", "错误：{reason}"),
    "command.no-kaleido": (
        "a .{kind} needs a package that is not installed: pip install kaleido. A .html needs "
        "nothing more.",
        "写出 .{kind} 需要尚未安装的软件包：pip install kaleido。写出 .html 则不需要。",
    ),
    "command.no-browser": (
        "a .{kind} needs Chrome or Chromium, and none could be started: install one, or set "
        "BROWSER_PATH to its program. A .html needs nothing more.",
        "写出 .{kind} 需要 Chrome 或 Chromium，但未能启动：请安装，或将 BROWSER_PATH 设为其程序。"
        "写出 .html 则不需要。",
    ),
}

_OWN: dict[str, tuple[str, str]] = {
    "page.own": ("Your model", "您的模型"),
    "own.title": ("See every gate of your own model", "查看您自己模型的每一个门"),
    "own.lead-page": (
        "Drop a file with a trained LSTM, GRU or RNN. The page finds its recurrent layers, runs "
        "them on your data and shows what every gate of every unit did at every step. No code.",
        "放入一个训练好的 LSTM、GRU 或 RNN 文件。本页会找出其中的循环层，用您的数据运行，"
        "并显示每个单元的每个门在每一步做了什么。无需写代码。",
    ),
    "own.how": ("How to save one", "如何保存模型"),
    "own.first": ("**No file at hand?**", "**手边没有文件？**"),
    "own.example": ("Try an example", "试一个例子"),
    "own.example-help": (
        "A small LSTM that learnt to say the next character of Python code, reading code that it "
        "has not seen.",
        "一个学会预测 Python 代码下一个字符的小型 LSTM，正在读一段它没见过的代码。",
    ),
    "own.drop": ("Model file", "模型文件"),
    "own.upload": ("Choose a file", "选择文件"),
    "own.upload-limit": ("or drop it here, up to {limit} MB", "或拖到这里，最大 {limit} MB"),
    "own.upload-most": ("up to {limit} MB", "最大 {limit} MB"),
    "own.upload-here": ("Drop it here", "放到这里"),
    "own.upload-large": (
        "Not taken: a file may have {limit} MB at most.",
        "没有接收：文件最大 {limit} MB。",
    ),
    "own.drop-help": (
        "PyTorch (.pt, .pth, .ckpt), safetensors, Keras (.keras, .weights.h5) or ONNX, up to "
        "{limit} MB. Recognised by its content. Nothing in it is executed.",
        "PyTorch（.pt、.pth、.ckpt）、safetensors、Keras（.keras、.weights.h5）或 ONNX，"
        "最大 {limit} MB。按内容识别，不会执行其中的任何代码。",
    ),
    "own.private": (
        "Your files stay in this session's memory. Nobody else sees them, nothing is stored, and "
        "they go when you close the tab.",
        "您的文件只保存在本次会话的内存中。别人看不到，不会存盘，关闭标签页后即消失。",
    ),
    "own.reading": ("Reading the model…", "正在读取模型……"),
    "own.running": ("Running the model…", "正在运行模型……"),
    "own.stays": (
        "What was loaded before is still shown.",
        "仍然显示之前载入的内容。",
    ),
    "own.failed": (
        "This cannot be read ({kind}).",
        "无法读取（{kind}）。",
    ),
    "own.file": ("**1 · Model** {name} · {kind}", "**1 · 模型** {name} · {kind}"),
    "own.kind.checkpoint": ("checkpoint of this program", "本程序的检查点"),
    "own.kind.torch": ("PyTorch file", "PyTorch 文件"),
    "own.kind.safetensors": ("safetensors file", "safetensors 文件"),
    "own.kind.keras": ("Keras file", "Keras 文件"),
    "own.kind.onnx": ("ONNX file", "ONNX 文件"),
    "own.stack": ("{count} recurrent stacks were found; show", "找到 {count} 组循环层；显示"),
    "own.nameless": ("stack {number}", "第 {number} 组"),
    "own.stack-one": ("{cell}, 1 layer of {units} units", "{cell}，1 层，{units} 个单元"),
    "own.stack-uneven": (
        "{cell}, {layers} layers of {units} units",
        "{cell}，{layers} 层，各有 {units} 个单元",
    ),
    "own.stack-many": (
        "{cell}, {layers} layers of {units} units",
        "{cell}，{layers} 层，每层 {units} 个单元",
    ),
    "own.both": ("both directions", "双向"),
    "own.projected": ("state projected to {size}", "状态投影到 {size} 维"),
    "own.width": ("reads {count} numbers a step", "每步读 {count} 个数"),
    "own.width-one": ("reads 1 number a step", "每步读 1 个数"),
    "own.parameters": ("{count} parameters", "{count} 个参数"),
    "own.gates": (
        "The file packs the gates in the order {order}.",
        "文件中门的排列顺序为 {order}。",
    ),
    "own.embedding": (
        "Symbols are looked up in the embedding {name}, {rows} rows.",
        "符号经嵌入层 {name}（{rows} 行）转换。",
    ),
    "own.head": (
        "The layer after it, {name}, gives {rows} outputs a step.",
        "其后的层 {name} 每步给出 {rows} 个输出。",
    ),
    "own.symbols-from": (
        "The {count} symbols are those of {name}.",
        "{count} 个符号取自 {name}。",
    ),
    "own.found-none": ("What was found", "找到了什么"),
    "own.found": ("What was found · 1 remark", "找到了什么 · 1 条说明"),
    "own.found-many": ("What was found · {count} remarks", "找到了什么 · {count} 条说明"),
    "own.nothing-left-out": ("Nothing was left out.", "没有略去任何内容。"),
    "own.another": ("Another model", "换一个模型"),
    "own.forget": ("Forget my files", "清除我的文件"),
    "own.vocabulary": ("Vocabulary", "词表"),
    "own.vocabulary-drop": ("Vocabulary file", "词表文件"),
    "own.vocabulary-help": (
        "The {count} symbols that the model reads, in the order of their ids: a JSON list, a JSON "
        "table from symbol to id, a tokenizer.json, a Keras Tokenizer as JSON, or a text with one "
        "symbol a line. With it you can type text.",
        "模型所读的 {count} 个符号，按编号排列：JSON 列表、符号到编号的 JSON 表、tokenizer.json、"
        "JSON 格式的 Keras Tokenizer，或每行一个符号的文本。有了它就可以直接输入文字。",
    ),
    "own.source": ("**2 · What it reads**", "**2 · 输入**"),
    "own.source.noise": ("Noise", "噪声"),
    "own.source.noise-tokens": ("Random symbols", "随机符号"),
    "own.source.impulse": ("Impulse", "脉冲"),
    "own.source.typed": ("Typed text", "输入文字"),
    "own.source.typed-ids": ("Typed ids", "输入编号"),
    "own.source.file": ("Data file", "数据文件"),
    "own.about.noise": (
        "Independent numbers of a normal distribution, mean 0 and variance 1: no data needed.",
        "均值为 0、方差为 1 的独立正态分布随机数：无需数据。",
    ),
    "own.about.noise-tokens": (
        "Symbols drawn at random, all equally likely: no data needed.",
        "等概率随机抽取的符号：无需数据。",
    ),
    "own.about.impulse": (
        "Zeros, and every number is 1 at step {step} only: what it sets off is the model's own.",
        "全为零，只有第 {step} 步的每个数为 1：之后的反应都来自模型自身。",
    ),
    "own.steps": ("Steps", "步数"),
    "own.type": ("Text", "文字"),
    "own.type-ids": ("Symbol ids, separated by blanks", "符号编号，用空格分隔"),
    "own.type-something": (
        "Type something and press Run.",
        "输入内容后点击“运行”。",
    ),
    "own.cut-input": (
        "The first {shown} of {steps} steps are read.",
        "只读取 {steps} 步中的前 {shown} 步。",
    ),
    "own.input.empty": ("Type at least one symbol.", "请至少输入一个符号。"),
    "own.input.unknown-symbols": (
        "This model does not know {symbols}: {count} in all, the first at character {place}. "
        "Choose above what becomes of them.",
        "这个模型不认识 {symbols}：共 {count} 处，第一处在第 {place} 个字符。"
        "请在上方选择如何处理。",
    ),
    "own.input.needs-ids": (
        "This tokenizer splits words by {rules} rules, which are not computed here. Give token "
        "ids, from tokenizer.encode(text).ids.",
        "这个分词器按 {rules} 规则切分词语，这里不做这种计算。"
        "请提供编号，取自 tokenizer.encode(text).ids。",
    ),
    "own.input.tokenizer-characters": (
        "How a tokenizer splits {symbols} depends on its version of Unicode. Give token ids, from "
        "tokenizer.encode(text).ids.",
        "分词器如何切分 {symbols} 取决于其 Unicode 版本。"
        "请提供编号，取自 tokenizer.encode(text).ids。",
    ),
    "own.input.no-unknown-token": (
        "The vocabulary has no token for unknown symbols, such as <unk>.",
        "词表中没有代表未知符号的标记，如 <unk>。",
    ),
    "own.tokenizer": (
        "Split by the rules of the tokenizer file, marks such as [CLS] included.",
        "按分词器文件的规则切分，包括 [CLS] 等标记。",
    ),
    "own.tokenizer.keras": (
        "Split by the rules of the Keras Tokenizer; words that it does not know are left out or "
        "read as its token for them.",
        "按 Keras Tokenizer 的规则切分；它不认识的词会略去，或读作它为此设的标记。",
    ),
    "own.input.bad-ids": (
        "The model's ids are whole numbers from 0 to {limit}; it has no {symbols}. To read text, "
        "bring its vocabulary.",
        "模型的编号是 0 到 {limit} 的整数；没有 {symbols}。如要读取文字，请提供词表。",
    ),
    "own.input.other": ("This input cannot be read: {reason}", "无法读取这个输入：{reason}"),
    "own.data-drop": ("Data file", "数据文件"),
    "own.data-help": (
        "CSV or TSV, text, NPY, NPZ, JSON, Parquet or WAV, up to {limit} MB. One row is one step.",
        "CSV 或 TSV、文本、NPY、NPZ、JSON、Parquet 或 WAV，最大 {limit} MB。一行为一步。",
    ),
    "own.data-reading": ("Reading the data…", "正在读取数据……"),
    "own.data-how": ("How it was read", "如何读取"),
    "own.data-another": ("Another file", "换一个文件"),
    "own.data-preview": ("The first rows", "前几行"),
    "own.data-table": ("rows: {rows}, columns: {columns}", "{rows} 行，{columns} 列"),
    "own.data-texts": ("texts: {count}", "{count} 段文字"),
    "own.data-texts-one": ("one text", "一段文字"),
    "own.data-sequences": ("sequences: {count}", "{count} 个序列"),
    "own.data-sequences-one": ("one sequence", "一个序列"),
    "own.gaps": ("{count} missing values: {names}", "{count} 个缺失值：{names}"),
    "own.gaps.one": ("1 missing value: {names}", "1 个缺失值：{names}"),
    "own.padding.end": (
        "{count} of {of} sequences end with the id {pad}, which looks like padding. It is read, "
        "too; without it they have {shortest} to {longest} steps.",
        "{of} 个序列中有 {count} 个以编号 {pad} 结尾，像是填充。目前也会读取；"
        "去掉后各有 {shortest} 到 {longest} 步。",
    ),
    "own.padding.end.cut": (
        "{count} of {of} sequences end with the id {pad}, which looks like padding. It is cut; "
        "{shortest} to {longest} steps are left.",
        "{of} 个序列中有 {count} 个以编号 {pad} 结尾，像是填充，已去掉；"
        "各剩 {shortest} 到 {longest} 步。",
    ),
    "own.padding.begin": (
        "{count} of {of} sequences begin with the id {pad}, which looks like padding. It is read, "
        "too; without it they have {shortest} to {longest} steps.",
        "{of} 个序列中有 {count} 个以编号 {pad} 开头，像是填充。目前也会读取；"
        "去掉后各有 {shortest} 到 {longest} 步。",
    ),
    "own.padding.begin.cut": (
        "{count} of {of} sequences begin with the id {pad}, which looks like padding. It is cut; "
        "{shortest} to {longest} steps are left.",
        "{of} 个序列中有 {count} 个以编号 {pad} 开头，像是填充，已去掉；"
        "各剩 {shortest} 到 {longest} 步。",
    ),
    "own.not-read": ("Not read: {names}", "未读取：{names}"),
    "own.not-read.one": ("{column} ({why})", "{column}（{why}）"),
    "own.not-read.more": ("and {count} more", "另有 {count} 列"),
    "own.not-read.text-column": ("text", "文字"),
    "own.not-read.clock-column": ("rises like a clock", "像时间一样递增"),
    "own.not-read.empty-column": ("empty", "空列"),
    "own.not-read.column-left-out": ("neither numbers nor text", "既非数值也非文字"),
    "own.not-read.group-column": ("names the sequence", "序列名"),
    "own.not-read.not-chosen": ("not chosen", "未选"),
    "own.option.encoding": ("encoding", "编码"),
    "own.option.delimiter": ("columns parted by", "列分隔符"),
    "own.option.delimiter.comma": ("comma", "逗号"),
    "own.option.delimiter.semicolon": ("semicolon", "分号"),
    "own.option.delimiter.tab": ("tab", "制表符"),
    "own.option.delimiter.bar": ("vertical bar", "竖线"),
    "own.option.delimiter.space": ("blanks", "空格"),
    "own.option.decimal": ("decimals after", "小数点"),
    "own.option.decimal.point": ("point", "句点"),
    "own.option.decimal.comma": ("comma", "逗号"),
    "own.option.thousands": ("sign between thousands", "千位分隔符"),
    "own.option.thousands.nothing": ("none", "无"),
    "own.option.thousands.comma": ("comma", "逗号"),
    "own.option.thousands.point": ("point", "句点"),
    "own.option.thousands.apostrophe": ("apostrophe", "撇号"),
    "own.option.thousands.space": ("blank", "空格"),
    "own.option.frame_ms": ("frame, ms", "帧长（毫秒）"),
    "own.option.hop_ms": ("from frame to frame, ms", "帧移（毫秒）"),
    "own.option.bands": ("mel bands", "梅尔频带数"),
    "own.option.header": ("first row holds names", "首行为列名"),
    "own.option.header.yes": ("yes", "是"),
    "own.option.header.no": ("no", "否"),
    "own.option.split": ("sequences", "序列"),
    "own.option.split.whole": ("the whole text is one", "整个文本为一个"),
    "own.option.split.lines": ("each line is one", "每行为一个"),
    "own.option.array": ("array", "数组"),
    "own.axis.sequence": ("sequence", "序列"),
    "own.axis.time": ("time", "时间"),
    "own.axis.channel": ("channel", "通道"),
    "own.through": (
        "Your data goes through {name} first; what is shown as input here is what that gives.",
        "您的数据先经过 {name}；这里显示的输入是它的输出。",
    ),
    "own.option.axes": ("order of axes", "轴的顺序"),
    "own.option.channels": ("read at each step", "每步读取"),
    "own.option.group": ("sequence named by", "序列名所在列"),
    "own.option.group.nothing": ("nothing: all rows are one", "无：所有行为一个序列"),
    "own.option.fill": ("missing values", "缺失值"),
    "own.option.fill.refuse": ("are refused", "不接受"),
    "own.option.fill.zero": ("become 0", "视为 0"),
    "own.option.fill.previous": ("repeat the one before", "沿用前一个值"),
    "own.option.text": ("text is in", "文字所在列"),
    "own.option.text.nothing": ("nothing: a column holds ids", "无：有一列是编号"),
    "own.option.text.told": (
        "the text in {column} is read, each row a sequence",
        "读取 {column} 列的文字，每行为一个序列",
    ),
    "own.option.ids-in-rows": ("each row is a sequence of ids", "每行为一个编号序列"),
    "own.option.padding": ("padding", "填充"),
    "own.option.padding.keep": ("is read", "照样读取"),
    "own.option.padding.cut": ("is cut", "去掉"),
    "own.option.unknown": ("unknown symbols", "未知符号"),
    "own.option.unknown.refuse": ("are refused", "不接受"),
    "own.option.unknown.token": ("become the unknown token", "读作未知标记"),
    "own.option.unknown.skip": ("are left out", "略去"),
    "own.option.lower": ("capitals as small letters", "大写按小写读"),
    "own.option.scale": ("scale", "尺度"),
    "own.option.scale.none": ("as in the file", "与文件相同"),
    "own.option.scale.each": (
        "each column to mean 0, variance 1, in each sequence",
        "每一列在各个序列内标准化为均值 0、方差 1",
    ),
    "own.option.scale.all": (
        "each column to mean 0, variance 1, over all sequences",
        "每一列在所有序列上标准化为均值 0、方差 1",
    ),
    "own.sequence": ("{count} sequences; read", "{count} 个序列；读取"),
    "own.sequence-name": (
        "{name} · rows {rows} · {steps} steps",
        "{name} · 第 {rows} 行 · {steps} 步",
    ),
    "own.text-name": ("{name} · {steps} characters", "{name} · {steps} 个字符"),
    "own.first-step": ("First step", "起始步"),
    "own.window": (
        "Steps {first} to {last} of {steps} are read, from a state of zeros; on the stage they "
        "count from 0.",
        "读取 {steps} 步中的第 {first} 到 {last} 步，初始状态为零；舞台上从 0 开始计数。",
    ),
    "own.layer": ("{cell} layer {layer}", "{cell} 第 {layer} 层"),
    "own.facts-cut": (
        "first {shown} of {units} units · {parameters} parameters",
        "{units} 个单元中的前 {shown} 个 · {parameters} 个参数",
    ),
    "own.lead": (
        "Of the units that hold much over these {steps} steps, unit {unit} of {part} holds on "
        "longest: its gates halve what it holds in {slow}. Unit {other} of {where} forgets "
        "fastest: in {fast}.",
        "在这 {steps} 步中内容较多的单元里，{part} 的单元 {unit} 保持得最久："
        "它的门使其内容经过 {slow}减半。{where} 的单元 {other} 忘得最快：{fast}就减半。",
    ),
    "own.lead-open": (
        "Reading these {steps} steps, the gates that keep stay open in every unit that holds much: "
        "no unit forgets here. Unit {unit} of {part} holds on longest.",
        "在这 {steps} 步中，内容较多的单元的保留门一直打开：这里没有单元遗忘。"
        "{part} 的单元 {unit} 保持得最久。",
    ),
    "own.lead-missing": (
        "{share} of what {part} computes is no number: NaN or infinite, from step {step} on. Look "
        "for such a weight or input.",
        "{part} 的计算结果中有 {share} 不是数（NaN 或无穷），从第 {step} 步开始。"
        "请检查权重或输入中是否有这样的值。",
    ),
    "own.more-steps": ("more than {number} steps", "超过 {number} 步"),
    "own.loud": (
        "These numbers go up to {largest}, which drives gates fully shut or open. If your training "
        "program standardised its data, do the same here.",
        "这些数最大达到 {largest}，会使门完全关闭或打开。如果训练程序对数据做过标准化，"
        "这里也应同样处理。",
    ),
    "own.standardise": ("Standardise", "标准化"),
    "own.lead-rnn": (
        "Reading these {steps} steps, unit {unit} moves most. A plain RNN has no gates: it "
        "rewrites its whole state at every step.",
        "在这 {steps} 步中，单元 {unit} 变化最大。普通 RNN 没有门：每一步都重写整个状态。",
    ),
    "own.cut-steps": (
        "The stage shows the first {shown} of {steps} steps, as many as travel to a browser in "
        "reasonable time. The figures below use all of them.",
        "舞台显示 {steps} 步中的前 {shown} 步，这是浏览器能在合理时间内接收的数量。"
        "下面的图使用全部步骤。",
    ),
    "own.cut-units": (
        "The stage shows the first units of each layer ({names}), as many as travel to a browser "
        "in reasonable time. The figures below use all of them.",
        "舞台只显示每层的前若干个单元（{names}），这是浏览器能在合理时间内接收的数量。"
        "下面的图使用全部单元。",
    ),
    "own.figures": ("What else the numbers say", "数字还说明了什么"),
    "own.part": ("Layer", "层"),
    "own.first-steps": (
        "Measured on the first {steps} steps, since the cost grows with the square of the length.",
        "计算量随长度的平方增长，因此只在前 {steps} 步上测量。",
    ),
    "own.gates.title": ("Gates to zoom into", "可缩放的门"),
    "own.forgetting.title": ("How fast each unit forgets", "每个单元忘得多快"),
    "own.ledger.title": ("Who wrote what is in memory", "记忆是谁写下的"),
    "own.ledger.result": (
        "In {name}, step {most} wrote most of what is held at step {at}: {share} of it, by "
        "absolute size. The last {recent} steps that were read wrote {late}.",
        "{name} 在第 {at} 步所保存的内容中，第 {most} 步写入的最多：按绝对值计占 {share}。"
        "最近读入的 {recent} 步写入了 {late}。",
    ),
    "own.ledger.hover": (
        "written at step %{{x}}, unit %{{y}}",
        "写于第 %{{x}} 步，单元 %{{y}}",
    ),
    "own.change.title": ("How long a step is remembered", "一步的内容能记多久"),
    "own.change.result": (
        "Had step {at} read something else, the state of {name} would show it up to {steps} away, "
        "by at least {limit} of its usual spread. Median over all steps: {median}.",
        "如果第 {at} 步读到别的内容，{name} 的状态在相距 {steps}以内会与原来不同，"
        "至少相差其通常离散程度的 {limit}。所有步的中位数：{median}。",
    ),
    "own.change.never": (
        "Had step {at} read something else, the state of {name} would stay all but the same: it "
        "never moves by {limit} of its usual spread. Median over all steps: {median}.",
        "如果第 {at} 步读到别的内容，{name} 的状态几乎不变：相差始终不到其通常离散程度的 {limit}。"
        "所有步的中位数：{median}。",
    ),
    "own.change.hover": (
        "step %{{y}} changed, seen at step %{{x}}",
        "改动第 %{{y}} 步，第 %{{x}} 步所见",
    ),
    "own.change.note": (
        "each step changed alone and run again",
        "逐步单独改动并重新运行",
    ),
    "own.change.other-tokens": (
        "Each step reads another symbol instead, drawn at random. It is one replacement by one "
        "other symbol, and it does not say where the memory lies.",
        "每一步改读另一个随机抽取的符号。这只是换成某一个符号的结果，也不说明记忆存放在哪里。",
    ),
    "own.change.other-numbers": (
        "Each step reads the mean of all steps instead. It is one replacement by one other value, "
        "and it does not say where the memory lies.",
        "每一步改读所有步的平均值。这只是换成某一个值的结果，也不说明记忆存放在哪里。",
    ),
    "own.gradient.title": (
        "How far back training can reach (gradient)",
        "训练能追溯多远（梯度）",
    ),
    "own.gradient.figure": ("{name}: gradient of the state", "{name}：状态的梯度"),
    "own.gradient.hover": (
        "input of step %{{y}}, state at step %{{x}}",
        "第 %{{y}} 步的输入，第 %{{x}} 步的状态",
    ),
    "own.gradient.note": (
        "norm of the state's derivative by each input, over that at its own step",
        "状态对各步输入的导数范数，除以该步自身的值",
    ),
    "own.gradient.both": (
        "Above a layer that reads in both directions, every input holds past and future, so there "
        "is no such order. Choose layer 0.",
        "双向层之上的每个输入都同时包含过去和未来，因此没有这样的先后关系。请选择第 0 层。",
    ),
    "own.gradient.dear": (
        "This model reads {inputs} numbers a step; following each of them would take minutes, so "
        "this part is left out.",
        "这个模型每步读 {inputs} 个数；逐一追踪需要数分钟，因此略去这一部分。",
    ),
    "own.answer.title": ("What it answers at every step", "每一步的回答"),
    "own.answer.figure": ("Output of the layer after the stack", "循环层之后那一层的输出"),
    "own.answer.output": ("output", "输出"),
    "own.answer.share": ("share (softmax)", "份额（softmax）"),
    "own.answer.value": ("value", "值"),
    "own.answer.as-shares": (
        "As shares that sum to 1 (softmax)",
        "显示为总和为 1 的份额（softmax）",
    ),
    "own.answer.note": (
        "{shown} of {outputs} outputs, those that count most on top",
        "{outputs} 个输出中的 {shown} 个，最重要的在上",
    ),
    "own.answer.means": (
        "The linear layer that the file names after the recurrent ones, computed at every step. "
        "Whatever your program does after it is not in the file.",
        "文件中循环层之后的线性层在每一步的计算结果。您的程序之后再做的处理不在文件中。",
    ),
    # What a model file is not
    "model.other": ("This model file cannot be read: {reason}", "无法读取这个模型文件：{reason}"),
    "model.unknown-kind": (
        "{name} is no model file that this page knows. It reads PyTorch, safetensors, Keras 3 and "
        "ONNX.",
        "{name} 不是本页认识的模型文件。可读取 PyTorch、safetensors、Keras 3 和 ONNX。",
    ),
    "model.damaged": (
        "The file is damaged or was cut off: {reason}",
        "文件已损坏或不完整：{reason}",
    ),
    "model.unsafe": (
        "The file holds more than weights ({what}), and reading that could execute somebody's "
        "code, so it is refused. Save torch.save(model.state_dict(), path) instead.",
        "文件中不只有权重（{what}），读取它可能会执行别人的代码，因此拒绝读取。"
        "请改用 torch.save(model.state_dict(), path) 保存。",
    ),
    "model.torchscript": (
        "This is a TorchScript program, which holds code. Save torch.save(model.state_dict(), "
        "path) instead.",
        "这是含有代码的 TorchScript 程序。请改用 torch.save(model.state_dict(), path) 保存。",
    ),
    "model.no-stack": (
        "The file holds no LSTM, GRU or RNN layer. It holds {names}.",
        "文件中没有 LSTM、GRU 或 RNN 层，只有 {names}。",
    ),
    "model.too-large": (
        "The file is too large: {size}, and at most {limit} is read.",
        "文件太大：{size}，最多读取 {limit}。",
    ),
    "model.too-large.bytes": (
        "The file has {size} bytes; at most {limit} are read.",
        "文件有 {size} 字节；最多读取 {limit} 字节。",
    ),
    "model.too-large.tokens": (
        "The model reads {size} symbols; at most {limit} can be shown.",
        "模型读 {size} 个符号；最多能显示 {limit} 个。",
    ),
    "model.too-large.stacks": (
        "The file holds {size} recurrent stacks; at most {limit} are read.",
        "文件中有 {size} 组循环层；最多读取 {limit} 组。",
    ),
    "model.too-large.layers": (
        "The file holds {size} recurrent layers or more; at most {limit} are read.",
        "文件中至少有 {size} 个循环层；最多读取 {limit} 个。",
    ),
    "model.too-large.hidden_size": (
        "{name} has {size} units; at most {limit} are read.",
        "{name} 有 {size} 个单元；最多读取 {limit} 个。",
    ),
    "model.too-large.input_size": (
        "{name} reads {size} numbers a step; at most {limit} are possible here.",
        "{name} 每步读 {size} 个数；这里最多 {limit} 个。",
    ),
    "model.too-large.num_layers": (
        "{name} has {size} layers; at most {limit} are read.",
        "{name} 有 {size} 层；最多读取 {limit} 层。",
    ),
    "model.shapes": (
        "The weights do not fit each other: {name} should be {expected}, but its shape is {found}.",
        "权重的形状不一致：{name} 应为 {expected}，实际形状为 {found}。",
    ),
    "model.incomplete": (
        "The layers {name} are not complete: missing are {missing}, and these do not fit: "
        "{unexpected}.",
        "{name} 这组层不完整：缺少 {missing}，不匹配的有 {unexpected}。",
    ),
    "model.incomplete.missing": (
        "The layers {name} are not complete: missing are {missing}.",
        "{name} 这组层不完整：缺少 {missing}。",
    ),
    "model.incomplete.unexpected": (
        "The layers {name} hold weights that do not fit: {unexpected}.",
        "{name} 这组层中有不匹配的权重：{unexpected}。",
    ),
    "model.dtype": (
        "{name} is stored as {dtype}. Float16, bfloat16, float32 and float64 are read.",
        "{name} 以 {dtype} 存储。可读取 float16、bfloat16、float32 和 float64。",
    ),
    "model.hash": (
        "The weights are not those that were saved: their hash differs.",
        "权重与保存时不同：哈希值不一致。",
    ),
    "model.not-finite": (
        "{name} holds NaN or infinity.",
        "{name} 中有 NaN 或无穷大。",
    ),
    "model.vocabulary-size": (
        "The vocabulary has {found} symbols, but the model reads {expected}.",
        "词表有 {found} 个符号，但模型读 {expected} 个。",
    ),
    "model.vocabulary-too-large.bytes": (
        "The vocabulary has {size} bytes; at most {limit} are read.",
        "词表有 {size} 字节；最多读取 {limit} 字节。",
    ),
    "model.vocabulary-too-large": (
        "The vocabulary has {size} symbols; at most {limit} are read.",
        "词表有 {size} 个符号；最多读取 {limit} 个。",
    ),
    "model.vocabulary-encoding": (
        "The vocabulary is no UTF-8 text: byte {place} does not belong.",
        "词表不是 UTF-8 文本：第 {place} 字节不符合。",
    ),
    "model.vocabulary-json": (
        "The vocabulary is no JSON that can be read ({reason}).",
        "词表不是可读取的 JSON（{reason}）。",
    ),
    "model.vocabulary-kind": (
        "A vocabulary is a list of symbols, a table from symbol to id, a tokenizer.json or a text "
        "with one symbol a line; this file holds {found}.",
        "词表应是符号列表、符号到编号的表、tokenizer.json，或每行一个符号的文本；"
        "这个文件是 {found}。",
    ),
    "model.vocabulary-empty": ("The vocabulary is empty.", "词表是空的。"),
    "model.vocabulary-token": (
        "Symbol {place} of the vocabulary is {found}; it should be text, not too long.",
        "词表的第 {place} 个符号是 {found}；它应是不太长的文字。",
    ),
    "model.vocabulary-duplicate": (
        "The vocabulary holds {token} more than once.",
        "词表中 {token} 出现了不止一次。",
    ),
    "model.vocabulary-holes": (
        "The vocabulary has no symbol with the id {missing}; ids go from 0 on without gaps.",
        "词表中没有编号为 {missing} 的符号；编号应从 0 起连续。",
    ),
    "model.needs-package": (
        "Reading this file needs the Python package {package}, which is not installed here.",
        "读取这个文件需要 Python 包 {package}，这里没有安装。",
    ),
    "model.hdf5-kind": (
        "This HDF5 file is not written as Keras writes it: {reason}. Save the model with Keras "
        "again.",
        "这个 HDF5 文件的写法与 Keras 不同：{reason}。请用 Keras 重新保存模型。",
    ),
    "model.unsafe-name": (
        "The archive holds a path that leads out of it, {name}, so it is refused.",
        "压缩包中有指向包外的路径 {name}，因此拒绝读取。",
    ),
    "model.unsafe-name.index": (
        "The index lists a file that does not lie beside it, {name}, so it is refused.",
        "索引中列出了不在同一文件夹内的文件 {name}，因此拒绝读取。",
    ),
    "model.one-shard": (
        "This file is part {number} of {count} of a model; what makes it whole lies in the other "
        "parts. Join them with Python: {how}.",
        "这只是一个模型的第 {number} 部分，共 {count} 部分；其余内容在别的文件中。"
        "请先用 Python 合并：{how}。",
    ),
    "model.shard-index": (
        "This file only lists the parts of a model and holds no weights. Join the parts with "
        "Python: {how}.",
        "这个文件只是模型各部分的索引，没有权重。请先用 Python 把各部分合并：{how}。",
    ),
    "model.parametrized": (
        "{name} is kept under a parametrization, and the file does not say how the weight is "
        "computed. Call {how} and save again.",
        "{name} 以参数化形式存储，文件中没有说明权重如何计算。请调用 {how} 后重新保存。",
    ),
    "model.parametrized.orthogonal": (
        "{name} is kept under an orthogonal parametrization, and the file does not say by which "
        "map. Call {how} and save again.",
        "{name} 以正交参数化形式存储，文件中没有说明所用的映射。请调用 {how} 后重新保存。",
    ),
    "model.not-plain.expanded": (
        "{name} is an expanded view, which repeats its numbers. Save it after .contiguous().",
        "{name} 是重复数值的扩展视图。请在 .contiguous() 之后保存。",
    ),
    "model.not-plain.sparse": (
        "{name} is a sparse tensor. Save it after .to_dense().",
        "{name} 是稀疏张量。请在 .to_dense() 之后保存。",
    ),
    "model.not-plain.quantized": (
        "{name} is quantized. Save it after .dequantize().",
        "{name} 经过了量化。请在 .dequantize() 之后保存。",
    ),
    "model.not-plain.without-numbers": (
        "{name} has no numbers in the file. Save the model while it is on a CPU.",
        "{name} 在文件中没有数值。请在模型位于 CPU 上时保存。",
    ),
    "model.not-plain.no-tensor": (
        "{name} is no tensor. Save it after torch.as_tensor().",
        "{name} 不是张量。请在 torch.as_tensor() 之后保存。",
    ),
    "model.empty-file": (
        "The file is empty, or begins with nothing but zeros: its download or its copy did not "
        "come to its end.",
        "文件是空的，或开头全是零：下载或复制没有完成。",
    ),
    "model.lfs-pointer": (
        "This is a Git LFS pointer, which stands for the model. Fetch the model with git lfs pull.",
        "这是 Git LFS 指针文件，只是模型的占位。请用 git lfs pull 取得模型本身。",
    ),
    "model.web-page": (
        "This is a web page, as is saved in the place of a download. Download the model itself.",
        "这是一个网页，可能是下载时误存的。请下载模型文件本身。",
    ),
    "model.numpy-file": (
        "This file holds NumPy arrays, whose names need not say what they are. Save "
        "torch.save(model.state_dict(), path) instead.",
        "这个文件是 NumPy 数组，其名称不足以说明用途。"
        "请改用 torch.save(model.state_dict(), path) 保存。",
    ),
    "model.packed-file": (
        "This is a packed archive. Unpack it and take the model file that lies in it.",
        "这是压缩包。请先解压，再选择其中的模型文件。",
    ),
    "model.other-model": (
        "This is a model of another program (GGUF or TensorFlow Lite), which is not read. Save it "
        "as PyTorch, safetensors, Keras or ONNX.",
        "这是其他程序的模型（GGUF 或 TensorFlow Lite），无法读取。"
        "请保存为 PyTorch、safetensors、Keras 或 ONNX。",
    ),
    "model.json-file": (
        "This file is JSON, which describes a model at most. The weights lie in another file.",
        "这个文件是 JSON，最多只是模型的描述。权重在另一个文件中。",
    ),
    "model.unsupported": (
        "{name} computes something that torch's LSTM, GRU and RNN do not, so it cannot be shown.",
        "{name} 的计算方式与 torch 的 LSTM、GRU、RNN 不同，因此无法显示。",
    ),
    "model.unsupported.activation": (
        "{name} uses the activations {found}; torch has {expected}. Its gates would be other "
        "numbers, so it is not shown.",
        "{name} 使用的激活函数是 {found}；torch 使用 {expected}。门的值会不同，因此不显示。",
    ),
    "model.unsupported.reset-before": (
        "{name} is a GRU that resets the state before the matrix product (reset_after=False, "
        "linear_before_reset=0). Torch's GRU resets after it, which gives other numbers, so it is "
        "not shown.",
        "{name} 是在矩阵乘法之前重置状态的 GRU（reset_after=False，linear_before_reset=0）。"
        "torch 的 GRU 在其后重置，结果不同，因此不显示。",
    ),
    "model.unsupported.backwards": (
        "{name} reads backwards only, which no torch module does. Save it as a forward layer and "
        "give it the data with the last step first: its gates are the same, in that order.",
        "{name} 只反向读取，torch 没有这样的模块。可将其另存为正向层，并把数据按时间倒序给它："
        "门的值相同，只是按倒序排列。",
    ),
    "model.unsupported.two-sides": (
        "The two directions of {name} are not of the same kind.",
        "{name} 的两个方向不是同一种层。",
    ),
    "model.unsupported.layer": (
        "{name} is a layer of the kind {kind}, which torch does not have.",
        "{name} 是 {kind} 类型的层，torch 中没有。",
    ),
    "model.unsupported.peepholes": (
        "{name} has peepholes: its gates read the cell state. Torch's LSTM has none.",
        "{name} 有窥视孔连接：门会读取细胞状态。torch 的 LSTM 没有。",
    ),
    "model.unsupported.clip": (
        "{name} clips what its gates read; torch's module does not.",
        "{name} 会截断门的输入；torch 的模块不会。",
    ),
    "model.unsupported.input-forget": (
        "{name} has one gate for input and forgetting; torch's LSTM has two.",
        "{name} 的输入门与遗忘门合为一个；torch 的 LSTM 有两个。",
    ),
    "model.unsupported.external-data": (
        "The weights of {name} lie in another file (external data). Save the model in one file.",
        "{name} 的权重存放在另一个文件中（external data）。请把模型保存为单个文件。",
    ),
    "model.unsupported.computed": (
        "The weights of {name} are not in the file: they are computed when the model runs.",
        "{name} 的权重不在文件中：它们在模型运行时才计算。",
    ),
    "model.remark.joined": (
        "{names} are read as one stack, each layer reading the one before: their numbers and sizes "
        "follow each other, but the file does not say so.",
        "{names} 按一个堆叠读取，每层读取前一层的输出：它们的编号和大小前后相接，"
        "但文件并未说明这一点。",
    ),
    "model.remark.before-stack": (
        "In the model {names} comes before {name} and changes what it reads; here {name} reads the "
        "data as they are given, so its gates differ from those inside the model unless the data "
        "went through it.",
        "在模型中，{names} 位于 {name} 之前，会改变它读取的内容；这里 {name} 直接读取给出的数据，"
        "因此除非数据已经过它处理，门的值与模型内部的不同。",
    ),
    "model.remark.between-stacks": (
        "In the model {names} lies between {before} and {name} and changes what {name} reads, so "
        "each is shown alone. The gates of {name} differ from those inside the model unless what "
        "it is given went through both.",
        "在模型中，{names} 位于 {before} 与 {name} 之间，会改变 {name} 读取的内容，因此分别显示。"
        "除非给出的数据已经过这两者，{name} 的门与模型内部的不同。",
    ),
    "model.remark.folded": (
        "{names} comes right before {name} and is folded into its input weights and biases: the "
        "gates are the same, and the weights shown are the folded ones, not those of the file.",
        "{names} 紧接在 {name} 之前，已并入其输入权重和偏置：门的值不变，"
        "显示的是合并后的权重，而非文件中的权重。",
    ),
    "model.remark.separate": (
        "{name} reads what {before} gives. Their kinds differ, so they are shown one at a time; "
        "your data goes through {before} first.",
        "{name} 读取 {before} 的输出。两者种类不同，因此一次显示一个；您的数据会先经过 {before}。",
    ),
    "model.remark.initial-state": (
        "{name} starts from states that the model is given; here it starts from zeros.",
        "{name} 的初始状态由模型给出；这里从零开始。",
    ),
    "model.remark.head-last": (
        "The model asks {head} after the last step of {name} only; here it answers at every step.",
        "模型只在 {name} 的最后一步之后用到 {head}；这里每一步都给出回答。",
    ),
    "model.remark.head-ends": (
        "{head} reads the ends of both directions of {name}, not one step, so it is not shown.",
        "{head} 读取 {name} 两个方向的末端而非某一步，因此不显示。",
    ),
    "model.remark.head-activation": (
        "{head} is shown before its activation {activation}.",
        "{head} 显示的是激活函数 {activation} 之前的值。",
    ),
    "model.remark.masking": (
        "{name} skips masked steps in your program; here it reads every step.",
        "{name} 在您的程序中会跳过被掩码的步；这里读取每一步。",
    ),
    "model.remark.merge-mode": (
        "{name} merges its directions by {mode}; what follows it is left out.",
        "{name} 以 {mode} 合并两个方向；其后的层略去。",
    ),
    "model.remark.shared": (
        "{name} is used several times in the model; it is shown once.",
        "{name} 在模型中多次使用；这里显示一次。",
    ),
    "model.remark.no-config": (
        "The file holds weights only, without the layers' settings; the usual ones are assumed.",
        "文件只有权重，没有层的设置；这里采用通常的设置。",
    ),
    "model.remark.assumed-order": (
        "{name} is taken to read {before}: their sizes leave nothing else.",
        "按大小判断，{name} 读取的是 {before}。",
    ),
    "model.remark.order-unknown": (
        "Which layer reads which is not in the file; what is not certain is not joined.",
        "文件中没有说明各层的先后；不确定的层不相连。",
    ),
    "model.remark.inner-graph": (
        "What lies inside {names} is not read.",
        "{names} 内部的内容不读取。",
    ),
    "model.remark.other": ("{reason}", "{reason}（原文）"),
    "model.remark.assumed-tanh": (
        "Weights alone do not tell whether the plain RNN {name} squashes by tanh or by relu; tanh "
        "is assumed.",
        "仅凭权重无法分辨普通 RNN {name} 用的是 tanh 还是 relu；这里假定为 tanh。",
    ),
    "model.remark.widened": (
        "{name} is stored in {dtype} and shown in float32.",
        "{name} 以 {dtype} 存储，以 float32 显示。",
    ),
    "model.remark.not-finite": (
        "{name} holds NaN or infinity; what follows from it is marked on the stage.",
        "{name} 中有 NaN 或无穷大；由此产生的值会在舞台上标出。",
    ),
    "model.remark.left-out": (
        "Not part of the recurrent layers, so left out: {names}.",
        "不属于循环层，因此略去：{names}。",
    ),
    "model.remark.checkpoint-parts": (
        "The file is a whole checkpoint; only its weights are read.",
        "这是完整的检查点文件；只读取其中的权重。",
    ),
    "model.remark.more-weights": (
        "{name} holds more weights than its kind has ({names}), so it may compute something else.",
        "{name} 的权重比这种层应有的多（{names}），因此它的计算可能不同。",
    ),
    "model.remark.weight-drop": (
        "Weight drop is not applied: the raw weights of {names} are shown, as in evaluation.",
        "不应用权重丢弃：显示 {names} 的原始权重，与评估时相同。",
    ),
    "model.remark.weight-norm": (
        "Weight norm was computed for {names}.",
        "已对 {names} 计算权重归一化。",
    ),
    "model.remark.unclear-embedding": (
        "It is not certain which is the embedding of {name}: {names}. None is used, so it reads "
        "numbers.",
        "无法确定 {name} 的嵌入层是哪一个：{names}。因此都不使用，改读数值。",
    ),
    "model.remark.head-not-direct": (
        "The layer {head} may read what {names} makes of {name}. It is not used, since the answers "
        "shown would be others than your model's.",
        "层 {head} 读取的可能是 {names} 对 {name} 加工后的结果。因此不使用它，"
        "否则显示的回答会与模型不同。",
    ),
    "model.remark.pruned": (
        "Pruning was applied to {names}.",
        "已按剪枝掩码处理 {names}。",
    ),
    "model.remark.spectral-norm": (
        "Spectral norm was computed for {names}, as in evaluation.",
        "已对 {names} 计算谱归一化，与评估时相同。",
    ),
    "model.remark.one-shard": (
        "This file is part {number} of {count} of a model: layers, embedding and output layer that "
        "lie in the other parts are missing here. Join them with Python: {how}.",
        "这只是一个模型的第 {number} 部分，共 {count} 部分：其他部分中的层、嵌入层和输出层"
        "在这里缺失。请先用 Python 合并：{how}。",
    ),
    "model.remark.carried-symbols": (
        "The symbols of {name} are those that the file itself keeps as {key}.",
        "{name} 的符号取自文件自带的 {key}。",
    ),
    "model.remark.own-start": (
        "In the model {name} starts from states that it learnt ({names}); here it starts from "
        "zeros, so its first steps differ.",
        "在模型中 {name} 从学到的状态（{names}）开始；这里从零开始，因此最初几步会不同。",
    ),
    "model.quantized": (
        "The weights are quantized. Save the state_dict of the float model, as it was before "
        "quantize_dynamic.",
        "权重经过了量化。请保存 quantize_dynamic 之前的浮点模型的 state_dict。",
    ),
    "own.nothing": ("nothing", "无"),
    "model.remark.unclear-head": (
        "It is not certain which layer follows {name}: {names}. None is used.",
        "无法确定 {name} 之后是哪一层：{names}。因此都不使用。",
    ),
    "data.text-for-numbers": (
        "This file holds text, but the model reads numbers: {width} a step. If it reads symbols, "
        "bring its vocabulary.",
        "这个文件是文字，但模型每步读 {width} 个数。如果它读的是符号，请提供词表。",
    ),
    "data.channel-count": (
        "The model reads {input_size} numbers a step; columns chosen: {count} ({columns}). "
        "Choose the columns under “How it was read”.",
        "模型每步读 {input_size} 个数，但选了 {count} 列：{columns}。请在“如何读取”中选择列。",
    ),
    "data.channel-count.one": (
        "The model reads 1 number a step; columns chosen: {count} ({columns}). Choose the column "
        "under “How it was read”.",
        "模型每步读 1 个数，但选了 {count} 列（{columns}）。请在“如何读取”中选择列。",
    ),
    "data.same-sign": (
        "Decimals and thousands cannot both have the sign {sign}.",
        "小数点和千位分隔符不能都是 {sign}。",
    ),
    "data.column-twice": ("Column {column} is named twice.", "{column} 列出现了两次。"),
    "data.bad-id": (
        "The model's ids are whole numbers from 0 to {limit}, but step {step} is {value}.",
        "模型的编号是 0 到 {limit} 的整数，但第 {step} 步是 {value}。",
    ),
    "data.missing-value": (
        "Row {row} has no value in column {column}. Choose above what stands for missing values.",
        "第 {row} 行的 {column} 列没有值。请在上方选择用什么代替缺失值。",
    ),
    "data.infinite-value": (
        "Row {row} holds infinity in column {column}.",
        "第 {row} 行的 {column} 列是无穷大。",
    ),
    "data.text-channel": (
        "Column {column} holds text, for example {cell} in row {row}.",
        "{column} 列是文字，例如第 {row} 行的 {cell}。",
    ),
    "data.no-numbers": ("The file holds no column of numbers.", "文件中没有数值列。"),
    "data.no-rows": ("The file holds no rows.", "文件中没有数据行。"),
    "data.empty": ("The file is empty.", "文件是空的。"),
    "data.binary": (
        "The file looks like text, but holds bytes that are none.",
        "文件看似文本，但含有非文本字节。",
    ),
    "data.wrong-encoding": (
        "The file is not encoded as {encoding}: byte {position} does not fit.",
        "文件不是 {encoding} 编码：第 {position} 字节不符合。",
    ),
    "data.damaged": (
        "The file is damaged or was cut off: {reason}",
        "文件已损坏或不完整：{reason}",
    ),
    "data.unknown-kind": (
        "The kind of this file is not known. CSV, text, NPY, NPZ, JSON, Parquet and WAV are read.",
        "无法识别文件类型。可读取 CSV、文本、NPY、NPZ、JSON、Parquet 和 WAV。",
    ),
    "data.too-large": (
        "The file is larger than {mib} MiB, the most that is read.",
        "文件超过 {mib} MiB，这是可读取的上限。",
    ),
    "data.too-many-rows": (
        "The file has more than {limit} rows, the most that are read.",
        "文件超过 {limit} 行，这是可读取的上限。",
    ),
    "data.too-many-columns": (
        "The file has more than {limit} columns, the most that are read.",
        "文件超过 {limit} 列，这是可读取的上限。",
    ),
    "data.too-many-cells": (
        "The file has more than {limit} numbers, the most that are read.",
        "文件超过 {limit} 个数，这是可读取的上限。",
    ),
    "data.axes": (
        "The array has {count} axes, so {axes} cannot be what they are.",
        "数组有 {count} 个轴，因此不可能是 {axes}。",
    ),
    "data.frames": (
        "Frames of {frame} samples every {hop} samples in {bands} bands cannot be computed at "
        "{rate} Hz: a frame has {shortest} to {longest} samples, and there are at most {most} "
        "bands.",
        "在 {rate} Hz 下无法计算每帧 {frame} 个采样、帧移 {hop} 个采样、{bands} 个频带的特征："
        "每帧需 {shortest} 到 {longest} 个采样，频带不超过 {most} 个。",
    ),
    "data.unknown-option": (
        "{value} is no choice for {option}; the choices are {allowed}.",
        "{option} 不能选 {value}；可选 {allowed}。",
    ),
    "data.channel-count.axes": (
        "The model reads {input_size} numbers a step, but the file has {count} channels. It fits "
        "with the axes {axes}: choose them under “How it was read”.",
        "模型每步读 {input_size} 个数，但文件有 {count} 个通道。把各轴设为 {axes} 就能对上："
        "请在“如何读取”中选择。",
    ),
    "data.saved-trace": (
        "This file is a trace that was taken away from here, not data for a model.",
        "这是从这里导出的轨迹文件，不是供模型读取的数据。",
    ),
    "data.array-kind": (
        "The array {array} holds {dtype}, not numbers.",
        "数组 {array} 的内容是 {dtype}，不是数值。",
    ),
    "data.array-shape": (
        "The array {array} has the shape {shape}. One to three axes are read, none of them empty.",
        "数组 {array} 的形状是 {shape}。可读取一到三个轴，且都不为空。",
    ),
    "data.arrays-differ": (
        "The arrays in this file do not fit each other: their shapes are {shapes}.",
        "文件中的数组互不匹配：形状为 {shapes}。",
    ),
    "data.unknown-array": (
        "There is no array of numbers {array}; there are {arrays}.",
        "没有名为 {array} 的数值数组；有 {arrays}。",
    ),
    "data.sound-kind": (
        "This kind of sound file ({format}) is not read; plain WAV with PCM or float samples is.",
        "不读取这种声音文件（{format}）；可读取 PCM 或浮点采样的普通 WAV。",
    ),
    "data.other-kind": (
        "This is a file of the kind {what}. CSV, text, NPY, NPZ, JSON, Parquet and WAV are read.",
        "这是 {what} 类型的文件。可读取 CSV、文本、NPY、NPZ、JSON、Parquet 和 WAV。",
    ),
    "data.other-kind.XLSX": (
        "This is an Excel workbook. Save the sheet as CSV and bring that.",
        "这是 Excel 工作簿。请把工作表另存为 CSV 再上传。",
    ),
    "data.other-kind.model": (
        "This is a model file; bring it where the model goes.",
        "这是模型文件；请放到上传模型的地方。",
    ),
    "data.other-kind.pickle": (
        "This is a pickle, which can run code when it is read, so it is refused. Save the numbers "
        "with numpy.save.",
        "这是 pickle 文件，读取时可能执行代码，因此拒绝。请用 numpy.save 保存数值。",
    ),
    "data.unknown-column": (
        "There is no column {column}; there are {columns}.",
        "没有 {column} 列；有 {columns}。",
    ),
    "data.ragged-row": (
        "Line {line} has {found} cells, but the first row has {expected}.",
        "第 {line} 行有 {found} 个单元格，但首行有 {expected} 个。",
    ),
    "data.row-unreadable": (
        "The table cannot be read after line {line}: {reason}",
        "表格在第 {line} 行之后无法读取：{reason}",
    ),
    "data.json-shape": (
        "This JSON holds neither lists of numbers, nor texts, nor columns of equal length.",
        "这个 JSON 既不是数值列表，也不是文本或等长的列。",
    ),
    "data.needs-package": (
        "Reading this file needs the Python package {package}, which is not installed here.",
        "读取这个文件需要 Python 包 {package}，这里没有安装。",
    ),
    "data.too-large-values": (
        "The numbers are too large to be standardised.",
        "数值太大，无法标准化。",
    ),
    "data.no-text": ("The column {column} holds no text.", "{column} 列没有文字。"),
    "data.remark.symbols-instead": (
        "Not in the vocabulary and read as {token}: {symbols}, {count} in all.",
        "不在词表中，读作 {token}：{symbols}，共 {count} 处。",
    ),
    "data.remark.symbols-skipped": (
        "Not in the vocabulary and left out: {symbols}, {count} in all.",
        "不在词表中，已略去：{symbols}，共 {count} 处。",
    ),
    "data.remark.symbols-lowered": (
        "Read as small letters: {symbols}, {count} in all.",
        "按小写字母读取：{symbols}，共 {count} 处。",
    ),
    "data.remark.clock-column": (
        "The column {column} rises from row to row like a clock, so it is not read.",
        "{column} 列逐行递增，像是时间，因此不读取。",
    ),
    "data.remark.text-column": (
        "The column {column} holds text, for example {cell} in row {row}, so it is not read.",
        "{column} 列是文字，例如第 {row} 行的 {cell}，因此不读取。",
    ),
    "data.remark.comment-lines": (
        "Comment lines before the table: {count}.",
        "表格之前有 {count} 行注释。",
    ),
    "data.remark.thousands": (
        "The column {column} has thousands signs: {cell} in row {row} is read as {value}.",
        "{column} 列有千位分隔符：第 {row} 行的 {cell} 读作 {value}。",
    ),
    "data.remark.comma-doubt.one": (
        "Each line is read as one number with a decimal comma. If it is two whole numbers, choose "
        "that a comma parts the columns.",
        "每行读作一个以逗号为小数点的数。如果它是两个整数，请把列分隔符设为逗号。",
    ),
    "data.remark.comma-doubt.two": (
        "Each line is read as two whole numbers in two columns. If it is one number with a decimal "
        "comma, choose that decimals come after a comma.",
        "每行读作两列整数。如果它是一个以逗号为小数点的数，请把小数点设为逗号。",
    ),
    "data.remark.column-left-out": (
        "The column {column} holds neither numbers nor text, so it is not read.",
        "{column} 列既不是数值也不是文字，因此不读取。",
    ),
    "data.remark.mel-frames": (
        "Sound at {rate} Hz, as {bands} mel bands: frames of {frame} samples, one every {hop}.",
        "{rate} Hz 的声音，读作 {bands} 个梅尔频带：每帧 {frame} 个采样，帧移 {hop} 个采样。",
    ),
    "data.remark.mixed-down": (
        "The {count} channels of the sound are mixed to one.",
        "声音的 {count} 个声道合并为一个。",
    ),
    "data.remark.empty-column": ("The column {column} is empty.", "{column} 列是空的。"),
    "data.remark.other-arrays": (
        "The array {array} is read; the file also holds {others}.",
        "读取数组 {array}；文件中还有 {others}。",
    ),
    "data.other": ("This data file cannot be read: {reason}", "无法读取这个数据文件：{reason}"),
    "data.remark.other": ("{reason}", "{reason}（原文）"),
}

TEXT: dict[str, dict[str, str]] = {
    key: {"en": english, "zh": chinese}
    for table in (
        *(_NAMES, _PAGE, _PROBLEMS, _FIGURES, _SURGERY, _STAGE, _MEMORY, _UNITS, _TAKE),
        _OWN,
    )
    for key, (english, chinese) in table.items()
}
"""For each key, the sentence in every language, with named fields as in `str.format`."""


def say(key: str, /, language: str, **fields: object) -> str:
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
