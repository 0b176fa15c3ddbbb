"""The sentences of the stage; `viz.text` puts them beside all others."""

STAGE: dict[str, tuple[str, str]] = {
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
