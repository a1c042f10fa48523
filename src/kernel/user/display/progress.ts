/**
 * `progress()`: a bar that is a live widget where the front end has widgets, and a line of text that is renewed
 * elsewhere.
 */
import { performance } from "node:perf_hooks";
import { WIDGET_VIEW_MIME, type Widget, type Widgets } from "./widgets.ts";

// User code may shadow globals; these stay what they are.
const { Array, Math, Object, String, Symbol } = globalThis;

const REFRESH_MS = 100; // milliseconds between renewals: more often nobody sees
const BAR_CHARACTERS = 30; // characters of the bar in text

type Show = (data: Record<string, unknown>) => (data: Record<string, unknown>) => void;

class ProgressBar {
  readonly total: number | undefined;
  readonly label: string;
  #value = 0;
  #shownAt = -Infinity;
  #ended = false;
  readonly #begun = performance.now();
  readonly #widgets: Widgets;
  readonly #bar: Widget;
  readonly #text: Widget;
  readonly #renew: ReturnType<Show>;
  readonly #view: Record<string, unknown>;

  /** @param total the number of steps; undefined when nobody knows */
  constructor(widgets: Widgets, show: Show, total: number | undefined, label: string) {
    this.total = total;
    this.label = label;
    this.#widgets = widgets;
    this.#bar = widgets.control("FloatProgress", "ProgressStyleModel", {
      _view_name: "ProgressView",
      description: label,
      min: 0,
      max: total || 1,
      value: 0,
      bar_style: "",
      orientation: "horizontal",
    });
    this.#text = widgets.control("Label", "LabelStyleModel", { value: this.#numbers() });
    this.#view = { [WIDGET_VIEW_MIME]: widgets.row([this.#bar, this.#text]).view };
    this.#renew = show({ ...this.#view, "text/plain": String(this) });
    this.#shownAt = performance.now();
  }

  /** Steps done. */
  get value(): number {
    return this.#value;
  }
  set value(value: number) {
    this.#value = value;
    if (this.#ended || performance.now() - this.#shownAt < REFRESH_MS) return;
    this.#shownAt = performance.now();
    this.#show();
  }

  advance(steps = 1): void {
    this.value += steps;
  }

  /** Shows the last state. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const isDone = this.total === undefined || this.#value >= this.total;
    this.#bar.set({ bar_style: isDone ? "success" : "danger", max: this.total || Math.max(1, this.#value) });
    this.#show();
    if (this.#widgets.isShown) this.#renewText(); // what a saved notebook shows
  }

  #show(): void {
    if (!this.#widgets.isShown) this.#renewText();
    this.#bar.set({ value: this.#value });
    this.#text.set({ value: this.#numbers() });
  }

  #renewText(): void {
    this.#renew({ ...this.#view, "text/plain": String(this) });
  }

  #numbers(): string {
    const seconds = (performance.now() - this.#begun) / 1000;
    const left =
      this.total && this.#value > 0 && !this.#ended ? (seconds * (this.total - this.#value)) / this.#value : 0;
    const steps = this.total === undefined ? String(this.#value) : `${this.#value} of ${this.total}`;
    return `${steps}, ${seconds.toFixed(1)} s${left > 0 ? `, ${left.toFixed(1)} s left` : ""}`;
  }

  toString(): string {
    const label = this.label ? `${this.label} ` : "";
    if (!this.total) return `${label}${this.#numbers()}`;
    const share = Math.min(1, Math.max(0, this.#value / this.total));
    const filled = Math.round(share * BAR_CHARACTERS);
    return `${label}|${"█".repeat(filled)}${"·".repeat(BAR_CHARACTERS - filled)}| ${Math.round(100 * share)} %, ${this.#numbers()}`;
  }
}

type Items = Iterable<unknown> | AsyncIterable<unknown>;

/**
 * Installs `progress(total, label)`, which gives a bar, and `progress(items, label)`, which gives the items and counts
 * them.
 */
export function installProgress(widgets: Widgets, show: Show): void {
  const progress = (what: number | Items, label = ""): unknown => {
    if (typeof what === "number") return new ProgressBar(widgets, show, what, label);
    return Symbol.asyncIterator in what
      ? countAwaited(what, new ProgressBar(widgets, show, sizeOf(what), label))
      : count(what, new ProgressBar(widgets, show, sizeOf(what), label));
  };
  Object.defineProperty(globalThis, "progress", { value: progress, writable: true, configurable: true });
}

function sizeOf(items: Items): number | undefined {
  if (Array.isArray(items) || typeof items === "string") return items.length;
  const { length, size } = items as { length?: unknown; size?: unknown };
  return typeof length === "number" ? length : typeof size === "number" ? size : undefined;
}

function* count(items: Iterable<unknown>, bar: ProgressBar): Generator {
  try {
    for (const item of items) {
      yield item;
      bar.advance();
    }
  } finally {
    bar.end();
  }
}

async function* countAwaited(items: AsyncIterable<unknown>, bar: ProgressBar): AsyncGenerator {
  try {
    for await (const item of items) {
      yield item;
      bar.advance();
    }
  } finally {
    bar.end();
  }
}
