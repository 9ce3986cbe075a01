// How XS turns an argument into a C integer (fxToInteger, xsAPI.c of Moddable SDK 8.2.3): truncated, modulo 2^32,
// signed; what is not a number counts as 0.

export function toInteger(value: unknown): number {
  return Number(value) | 0;
}
