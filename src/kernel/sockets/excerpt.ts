/** Lines of source around an error, with a caret or squiggle: what type errors and run-time errors both show. */

/** Lines shown before the one that is meant. */
const LINES_BEFORE = 2;

/**
 * @param line 1-based
 * @param column 1-based, in UTF-16 units
 * @param length how much is underlined; 1 gives a caret, more a squiggle
 */
export function excerpt(source: string, line: number, column: number, length = 1): string[] {
  const lines = source.split(/\r?\n/);
  if (line < 1 || line > lines.length) return [];
  const first = Math.max(1, line - LINES_BEFORE);
  const width = String(line).length;
  const shown = lines
    .slice(first - 1, line)
    .map((text, index) => `${first + index === line ? ">" : " "} ${String(first + index).padStart(width)} | ${text}`);
  const text = lines[line - 1];
  const indent = text.slice(0, column - 1).replace(/[^\t]/g, " ");
  const underlined = Math.max(1, Math.min(length, text.length - column + 1));
  return [...shown, `  ${" ".repeat(width)} | ${indent}${underlined > 1 ? "~".repeat(underlined) : "^"}`];
}
