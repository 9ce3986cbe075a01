// What a person typed wrong on a command line, in words of our own; for the bench and for the commands in board/. Knows
// no option of either.

/** The argument that parseArgs did not understand, in our own words. */
export function explained(error: Error & { code?: string }): string {
  const quoted = /'(?:[^']*, )?(--?[\w-]+)/.exec(error.message)?.[1] ?? "";
  switch (error.code) {
    case "ERR_PARSE_ARGS_UNKNOWN_OPTION":
      return `there is no option ${quoted}`;
    case "ERR_PARSE_ARGS_INVALID_OPTION_VALUE":
      return /does not take an argument/.test(error.message) ? `${quoted} takes no value` : `${quoted} needs a value`;
    case "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL":
      return "every argument starts with --; was a value left without its option?";
    default:
      return error.message;
  }
}
