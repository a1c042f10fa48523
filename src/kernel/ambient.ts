/** The globals that a cell has beside Node's, as TypeScript sees them; display.ts provides them at run time. */
export const AMBIENT_TYPES = `
/** Something shown that can be shown anew in place. */
interface DisplayHandle {
  readonly id: string;
  /** Shows another value where the first one stands. */
  update(value: unknown, options?: Omit<DisplayOptions, "id">): void;
}
interface DisplayOptions {
  /** Names the display, so that it can be updated; made up when absent. */
  id?: string;
  /** The value is a MIME bundle already, as { "text/html": "<b>bold</b>" }. */
  raw?: boolean;
  /** Metadata of the MIME types, as { "image/png": { width: 300 } }. */
  metadata?: Record<string, unknown>;
}
/** Shows a value below the cell, as the cell's last expression would be shown. */
declare function display(value: unknown, options?: DisplayOptions): DisplayHandle;
/** Removes what the cell has shown so far; with \`wait\` only when the next output arrives. */
declare function clearOutput(wait?: boolean): void;
`;
