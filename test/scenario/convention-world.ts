// A world in which the judge of a convention hears every message, from the first boot of a box that follows it. Knows
// no convention: the world of each is built on this.

import assert from "node:assert/strict";
import { type ConventionJudge, type Kept, keptBy, tap } from "../../host-sim/conventions/broker-tap.js";
import { World, type WorldOptions } from "../../host-sim/world.js";
import { asleep, connected, ROOT } from "./story.js";

/** What is asked of a judge in the end. */
export interface Verdict extends ConventionJudge {
  readonly breaches: readonly object[];
  finish(now: number): void;
}

export class ConventionWorld<Judge extends Verdict> extends World {
  readonly judge: Judge;

  constructor(convention: string, judgeOf: (kept: Kept) => Judge, options: WorldOptions) {
    const { board, ...rest } = options;
    super({ ...rest, board: { ...board, settings: { convention, ...board?.settings } } });
    this.judge = judgeOf(keptBy(this));
    tap(this, this.judge);
  }

  configure(settings: object, root = ROOT): void {
    this.broker.publish(`${root}/cmd/config`, JSON.stringify(settings), { qos: 1, retain: true });
    this.run(20_000);
  }

  judged(): void {
    this.judge.finish(this.now);
    assert.deepEqual(this.judge.breaches, []);
    assert.deepEqual(this.broker.violations, []);
  }

  /** Until the box is online, and a while. */
  online(): this {
    connected(this);
    this.run(3000);
    return this;
  }

  /** The same with settings in flash, where what was told is kept, too. */
  settled(): this {
    this.online().configure({ keepAliveSeconds: 30 });
    return this;
  }

  /** Until the box, which sleeps, has been awake once. */
  slept(): this {
    asleep(this);
    return this;
  }
}
