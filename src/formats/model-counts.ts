/**
 * Answers of model counters, in the form of the model counting competitions since 2021, read and written.
 *
 *     s SATISFIABLE
 *     c s type mc
 *     c s log10-estimate 2.58433
 *     c s exact arb int 384          also: arb frac 1/2, arb float ..., double prec-sci ..., quadruple float ...
 */
import { Tokenizer } from "./tokenizer.ts";
import { collect } from "./write.ts";

export interface ModelCount {
  /** ln of the count, natural log; -Infinity if there is no model. */
  readonly logCount: number;
  /** The count itself, where the answer has it as an integer. */
  readonly count?: bigint;
  readonly satisfiable?: boolean;
  /** mc, wmc, pmc, pwmc. */
  readonly type?: string;
  /** Whether the counter says "exact", not "approx" or only an estimate. */
  readonly isExact: boolean;
}

/**
 * Reads a model counter's answer.
 * @throws FormatError with line and column; also if there is no count in it, or it is negative and so has no logarithm.
 */
export function readModelCount(path: string): ModelCount {
  return Tokenizer.readFile(path, parse);
}

/** Reads a model counter's answer from a text; `name` stands for the file in messages. */
export function parseModelCount(text: string, name = "text"): ModelCount {
  return Tokenizer.readText(text, name, parse);
}

function parse(tokens: Tokenizer): ModelCount {
  let satisfiable: boolean | undefined;
  let type: string | undefined;
  let estimate: number | undefined;
  let found: { logCount: number; count?: bigint; isExact: boolean } | undefined;
  while (tokens.advance()) {
    const words = lineWords(tokens);
    if (words[0] === "s") satisfiable = readStatus(tokens, words[1]);
    else if (words[0] === "c" && (words[1] === "s" || words[1] === "o")) {
      if (words[2] === "type") type = words[3];
      else if (words[2] === "log10-estimate") estimate = logarithm(tokens, words[3], true);
      else if (words[2] === "exact" || words[2] === "approx") found = readCount(tokens, words);
    }
  }
  const unsatisfiable = satisfiable === false ? { logCount: -Infinity, count: 0n, isExact: true } : undefined;
  const estimated = estimate === undefined ? undefined : { logCount: estimate, isExact: false };
  const answer = found ?? unsatisfiable ?? estimated;
  if (answer === undefined) throw tokens.unexpected('a count, e.g. "c s exact arb int 384"');
  return { ...answer, ...(satisfiable === undefined ? {} : { satisfiable }), ...(type === undefined ? {} : { type }) };
}

/** The words of the current line, whose first word has been read. The last one stays the current word. */
function lineWords(tokens: Tokenizer): string[] {
  const words = [tokens.word];
  while (tokens.hasMoreOnLine() && tokens.advance()) words.push(tokens.word);
  return words;
}

function readStatus(tokens: Tokenizer, status: string | undefined): boolean | undefined {
  if (status === "SATISFIABLE") return true;
  if (status === "UNSATISFIABLE") return false;
  if (status === "UNKNOWN") return undefined;
  throw tokens.unexpected('"SATISFIABLE", "UNSATISFIABLE" or "UNKNOWN"');
}

function readCount(tokens: Tokenizer, words: string[]): { logCount: number; count?: bigint; isExact: boolean } {
  const value = words.at(-1)!;
  const isExact = words[2] === "exact";
  if (words[4] === "int" || /^\d+$/.test(value)) {
    if (!/^\d+$/.test(value)) throw tokens.unexpected("a count, an integer >= 0");
    return { logCount: logarithm(tokens, value), count: BigInt(value), isExact };
  }
  const [numerator, denominator = "1"] = value.split("/", 2);
  return { logCount: logarithm(tokens, numerator) - logarithm(tokens, denominator), isExact };
}

/** ln of a decimal; with `isLog10`, of 10 to that decimal. */
function logarithm(tokens: Tokenizer, decimal: string | undefined, isLog10 = false): number {
  const isNumber = decimal !== undefined && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(decimal);
  if (isLog10) {
    if (decimal === "-inf") return -Infinity;
    if (!isNumber) throw tokens.unexpected("a number");
    return Number(decimal) * Math.LN10;
  }
  if (!isNumber) throw tokens.unexpected("a count, a number >= 0");
  return Tokenizer.readText(decimal, tokens.file, (digits) => digits.nextLogarithm("a number >= 0"));
}

/** The text of a model counter's answer. */
export function modelCountText(answer: ModelCount): string {
  const lines: string[] = [];
  const isUnsatisfiable = answer.logCount === -Infinity;
  lines.push(`s ${isUnsatisfiable ? "UNSATISFIABLE" : "SATISFIABLE"}`);
  if (answer.type !== undefined) lines.push(`c s type ${answer.type}`);
  lines.push(`c s log10-estimate ${isUnsatisfiable ? "-inf" : answer.logCount / Math.LN10}`);
  if (answer.count !== undefined) lines.push(`c s ${answer.isExact ? "exact" : "approx"} arb int ${answer.count}`);
  return collect(lines.map((line) => `${line}\n`));
}
