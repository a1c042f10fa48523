/** A figure as JSON holds it: plain arrays, null for numbers that are not finite. */
export interface PlainFigure {
  readonly data: Record<string, unknown>[];
  readonly layout: Record<string, unknown>;
  readonly config?: Record<string, unknown>;
}
