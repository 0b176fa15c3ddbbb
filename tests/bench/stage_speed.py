"""How fast the stage steps and opens, beside plain Streamlit, side by side in one run.

    python tests/bench/stage_speed.py [presses] [loads]

(a) Step latency: from the key press (or the click) to the frame that shows the step.
(c) Time to first stage: from opening the address to the drawn stage, against a bare page.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.browser import ROOT, find_chromium, launched, serving

WINDOW = {"viewport": {"width": 1280, "height": 800}}
BENCH = ROOT / "tests" / "bench"

# A frame is over when a message posted while it was drawn arrives.
WATCH_STAGE = """() => {
  window.latencies = [];
  const stage = document.querySelector("[data-testid=stage]");
  let pressed = null;
  document.addEventListener("keydown", (event) => { pressed = event.timeStamp; }, true);
  new MutationObserver(() => {
    const channel = new MessageChannel();
    const start = pressed;
    channel.port1.onmessage = () => window.latencies.push(performance.now() - start);
    channel.port2.postMessage(0);
  }).observe(stage, { attributes: true, attributeFilter: ["data-step"] });
}"""

WATCH_RERUN = """() => {
  window.clicked = null;
  document.addEventListener("click", (event) => { window.clicked = event.timeStamp; }, true);
}"""

RERUN_DONE = """(step) => new Promise((done) => {
  const look = () => {
    const titles = [...document.querySelectorAll(".gtitle")].map((each) => each.textContent);
    if (titles.length === 2 && titles.every((each) => each === `t = ${step}`)) {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => done(performance.now() - window.clicked);
      channel.port2.postMessage(0);
    } else requestAnimationFrame(look);
  };
  look();
})"""


def count_messages(page: Any) -> list[int]:
    """A list of one number: the websocket messages of `page` so far."""
    count = [0]

    def more(_: object) -> None:
        count[0] += 1

    page.on("websocket", lambda ws: (ws.on("framesent", more), ws.on("framereceived", more)))
    return count


def step_of(page: Any) -> int:
    return int(page.get_by_test_id("stage").get_attribute("data-step"))


def stage_latencies(browser: Any, url: str, presses: int) -> tuple[list[float], int, int]:
    """Latencies in ms, websocket messages meanwhile, and steps made by 20 fast presses."""
    page = browser.new_context(**WINDOW).new_page()
    count = count_messages(page)
    page.goto(f"{url}/?step=10")
    page.locator("[data-testid=stage][data-step]").wait_for()
    page.wait_for_timeout(3_000)
    before = count[0]
    page.get_by_test_id("stage").focus()
    page.evaluate(WATCH_STAGE)
    for number in range(presses):
        page.keyboard.press("ArrowRight" if number % 40 < 20 else "ArrowLeft")
        page.wait_for_timeout(37)
    latencies = page.evaluate("window.latencies")
    start = step_of(page)
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)
    result = latencies, count[0] - before, step_of(page) - start
    page.context.close()
    return result


def rerun_latencies(browser: Any, url: str, presses: int) -> list[float]:
    """The same step by a rerun that redraws the heat maps, in ms."""
    page = browser.new_context(**WINDOW).new_page()
    page.goto(url)
    page.locator(".gtitle").nth(1).wait_for()
    page.wait_for_timeout(2_000)
    page.evaluate(WATCH_RERUN)
    latencies = []
    for step in range(11, 11 + presses):
        page.get_by_role("button", name="next").click()
        latencies.append(page.evaluate(RERUN_DONE, step))
    page.context.close()
    return latencies


def load_time(browser: Any, url: str, selector: str) -> float:
    """Seconds from opening `url` in a fresh window to `selector`."""
    page = browser.new_context(**WINDOW).new_page()
    start = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.locator(selector).first.wait_for()
    took = time.perf_counter() - start
    page.context.close()
    return took


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main(presses: int, loads: int) -> None:
    """Run both benches and print one table."""
    path = find_chromium()
    if path is None:
        raise SystemExit("no Chromium on the path: install it to run this bench")
    with tempfile.TemporaryDirectory() as folder, launched(path) as browser:
        logs = Path(folder)
        with (
            serving(ROOT / "app.py", logs / "app") as app,
            serving(BENCH / "plain_rerun.py", logs / "rerun") as rerun,
            serving(BENCH / "plain_page.py", logs / "page") as plain,
        ):
            for url, shown in ((app, "[data-step]"), (plain, ".js-plotly-plot")):
                load_time(browser, url, shown)  # the first visit imports torch
            stage, messages, steps = stage_latencies(browser, app, presses)
            plotly = rerun_latencies(browser, rerun, max(10, presses // 10))
            first = [
                (load_time(browser, app, "[data-step]"), load_time(browser, plain, ".main-svg"))
                for _ in range(loads)
            ]
    _print_table(stage, messages, steps, plotly, first)


def _print_table(
    stage: list[float], messages: int, steps: int, plotly: list[float], first: list
) -> None:
    median, late = statistics.median(stage), percentile(stage, 0.95)
    ratio = statistics.median(plotly) / median
    opens = statistics.median(a / b for a, b in first)
    stage_s, plain_s = (statistics.median(column) for column in zip(*first, strict=True))
    rows = [
        ("step on the stage, median", f"{median:.1f} ms", "<= 17 ms"),
        ("step on the stage, 95 %", f"{late:.1f} ms", "<= 34 ms"),
        ("websocket messages meanwhile", str(messages), "0"),
        ("steps made by 20 fast presses", str(steps), "20"),
        ("step by rerun, median", f"{statistics.median(plotly):.0f} ms", ""),
        ("rerun / stage", f"{ratio:.1f} x", ">= 8 x"),
        ("first stage, median", f"{stage_s:.2f} s", ""),
        ("bare page with one chart, median", f"{plain_s:.2f} s", ""),
        ("first stage / bare page", f"{opens:.2f} x", "<= 1 x"),
    ]
    print(f"{len(stage)} presses on the stage, {len(plotly)} reruns, {len(first)} pairs of loads")
    for name, value, goal in rows:
        print(f"{name:34} {value:>10}   {goal}")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:3]]
    main(*(numbers + [200, 10][len(numbers) :]))
