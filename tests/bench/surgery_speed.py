"""How soon a change answers: from the click to the frame that shows what followed.

python tests/bench/surgery_speed.py [changes]
"""

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.browser import ROOT, find_chromium, launched, serving

# A frame is over when a message posted while it was drawn arrives.
WATCH = """() => {
  window.latencies = [];
  const stage = document.querySelector("[data-testid=stage]");
  let asked = null;
  document.addEventListener("click", (event) => { asked = event.timeStamp; }, true);
  new MutationObserver(() => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    const start = asked;
    channel.port1.onmessage = () => window.latencies.push(performance.now() - start);
    channel.port2.postMessage(0);
  })).observe(stage, { attributes: true, attributeFilter: ["data-answered"] });
}"""


def click_and_wait(page: Any, name: str, count: int) -> None:
    page.get_by_role("button", name=name).first.click()
    page.wait_for_function("n => window.latencies.length >= n", arg=count, timeout=30_000)
    page.wait_for_timeout(250)


def measure(browser: Any, url: str, preset: str, changes: int, models: str) -> list[float]:
    window = {"viewport": {"width": 1280, "height": 800}}
    page = browser.new_context(**window).new_page()
    page.goto(f"{url}/?preset={preset}&models={models}")
    page.locator("[data-testid=stage][data-step]").wait_for()
    page.wait_for_timeout(3_000)
    page.keyboard.press("e")
    page.evaluate(WATCH)
    names = ("Forget, once", "Erase the memory, once")
    for number in range(changes):
        click_and_wait(page, names[number % 2], number + 1)
    return [float(each) for each in page.evaluate("window.latencies")]


def main() -> None:
    changes = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    path = find_chromium()
    if path is None:
        raise SystemExit("install Chromium to run this benchmark")
    log = Path(tempfile.mkdtemp()) / "log.txt"
    with serving(ROOT / "app.py", log) as url, launched(path) as browser:
        print("preset        models     median ms   95 % ms   (to reach: 150)")
        for preset in ("recall", "short-recall", "python"):
            for models in ("lstm", "lstm,rnn"):
                found = sorted(measure(browser, url, preset, changes, models))
                late = found[int(0.95 * (len(found) - 1))]
                print(f"{preset:13} {models:10} {statistics.median(found):9.0f} {late:9.0f}")


if __name__ == "__main__":
    main()
