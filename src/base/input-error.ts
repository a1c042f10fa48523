/**
 * Something that the one who asked has to mend: a file that is no notebook, an unknown parameter or kernel. The message
 * names the file or option, what was got, what was expected. Nothing has run or been written when it is thrown.
 */
export class InputError extends Error {
  override readonly name = "InputError";
}
