/** Numbers for readers: as many digits as mean something, one number of decimals a column where that can be. */

const exponent = (value: number) => Math.floor(Math.log10(Math.abs(value)));

/** One number with at most `digits` significant digits: 0.001234, 12.35, 1.234e-9; integers below 1e15 in full. */
export function formatNumber(value: number, digits = 4): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
  if (value === 0 || (Number.isInteger(value) && Math.abs(value) < 1e15)) return String(value);
  const power = exponent(value);
  if (power < -4 || power > 6) return value.toExponential(digits - 1).replace(/\.?0*e\+?/, "e");
  return String(Number(value.toFixed(Math.max(0, digits - 1 - power))));
}

/**
 * The formatter of a column: all values with the same decimals when they span less than three powers of ten, so that
 * magnitudes can be compared by eye, and no zeros that all of them end in; else each by itself.
 */
export function columnFormatter(values: readonly number[], digits = 4): (value: number) => string {
  const finite = values.filter(Number.isFinite);
  const powers = finite.filter((value) => value !== 0).map(exponent);
  const smallest = Math.min(...powers);
  const largest = Math.max(...powers);
  if (!powers.length || finite.every(Number.isInteger) || largest - smallest >= 3 || smallest < -4 || largest > 6)
    return (value) => formatNumber(value, digits);
  let decimals = Math.max(0, digits - 1 - smallest);
  const texts = finite.map((value) => value.toFixed(decimals));
  const sharedZeros = Math.min(...texts.map((text) => /0*$/.exec(text)![0].length));
  decimals -= Math.min(decimals, sharedZeros);
  return (value) => (Number.isFinite(value) ? value.toFixed(decimals) : formatNumber(value, digits));
}
