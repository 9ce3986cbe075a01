// What the user can mend, as a sentence with an exit status; and how a sentence is kept free of passwords. Knows no
// command.

export const Status = Object.freeze({ OK: 0, FAILED: 1, USAGE: 2 } as const);

/** Ends a command: its message says what is wrong and what to do. */
export class Failure extends Error {
  readonly status: number;
  /** Trying again would not help: the broker or its certificate says no. */
  readonly isFinal: boolean;

  constructor(
    message: string,
    { status = Status.FAILED, isFinal = false }: { status?: number; isFinal?: boolean } = {},
  ) {
    super(message);
    this.status = status;
    this.isFinal = isFinal;
  }
}

/** The command line cannot be followed. */
export function usage(message: string): Failure {
  return new Failure(message, { status: Status.USAGE, isFinal: true });
}

/** The text without the passwords of URLs in it, and without the values of options that nobody knows. */
export function masked(text: string): string {
  return text.replace(/:\/\/([^/\s@:]*):[^/\s]*@/g, "://$1:…@").replace(/(unknown option '--?[\w-]+)=[^\n]*'/, "$1'");
}
