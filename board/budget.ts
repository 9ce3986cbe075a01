// What the linked image may take. The one place where the figures stand: `npm run firmware` and the tests read them
// from here. They count as the SDK's own "# Memory usage" lines do, so that both can be compared. No code of its own.

/** Upper bounds in bytes: static RAM is .data + .rodata + .bss; flash is .irom0.text + .text + .data + .rodata. */
export const Budget = Object.freeze({
  RAM_BYTES: 41_500,
  FLASH_BYTES: 720_000,
} as const);

/** The versions that this firmware is built and measured with. */
export const Wanted = Object.freeze({
  NODE: Object.freeze([20, 19] as const),
  TYPESCRIPT: Object.freeze([6, 0] as const),
  MODDABLE: Object.freeze([8, 2] as const),
  PYTHON: Object.freeze([3, 0] as const),
} as const);
