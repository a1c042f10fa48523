/** What every reader throws: a file that is not what it should be, told by place. */
export class FormatError extends Error {
  override readonly name = "FormatError";
  /** The file's path, or the name given to a text. */
  readonly file: string;
  /** 1-based; 0 where the problem has no place of its own, as with an unknown file name ending. */
  readonly line: number;
  /** 1-based, in bytes. */
  readonly column: number;
  /** What is wrong, without the place. */
  readonly problem: string;

  constructor(file: string, line: number, column: number, problem: string) {
    super(line > 0 ? `${file}:${line}:${column}: ${problem}` : `${file}: ${problem}`);
    this.file = file;
    this.line = line;
    this.column = column;
    this.problem = problem;
  }
}
