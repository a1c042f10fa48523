/** The name that somebody most likely meant. */

/** Insertions, deletions and replacements of characters that make `a` into `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, character] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++)
      next.push(Math.min(next[j] + 1, row[j + 1] + 1, row[j] + (character === b[j] ? 0 : 1)));
    row = next;
  }
  return row[b.length];
}

/** The name at the least edit distance, case aside; the first of several, undefined if there are none. */
export function nearestName(written: string, names: readonly string[]): string | undefined {
  const distances = names.map((name) => editDistance(written.toLowerCase(), name.toLowerCase()));
  return names[distances.indexOf(Math.min(...distances))];
}
