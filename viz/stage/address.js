// The page's address names models, step, unit and focus, so that a copied one shows the same.

const WRITE_AFTER = 200; // milliseconds; browsers refuse addresses that change all the time

class Address {
  constructor(stage) {
    this.stage = stage;
  }

  /** Write soon; many changes are written once. */
  write() {
    if (!this.stage.header.address) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.writeNow(), WRITE_AFTER);
  }

  /** Whether the address tells other changes than the stage shows, as after a page was left. */
  get stale() {
    const told = new URL(window.location.href).searchParams.get("changes") ?? "";
    return told !== this.changes();
  }

  /** The changes as the address tells them; empty where there are none or too many. */
  changes() {
    const { given, items } = this.stage.surgery;
    const text = given && items.length ? JSON.stringify(items) : "";
    return text.length <= (given?.most ?? 0) ? text : "";
  }

  writeNow() {
    const { state } = this.stage;
    const url = new URL(window.location.href);
    url.searchParams.set("models", state.models.join(","));
    url.searchParams.set("step", state.step);
    url.searchParams.set("unit", state.units[state.focus]);
    url.searchParams.set("focus", state.focus);
    const changes = this.changes();
    if (changes) url.searchParams.set("changes", changes);
    else url.searchParams.delete("changes");
    try {
      window.history.replaceState(window.history.state, "", url);
    } catch {
      // a page opened from disk may not change its address; nothing else depends on it
    }
  }

  stop() {
    clearTimeout(this.timer);
  }
}
