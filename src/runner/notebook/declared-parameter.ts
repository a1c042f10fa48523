/** What a parameters cell says of one parameter. */
export interface DeclaredParameter {
  readonly name: string;
  readonly keyword: "let" | "const" | "var";
  /** The type as written, or what a literal default widens to; undefined where only the type checker could tell. */
  readonly type: string | undefined;
  /** Source text of the default value; undefined for a declaration without one. */
  readonly defaultValue: string | undefined;
  /** What the comment beside or above the declaration says. */
  readonly comment?: string;
}
