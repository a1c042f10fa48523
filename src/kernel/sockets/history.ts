/** The inputs of this session and their results as text, for history requests. */
import type { JsonObject } from "../protocol/wire.ts";

interface Entry {
  readonly line: number;
  readonly input: string;
  output: string | null;
}

/** The one session that is remembered: this kernel's. Front ends may ask for it as 0, too. */
const SESSION_NUMBER = 1;

export class History {
  readonly #entries: Entry[] = [];

  add(line: number, input: string): void {
    this.#entries.push({ line, input, output: null });
  }

  setOutput(line: number, output: string): void {
    const entry = this.#entries.findLast((each) => each.line === line);
    if (entry) entry.output = output;
  }

  /** The `history` field of a history_reply; an unknown access type finds nothing. */
  find(request: JsonObject): unknown[] {
    const number = (name: string, otherwise: number) => {
      const value = request[name];
      return typeof value === "number" && Number.isFinite(value) ? value : otherwise;
    };
    let found: Entry[] = [];
    if (request.hist_access_type === "tail") found = this.#entries.slice(-number("n", 1000));
    else if (request.hist_access_type === "range") {
      const [start, stop] = [number("start", 1), number("stop", Infinity)];
      const session = number("session", 0);
      if (session === 0 || session === SESSION_NUMBER)
        found = this.#entries.filter(({ line }) => line >= start && line < stop);
    } else if (request.hist_access_type === "search") {
      const pattern = typeof request.pattern === "string" ? globPattern(request.pattern) : /^/;
      found = this.#entries.filter(({ input }) => pattern.test(input));
      if (request.unique === true) found = [...new Map(found.map((each) => [each.input, each])).values()];
      found = found.slice(-number("n", 1000));
    }
    const withOutput = request.output === true;
    return found.map(({ line, input, output }) => [SESSION_NUMBER, line, withOutput ? [input, output] : input]);
  }
}

/** `*` any text, `?` any character, as in IPython. */
function globPattern(glob: string): RegExp {
  const escaped = glob
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", "[^]*")
    .replaceAll("?", "[^]");
  return new RegExp(`^${escaped}$`);
}
