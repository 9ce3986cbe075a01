// The module `lab`: how a script that is measured on the real engine (host-sim/xs, `--bundle`) says what is to be
// measured, and what the world around it is to do. It exists in the lab only.

declare module "lab" {
  /**
   * A row of the table begins. The turn (callback) that calls this belongs to no row: what follows it, up to the next
   * turn that marks, does. Memory is measured when this turn has returned.
   */
  export function mark(label: string): void;
  /** The broker publishes a message of so many bytes, soon; the script must have subscribed. */
  export function deliver(topic: string, byteLength: number, qos: number): void;
  /** The broker keeps answers of a kind back: "connack", "suback", "puback", "pubrec", "pubcomp" … */
  export function hold(kind: string): void;
  /** It sends what it held back. */
  export function release(kind: string): void;
  /** The network drops all connections. */
  export function drop(): void;
  /** The measurement is over. */
  export function finish(): void;
}
