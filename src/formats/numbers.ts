/** Numbers as text: the shortest decimal that is read back as the same value. */

const MAX_EXPONENT = Math.log(Number.MAX_VALUE);
const MIN_EXPONENT = Math.log(2 ** -1022);

/**
 * exp(logPotential) as a decimal whose logarithm is `logPotential` again wherever that of a double is; the shortest of
 * the candidates. Beyond the range of doubles the decimal is put together from the logarithm itself ("3.5e-400"), so
 * nothing becomes 0 or infinite.
 * @throws RangeError for NaN and +Infinity.
 */
export function potentialText(logPotential: number): string {
  if (logPotential === -Infinity) return "0";
  if (Number.isNaN(logPotential) || logPotential === Infinity)
    throw new RangeError(`cannot write ln potential ${logPotential}, expected a number below Infinity`);
  if (logPotential > MIN_EXPONENT && logPotential < MAX_EXPONENT) {
    const value = Math.exp(logPotential);
    const rounded = Number(value.toPrecision(15));
    if (Math.log(rounded) === logPotential) return String(rounded);
    if (Math.log(value) === logPotential) return String(value);
    const step = value * 2 ** -53;
    for (const neighbour of [value + step, value - step, value + 2 * step, value - 2 * step])
      if (Math.log(neighbour) === logPotential) return String(neighbour);
    return String(value);
  }
  const exponent = Math.floor(logPotential / Math.LN10);
  const mantissa = Math.exp(logPotential - exponent * Math.LN10);
  // 17 digits without an exponent of their own: the mantissa is between 1 and 10 up to rounding.
  return `${mantissa}e${exponent}`;
}

/** A number as the competitions write it: shortest round trip; "inf", "-inf". */
export function numberText(value: number): string {
  if (Number.isNaN(value)) throw new RangeError("cannot write NaN");
  return value === Infinity ? "inf" : value === -Infinity ? "-inf" : String(value);
}

/**
 * log10 of a number given by its natural log, to 15 digits: one more would show rounding, log10 10 as
 * .9999999999999998.
 */
export function log10Of(log: number): number {
  return Number((log / Math.LN10).toPrecision(15));
}
