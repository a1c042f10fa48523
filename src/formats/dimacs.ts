/**
 * DIMACS CNF, with the lines that the model counting competitions added, read and written.
 *
 *     p cnf VARIABLES CLAUSES
 *     1 -3 0                      a clause: literals up to a 0, over any number of lines
 *     c p weight L W 0            weight of a literal: decimal or fraction; if -L has none, it weighs 1 - W
 *     c p show V V ... 0          variables to project on, over any number of lines
 *     c ind V V ... 0             an independent support
 *     c t TYPE                    the task: mc, wmc, pmc, pwmc
 *
 * The closing 0 of the c lines may be absent. The file is read to its end whatever the header's number of clauses says
 * (many public files say too few, having their evidence behind); a difference is a warning. A line "%" ends the formula
 * (SATLIB).
 */
import { cnfFactorGraph, defaultCnfGraphOptions, type CnfFormula, type CnfGraphOptions } from "../graph/cnf.ts";
import { FormatError } from "./format-error.ts";
import { GrowableInt32 } from "./growable.ts";
import { defaultReadLimits, type Model, type ReadLimits } from "./model.ts";
import { numberText } from "./numbers.ts";
import { Tokenizer } from "./tokenizer.ts";
import { collect, writeAtomically } from "./write.ts";

export interface DimacsFile {
  readonly formula: CnfFormula;
  /** What `c t` says, e.g. "pwmc". */
  readonly task?: string;
  /** The header's number of clauses, right or not. */
  readonly announcedClauses: number;
  readonly warnings: readonly string[];
}

/**
 * Reads a DIMACS CNF file.
 * @throws FormatError with line and column: no header, a literal beyond the header's variables, a clause without its 0,
 *   a wrong word,
 * weights that are no real numbers, two weights for one literal.
 */
export function readDimacs(path: string, limits: ReadLimits = defaultReadLimits): DimacsFile {
  return Tokenizer.readFile(path, (tokens) => new DimacsReader(tokens, limits).read());
}

/** Reads a DIMACS CNF text; `name` stands for the file in messages. */
export function parseDimacs(text: string, name = "text", limits: ReadLimits = defaultReadLimits): DimacsFile {
  return Tokenizer.readText(text, name, (tokens) => new DimacsReader(tokens, limits).read());
}

/**
 * Reads a DIMACS CNF file as a factor graph whose Z is its (weighted) model count. Variables are labelled 1, 2, ... as
 * in the file; those that split wide clauses come last.
 */
export function readCnfModel(
  path: string,
  limits: ReadLimits = defaultReadLimits,
  options: Partial<CnfGraphOptions> = {},
): Model {
  return cnfModel(readDimacs(path, limits), path, { ...defaultCnfGraphOptions, ...limits, ...options });
}

/**
 * A DIMACS file's formula as a factor graph. @throws FormatError if it has none: negative weights, tables beyond
 * maxEntries.
 */
export function cnfModel(dimacs: DimacsFile, name = "text", options: Partial<CnfGraphOptions> = {}): Model {
  const { formula } = dimacs;
  const warnings = [...dimacs.warnings];
  if (formula.projection !== undefined)
    warnings.push(`${name}: Z counts over all variables; the projection (c p show) is not taken in`);
  try {
    const graph = cnfFactorGraph(formula, options);
    return {
      graph,
      variableLabels: Int32Array.from({ length: graph.numVariables }, (_, variable) => variable + 1),
      ...(graph.numVariables > formula.numVariables ? { firstAuxiliaryVariable: formula.numVariables } : {}),
      warnings,
    };
  } catch (error) {
    if (error instanceof RangeError) throw new FormatError(name, 0, 0, error.message);
    throw error;
  }
}

interface Place {
  readonly line: number;
  readonly column: number;
}

class DimacsReader {
  readonly #tokens: Tokenizer;
  readonly #limits: ReadLimits;
  readonly #literals = new GrowableInt32();
  readonly #clauseEnds = new GrowableInt32();
  readonly #weights = new Map<number, number>();
  readonly #projection = new Set<number>();
  readonly #independentSupport = new Set<number>();
  /** Where the largest variable of a c line stands: such lines may come before the header. */
  #largestNamed: Place & { variable: number } = { variable: 0, line: 0, column: 0 };
  #isProjected = false;
  #hasSupport = false;
  #task: string | undefined;
  #numVariables = -1;
  #announcedClauses = 0;

  constructor(tokens: Tokenizer, limits: ReadLimits) {
    this.#tokens = tokens;
    this.#limits = limits;
  }

  read(): DimacsFile {
    const tokens = this.#tokens;
    let clauseLine = 0; // of the clause that is open, 0 if none is
    while (tokens.advance()) {
      if (tokens.isNumber) {
        if (this.#numVariables < 0)
          throw tokens.unexpected('the header "p cnf VARIABLES CLAUSES" before the first clause');
        const literal = tokens.value;
        if (!Number.isInteger(literal) || Math.abs(literal) > this.#numVariables)
          throw tokens.unexpected(
            `a literal from 1 to ${this.#numVariables} (the header's variables), its negative, or 0`,
          );
        if (literal === 0) {
          this.#clauseEnds.push(this.#literals.length);
          clauseLine = 0;
        } else {
          this.#literals.push(literal);
          if (clauseLine === 0) clauseLine = tokens.line;
        }
        continue;
      }
      const word = tokens.word;
      if (word.startsWith("c")) this.#readComment(word);
      else if (word === "p") this.#readHeader();
      else if (word === "%" && clauseLine === 0) {
        if (tokens.advance() && tokens.word !== "0") throw tokens.unexpected('0 or the end of the file after "%"');
        tokens.expectEnd('"%" and 0');
      } else throw tokens.unexpected('a literal, a line of "c ..." or "p cnf ..."');
    }
    if (clauseLine > 0) throw tokens.unexpected(`the 0 that closes the clause begun in line ${clauseLine}`);
    if (this.#numVariables < 0) throw tokens.unexpected('the header "p cnf VARIABLES CLAUSES"');
    return this.#finish();
  }

  #readHeader(): void {
    const tokens = this.#tokens;
    if (this.#numVariables >= 0) throw tokens.error('a second header "p ..."');
    if (tokens.nextWord('"cnf"') !== "cnf") throw tokens.unexpected('"cnf"');
    this.#numVariables = tokens.nextInteger(0, 0x7ffffffe, "the number of variables");
    if (2 * this.#numVariables > this.#limits.maxEntries)
      throw tokens.error(
        `${this.#numVariables} variables have more states than maxEntries = ${this.#limits.maxEntries}`,
      );
    this.#announcedClauses = tokens.nextInteger(0, Number.MAX_SAFE_INTEGER, "the number of clauses");
  }

  /** A comment line, its first word read: one with a meaning, or left out. */
  #readComment(first: string): void {
    const tokens = this.#tokens;
    if (first === "c" && this.#isNextOnLine()) {
      const word = tokens.word;
      if (word === "p" && this.#isNextOnLine()) {
        if (tokens.word === "weight") return this.#readWeight();
        if (tokens.word === "show") {
          this.#isProjected = true;
          return this.#readVariables(this.#projection);
        }
      } else if (word === "ind") {
        this.#hasSupport = true;
        return this.#readVariables(this.#independentSupport);
      } else if (word === "t" && this.#isNextOnLine()) this.#task ??= tokens.word;
    }
    tokens.skipLine();
  }

  #isNextOnLine(): boolean {
    return this.#tokens.hasMoreOnLine() && this.#tokens.advance();
  }

  #readVariables(into: Set<number>): void {
    const tokens = this.#tokens;
    while (tokens.hasMoreOnLine()) {
      const variable = tokens.nextInteger(0, 0x7ffffffe, "a variable");
      if (variable === 0) return this.#expectLineEnd();
      this.#noteVariable(variable);
      into.add(variable - 1);
    }
  }

  #readWeight(): void {
    const tokens = this.#tokens;
    if (!tokens.hasMoreOnLine())
      throw tokens.error('the line ends, expected a literal and its weight after "c p weight"');
    const literal = tokens.nextInteger(-0x7ffffffe, 0x7ffffffe, "a literal");
    if (literal === 0) throw tokens.unexpected("a literal, which is not 0");
    this.#noteVariable(Math.abs(literal));
    if (!this.#isNextOnLine()) throw tokens.error(`the line ends, expected the weight of literal ${literal}`);
    const weight = parseWeight(tokens);
    const before = this.#weights.get(literal);
    if (before !== undefined && before !== weight)
      throw tokens.error(`literal ${literal} has weight ${before} and weight ${weight}`);
    this.#weights.set(literal, weight);
    if (this.#isNextOnLine()) {
      if (tokens.word !== "0") throw tokens.unexpected("0 or the end of the line after a weight (one real number)");
      this.#expectLineEnd();
    }
  }

  #expectLineEnd(): void {
    if (this.#isNextOnLine()) throw this.#tokens.unexpected("the end of the line after 0");
  }

  #noteVariable(variable: number): void {
    if (variable > this.#largestNamed.variable)
      this.#largestNamed = { variable, line: this.#tokens.line, column: this.#tokens.column };
  }

  #finish(): DimacsFile {
    const { file } = this.#tokens;
    const { variable, line, column } = this.#largestNamed;
    if (variable > this.#numVariables)
      throw new FormatError(
        file,
        line,
        column,
        `got variable ${variable}, expected 1 to ${this.#numVariables} (the header's variables)`,
      );
    const numClauses = this.#clauseEnds.length;
    const clauseOffsets = new Int32Array(numClauses + 1);
    clauseOffsets.set(this.#clauseEnds.toArray(), 1);
    return {
      formula: {
        numVariables: this.#numVariables,
        numClauses,
        clauseOffsets,
        literals: this.#literals.toArray(),
        ...(this.#weights.size > 0 ? { weights: this.#completeWeights() } : {}),
        ...(this.#isProjected ? { projection: Int32Array.from(this.#projection).sort() } : {}),
        ...(this.#hasSupport ? { independentSupport: Int32Array.from(this.#independentSupport).sort() } : {}),
      },
      ...(this.#task === undefined ? {} : { task: this.#task }),
      announcedClauses: this.#announcedClauses,
      warnings:
        numClauses === this.#announcedClauses
          ? []
          : [`${file}: the header announces ${this.#announcedClauses} clauses, the file has ${numClauses}`],
    };
  }

  #completeWeights(): Float64Array {
    const weights = new Float64Array(2 * this.#numVariables).fill(1);
    for (const [literal, weight] of this.#weights) {
      const variable = Math.abs(literal) - 1;
      weights[2 * variable + (literal > 0 ? 1 : 0)] = weight;
      if (!this.#weights.has(-literal)) weights[2 * variable + (literal > 0 ? 0 : 1)] = 1 - weight;
    }
    return weights;
  }
}

/** The current word as a weight: a decimal or a fraction of two. */
function parseWeight(tokens: Tokenizer): number {
  const decimal = "[+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?";
  const match = new RegExp(`^(${decimal})(?:/(${decimal}))?$`).exec(tokens.word);
  const weight = match === null ? NaN : Number(match[1]) / Number(match[2] ?? 1);
  if (!Number.isFinite(weight)) throw tokens.unexpected("a real weight: a decimal number or a fraction like 1/3");
  return weight;
}

/** The DIMACS text of a formula, in pieces; weights and projection as in the model counting competitions. */
export function* formatDimacs(formula: CnfFormula, task?: string): Generator<string> {
  const { numVariables, numClauses, clauseOffsets, literals, weights, projection, independentSupport } = formula;
  if (task !== undefined) yield `c t ${task}\n`;
  yield `p cnf ${numVariables} ${numClauses}\n`;
  const list = (variables: Int32Array): string =>
    Array.from(variables, (variable) => `${variable + 1} `).join("") + "0\n";
  if (projection !== undefined) yield `c p show ${list(projection)}`;
  if (independentSupport !== undefined) yield `c ind ${list(independentSupport)}`;
  if (weights !== undefined)
    for (let variable = 0; variable < numVariables; variable++) {
      const [negative, positive] = [weights[2 * variable], weights[2 * variable + 1]];
      if (negative !== 1 || positive !== 1)
        yield `c p weight ${variable + 1} ${numberText(positive)} 0\nc p weight ${-variable - 1} ${numberText(negative)} 0\n`;
    }
  for (let clause = 0; clause < numClauses; clause++) {
    const own = literals.subarray(clauseOffsets[clause], clauseOffsets[clause + 1]);
    yield own.length === 0 ? "0\n" : `${own.join(" ")} 0\n`;
  }
}

/** The DIMACS text of a formula. */
export function dimacsText(formula: CnfFormula, task?: string): string {
  return collect(formatDimacs(formula, task));
}

/** Writes a DIMACS file; no half file is left if it fails. */
export function writeDimacs(path: string, formula: CnfFormula, task?: string): void {
  writeAtomically(path, formatDimacs(formula, task));
}
