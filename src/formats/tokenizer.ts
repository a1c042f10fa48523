/**
 * Words of a text file, one at a time, in bounded memory: a file is read in chunks and numbers are parsed from its
 * bytes, so that neither the text nor a list of tokens is ever held. Knows the place of every word, and how many bytes
 * are left: no count that a header announces can be larger than what the rest of the file could hold, so a wrong header
 * cannot exhaust memory.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { FormatError } from "./format-error.ts";

/** A description of what should stand here; a function where building the text costs something. */
export type Expected = string | (() => string);

const CHUNK_BYTES = 1 << 20;
/** Exact model counts have thousands of digits; anything longer is no word of these formats. */
const MAX_TOKEN_BYTES = 1 << 16;
/**
 * A compressed file may not unfold to more than this, or what $MARGINALIA_MAX_UNPACKED_MB says: kilobytes can otherwise
 * fill the memory.
 */
const MAX_UNPACKED_MB = 512;
const MAX_UNPACKED_VARIABLE = "MARGINALIA_MAX_UNPACKED_MB";
/** The largest Buffer that every Node has. */
const MOST_UNPACKED_MB = 2047;
const NEWLINE = 10;
const HASH = 35;
const PLUS = 43;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
/** 10^0 ... 10^22 are exact doubles. */
const EXACT_POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));
const MIN_NORMAL = 2 ** -1022;

const isSpace = new Uint8Array(256);
for (const space of [9, NEWLINE, 11, 12, 13, 32]) isSpace[space] = 1;

export class Tokenizer {
  /** Path of the file, or the name of the text: what messages call it. */
  readonly file: string;
  /** 1-based line of the current word. */
  line = 1;
  readonly #descriptor: number | undefined;
  readonly #totalBytes: number;
  readonly #hashComments: boolean;
  #buffer: Buffer;
  /** Bytes of the buffer that are filled. */
  #filled: number;
  /** Position in the file of the buffer's first byte. */
  #base = 0;
  /** The current word stands at #start ... #end - 1 of the buffer. */
  #start = 0;
  #end = 0;
  /** Position in the file where the current line starts. */
  #lineStart = 0;
  /** Filled by #scanNumber: value = mantissa * 10^exponent up to sign and rounding. */
  #mantissa = 0;
  #exponent = 0;
  #isExact = true;

  private constructor(
    file: string,
    buffer: Buffer,
    descriptor: number | undefined,
    totalBytes: number,
    hashComments: boolean,
  ) {
    this.file = file;
    this.#buffer = buffer;
    this.#filled = descriptor === undefined ? buffer.length : 0;
    this.#descriptor = descriptor;
    this.#totalBytes = totalBytes;
    this.#hashComments = hashComments;
    // A byte order mark, which some editors put in front.
    if (descriptor !== undefined) this.#refill();
    if (this.#filled >= 3 && this.#buffer[0] === 0xef && this.#buffer[1] === 0xbb && this.#buffer[2] === 0xbf)
      this.#start = this.#end = this.#lineStart = 3;
  }

  /**
   * Reads a file with `use` and closes it. What is gzipped is unpacked (in memory), whatever its name. What is no
   * regular file (a pipe) is read whole.
   * @param hashComments whether `#` at the start of a word opens a comment that ends with the line.
   */
  static readFile<Result>(path: string, use: (tokens: Tokenizer) => Result, hashComments = false): Result {
    const descriptor = openSync(path, "r");
    try {
      const status = fstatSync(descriptor);
      if (path.endsWith(".gz") || !status.isFile() || startsAsGzip(descriptor)) {
        const bytes = readFileSync(descriptor);
        const text = path.endsWith(".gz") ? unpack(path, bytes) : unpackedIfGzip(path, bytes);
        return use(new Tokenizer(path, text, undefined, Infinity, hashComments));
      }
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(status.size, 1)));
      return use(new Tokenizer(path, buffer, descriptor, status.size, hashComments));
    } finally {
      closeSync(descriptor);
    }
  }

  /** Reads a text; `name` stands for the file in messages. */
  static readText<Result>(
    text: string,
    name: string,
    use: (tokens: Tokenizer) => Result,
    hashComments = false,
  ): Result {
    return use(new Tokenizer(name, Buffer.from(text, "utf8"), undefined, Infinity, hashComments));
  }

  /** Moves to the next word. False at the end of the file. */
  advance(): boolean {
    let position = this.#end;
    for (;;) {
      const buffer = this.#buffer;
      const filled = this.#filled;
      while (position < filled && isSpace[buffer[position]] === 1)
        if (buffer[position++] === NEWLINE) {
          this.line++;
          this.#lineStart = this.#base + position;
        }
      this.#start = this.#end = position;
      if (position === filled) {
        if (!this.#refill()) return false;
        position = this.#end;
        continue;
      }
      if (this.#hashComments && buffer[position] === HASH) {
        this.skipLine();
        position = this.#end;
        continue;
      }
      while (position < filled && isSpace[buffer[position]] === 0) position++;
      if (position - this.#start > MAX_TOKEN_BYTES) throw this.error(`a word of more than ${MAX_TOKEN_BYTES} bytes`);
      if (position === filled && this.#refill()) {
        position = this.#start; // the word went over the chunk's end: scan it again, now at the buffer's start
        continue;
      }
      this.#end = position === filled ? this.#filled : position;
      return true;
    }
  }

  /** Leaves out the rest of the current line. */
  skipLine(): void {
    for (;;) {
      const newline = this.#buffer.subarray(0, this.#filled).indexOf(NEWLINE, this.#end);
      this.#start = this.#end = newline < 0 ? this.#filled : newline;
      if (newline >= 0 || !this.#refill()) return;
    }
  }

  /** Whether another word follows on the current line; does not move. */
  hasMoreOnLine(): boolean {
    for (let blanks = 0; ;) {
      for (; this.#end + blanks < this.#filled; blanks++) {
        const byte = this.#buffer[this.#end + blanks];
        if (isSpace[byte] === 0 || byte === NEWLINE) return byte !== NEWLINE;
      }
      if (!this.#refill()) return false;
    }
  }

  /** The current word. */
  get word(): string {
    return this.#buffer.toString("utf8", this.#start, this.#end);
  }

  /** 1-based column of the current word, in bytes. */
  get column(): number {
    return this.#base + this.#start - this.#lineStart + 1;
  }

  /** How many more words the rest of the file can hold at most: each takes a byte and a blank. */
  get maxWordsLeft(): number {
    const total = this.#totalBytes === Infinity ? this.#base + this.#filled : this.#totalBytes;
    return Math.floor((total - (this.#base + this.#end) + 1) / 2);
  }

  /** An error at the current word. */
  error(problem: string): FormatError {
    return new FormatError(this.file, this.line, this.column, problem);
  }

  /** An error at the current word, which is not what was expected. */
  unexpected(expected: Expected): FormatError {
    const got = this.#start === this.#end ? "the file ends" : `got ${quote(this.word)}`;
    return this.error(`${got}, expected ${typeof expected === "string" ? expected : expected()}`);
  }

  /** The next word. */
  nextWord(expected: Expected): string {
    if (!this.advance()) throw this.unexpected(expected);
    if (this.#end - this.#start > 256) throw this.unexpected(expected);
    return this.word;
  }

  /** The next word as an integer between `low` and `high`. */
  nextInteger(low: number, high: number, expected: Expected): number {
    const ended = !this.advance();
    const isInteger = !ended && this.#scanNumber() && this.#isExact && this.#exponent === 0 && this.#isPlainInteger();
    const value = this.#buffer[this.#start] === MINUS ? -this.#mantissa : this.#mantissa;
    if (!isInteger || value < low || value > high) throw this.unexpected(withRange(expected, low, high));
    return value + 0; // "-0" is 0
  }

  /**
   * The next word as a decimal number, rounded to the nearest double; Infinity if it is beyond the range of doubles.
   */
  nextNumber(expected: Expected): number {
    if (!this.advance() || !this.#scanNumber()) throw this.unexpected(expected);
    return this.#value();
  }

  /** Whether the current word is a decimal number. */
  get isNumber(): boolean {
    return this.#start < this.#end && this.#scanNumber();
  }

  /** The current word, which isNumber found to be one, rounded to the nearest double. */
  get value(): number {
    return this.#value();
  }

  /**
   * Natural logarithm of the next word, a decimal number >= 0; -Infinity for zero. A number outside the range of
   * doubles (1e-400) has its logarithm all the same.
   */
  nextLogarithm(expected: Expected): number {
    if (!this.advance() || !this.#scanNumber()) throw this.unexpected(expected);
    if (this.#mantissa === 0) return -Infinity;
    if (this.#buffer[this.#start] === MINUS) throw this.unexpected(expected);
    const value = this.#value();
    if (value >= MIN_NORMAL && value !== Infinity) return Math.log(value);
    const logarithm = Math.log(this.#mantissa) + this.#exponent * Math.LN10;
    if (!Number.isFinite(logarithm)) throw this.unexpected(expected);
    return logarithm;
  }

  /** @throws FormatError if anything but white space is left. */
  expectEnd(after: string): void {
    if (this.advance()) throw this.unexpected(`the end of the file after ${after}`);
  }

  #isPlainInteger(): boolean {
    for (let position = this.#start; position < this.#end; position++) {
      const byte = this.#buffer[position];
      if ((byte < ZERO || byte > ZERO + 9) && !(position === this.#start && (byte === MINUS || byte === PLUS)))
        return false;
    }
    return true;
  }

  /** Reads [+-] digits [. digits] [e [+-] digits] from the current word; false if it is anything else. */
  #scanNumber(): boolean {
    const buffer = this.#buffer;
    const end = this.#end;
    let position = this.#start;
    let mantissa = 0;
    let exponent = 0;
    let digits = 0;
    let isExact = true;
    if (buffer[position] === MINUS || buffer[position] === PLUS) position++;
    for (let afterPoint = 0; position < end; position++) {
      const digit = buffer[position] - ZERO;
      if (digit >= 0 && digit <= 9) {
        digits++;
        // 900719925474099 * 10 + 9 < 2^53: until here every mantissa is exact.
        if (mantissa <= 900719925474098) {
          mantissa = mantissa * 10 + digit;
          exponent -= afterPoint;
        } else {
          isExact = false;
          exponent += 1 - afterPoint;
        }
      } else if (buffer[position] === POINT && afterPoint === 0) afterPoint = 1;
      else break;
    }
    if (digits === 0) return false;
    if (position < end) {
      if ((buffer[position] | 32) !== 101) return false; // e or E
      position++;
      const isNegative = buffer[position] === MINUS;
      if (isNegative || buffer[position] === PLUS) position++;
      if (position === end) return false;
      let written = 0;
      for (; position < end; position++) {
        const digit = buffer[position] - ZERO;
        if (digit < 0 || digit > 9) return false;
        written = written * 10 + digit;
      }
      exponent += isNegative ? -written : written;
    }
    this.#mantissa = mantissa;
    this.#exponent = exponent;
    this.#isExact = isExact;
    return true;
  }

  /**
   * The number that #scanNumber found: exact mantissa times or over an exact power of ten rounds once; all else is left
   * to Number.
   */
  #value(): number {
    if (this.#isExact && this.#exponent >= -22 && this.#exponent <= 22) {
      const magnitude =
        this.#exponent < 0
          ? this.#mantissa / EXACT_POWERS_OF_TEN[-this.#exponent]
          : this.#mantissa * EXACT_POWERS_OF_TEN[this.#exponent];
      return this.#buffer[this.#start] === MINUS ? -magnitude : magnitude;
    }
    return Number(this.#buffer.toString("latin1", this.#start, this.#end));
  }

  /** Moves the bytes from #start on to the buffer's front and fills the rest. False if the file has no more. */
  #refill(): boolean {
    if (this.#descriptor === undefined) return false;
    const kept = this.#filled - this.#start;
    if (kept >= this.#buffer.length) {
      const larger = Buffer.allocUnsafe(2 * this.#buffer.length);
      this.#buffer.copy(larger, 0, this.#start, this.#filled);
      this.#buffer = larger;
    } else this.#buffer.copyWithin(0, this.#start, this.#filled);
    this.#base += this.#start;
    this.#end -= this.#start;
    this.#start = 0;
    const count = readSync(this.#descriptor, this.#buffer, kept, this.#buffer.length - kept, null);
    this.#filled = kept + count;
    return count > 0;
  }
}

/** RFC 1952: two bytes that no text of these formats starts with. */
function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Looks without moving on. */
function startsAsGzip(descriptor: number): boolean {
  const bytes = new Uint8Array(2);
  return readSync(descriptor, bytes, 0, 2, 0) === 2 && isGzip(bytes);
}

/** The bytes themselves, unpacked if they are gzipped. @throws FormatError if they cannot be, or are too many. */
export function unpackedIfGzip(path: string, bytes: Buffer): Buffer {
  return isGzip(bytes) ? unpack(path, bytes) : bytes;
}

function unpack(path: string, bytes: Buffer): Buffer {
  const wanted = Number(process.env[MAX_UNPACKED_VARIABLE] ?? MAX_UNPACKED_MB);
  if (!(wanted > 0)) throw new FormatError(path, 0, 0, `${MAX_UNPACKED_VARIABLE} is no number of megabytes above 0`);
  const megabytes = Math.min(wanted, MOST_UNPACKED_MB);
  try {
    return gunzipSync(bytes, { maxOutputLength: Math.max(1, Math.floor(megabytes * 2 ** 20)) });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const advice = `it unpacks to more than ${megabytes} MB; unpack it first, or raise ${MAX_UNPACKED_VARIABLE}`;
    throw new FormatError(path, 0, 0, `cannot be unpacked: ${code === "ERR_BUFFER_TOO_LARGE" ? advice : message}`);
  }
}

function withRange(expected: Expected, low: number, high: number): string {
  const range = high === Number.MAX_SAFE_INTEGER ? `>= ${low}` : `from ${low} to ${high}`;
  return `${typeof expected === "string" ? expected : expected()}, an integer ${range}`;
}

/** A word for a message: escaped, and cut if it is long. */
function quote(word: string): string {
  return JSON.stringify(word.length > 40 ? `${word.slice(0, 40)}...` : word);
}
