// The columns of the table in docs/interop.md: what a broker and the box have to be able to do together.

export const FEATURES = Object.freeze([
  "press",
  "QoS 0 out",
  "QoS 1 out",
  "QoS 2 out",
  "QoS 0 in",
  "QoS 1 in",
  "QoS 2 in",
  "will on power cut",
  "box comes back",
  "clean close",
  "retained",
  "resume",
  "asleep",
  "1 MB out",
  "1 MB in",
  "UTF-8",
  "wrong password",
  "restart",
] as const);

export type Feature = (typeof FEATURES)[number];
