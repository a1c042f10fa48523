/**
 * Ours against the paper's, by rule. What the paper gives is a number, an interval, or a claim in words.
 *
 *   no reference  the paper gives nothing to compare with, or nobody said whether the claim holds
 *   match         ours lies in the paper's interval [low, high] widened by `tolerance` and by two standard errors of
 *                 ours; a claim holds
 *   better        ours lies outside, on the side that `better` names ("closer to zero": nearer to zero than the
 *   interval)
 *   worse         ours lies outside, on the other side
 *   differs       ours lies outside and neither side is better; ours is not a number; a claim does not hold
 */

export type Verdict = "match" | "better" | "worse" | "differs" | "no reference";

export interface Comparison {
  readonly quantity: string;
  /** The paper's number, [low, high], or claim; absent when the paper gives none. */
  readonly paper?: number | readonly [low: number, high: number] | string | null;
  /** For a claim, whatever shows how it stands. */
  readonly ours: number | string;
  readonly standardError?: number;
  readonly better?: "lower" | "higher" | "closer to zero";
  /** How exactly the paper's value is known, e.g. half a line's width where it was read off a plot; absolute. */
  readonly tolerance?: number;
  /** For a claim: whether it holds for our results, decided by the notebook's code. */
  readonly holds?: boolean;
  /** Said instead of the rule's own reason. */
  readonly why?: string;
}

export interface Judged {
  readonly verdict: Verdict;
  readonly why: string;
}

/**
 * Judges one comparison by the rule above.
 * @throws RangeError for an interval that is not one, a negative or NaN tolerance or standard error.
 */
export function judge(comparison: Comparison): Judged {
  const { verdict, why } = ruled(comparison);
  return { verdict, why: comparison.why ?? why };
}

function ruled({ quantity, paper, ours, standardError = 0, tolerance = 0, better, holds }: Comparison): Judged {
  if (paper === undefined || paper === null) return { verdict: "no reference", why: "the paper gives no value" };
  if (typeof paper === "string") {
    if (holds === undefined) return { verdict: "no reference", why: "the claim was not put to the test" };
    return holds
      ? { verdict: "match", why: "the paper's claim holds" }
      : { verdict: "differs", why: "the paper's claim does not hold" };
  }
  const [low, high] = typeof paper === "number" ? [paper, paper] : paper;
  if (!(low <= high))
    throw new RangeError(`"${quantity}": the paper's interval must be [low, high], got [${low}, ${high}]`);
  if (!(tolerance >= 0)) throw new RangeError(`"${quantity}": tolerance must not be negative, got ${tolerance}`);
  if (!(standardError >= 0))
    throw new RangeError(`"${quantity}": standardError must not be negative, got ${standardError}`);
  if (typeof ours !== "number" || Number.isNaN(ours))
    return { verdict: "differs", why: `ours is not a number: ${ours}` };

  const margin = tolerance + 2 * standardError;
  const paperIs = typeof paper === "number" ? "the paper's value" : "the paper's interval";
  const widened = [tolerance > 0 && `tolerance ${tolerance}`, standardError > 0 && "two standard errors"].filter(
    Boolean,
  );
  if (ours >= low - margin && ours <= high + margin) {
    const within = ours >= low && ours <= high ? "" : ` within ${widened.join(" and ")}`;
    return { verdict: "match", why: `agrees with ${paperIs}${within}` };
  }
  const side = ours < low ? "below" : "above";
  const beyond = `${side} ${paperIs}${widened.length ? ` by more than ${widened.join(" and ")}` : ""}`;
  if (better === undefined) return { verdict: "differs", why: beyond };
  const nearest = low <= 0 && high >= 0 ? 0 : Math.min(Math.abs(low), Math.abs(high));
  const isBetter =
    better === "lower" ? side === "below" : better === "higher" ? side === "above" : Math.abs(ours) < nearest;
  return { verdict: isBetter ? "better" : "worse", why: `${beyond}; ${better} is better` };
}
