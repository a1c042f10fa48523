/**
 * All numbers of a small file (evidence, results) with their places, for formats whose form shows only from the number
 * of numbers.
 */
import { FormatError } from "./format-error.ts";
import type { Tokenizer } from "./tokenizer.ts";

export class Numbers {
  readonly values: number[] = [];
  readonly #file: string;
  readonly #places: number[] = [];

  private constructor(file: string) {
    this.#file = file;
  }

  /**
   * Reads numbers up to the end of the file.
   * @param expected what they are, for messages.
   * @param integers whether only integers >= 0 are legal; else also "inf" and "-inf".
   * @param separator a word that starts over: only the numbers after its last place are kept (competitions' "-BEGIN-").
   */
  static read(tokens: Tokenizer, expected: string, options: { integers: boolean; separator?: string }): Numbers {
    const numbers = new Numbers(tokens.file);
    while (tokens.advance()) {
      if (!tokens.isNumber) {
        const word = tokens.word.toLowerCase();
        if (options.separator !== undefined && word === options.separator.toLowerCase()) {
          numbers.values.length = numbers.#places.length = 0;
          continue;
        }
        const sign = word.startsWith("-") ? -1 : 1;
        if (options.integers || !/^[+-]?inf(inity)?$/.test(word)) throw tokens.unexpected(expected);
        numbers.values.push(sign * Infinity);
      } else {
        const value = tokens.value;
        if (options.integers && !(Number.isSafeInteger(value) && value >= 0))
          throw tokens.unexpected(`${expected}, an integer >= 0`);
        numbers.values.push(value);
      }
      numbers.#places.push(tokens.line, tokens.column);
    }
    return numbers;
  }

  /** An error at number `index`; past the last one, at the last one. */
  error(index: number, problem: string): FormatError {
    const at = Math.min(index, this.values.length - 1);
    return at < 0
      ? new FormatError(this.#file, 1, 1, problem)
      : new FormatError(this.#file, this.#places[2 * at], this.#places[2 * at + 1], problem);
  }
}
