// Turns: what the box has asked for, what has happened and what is due, one thing after the other. It decides the order
// and what may share a turn, nothing else. Pure: an instant is an argument; main.ts, which builds on it, performs what
// the box asks for and says what happened.

import type { Box } from "./alertbox.js";
import type { Button } from "./button.js";
import type { BoxEvent, Effect } from "./effect.js";
import { Led } from "./led.js";
import { Recovery } from "./recovery.js";
import { earlier } from "./state.js";

/** The LED itself. */
export interface Light {
  set(lit: boolean): void;
}

/** Where what is said to the broker leaves. */
export interface Outlet {
  /** Sends what the session has. */
  pump(now: number): void;
  /** Hands the first announcement that waits to the session; false when there is none, or no place for it. */
  announceNext(now: number): boolean;
  /** The broker has a packet that was no alert. */
  acknowledged(id: number): void;
}

/** What brings the next turn. */
export interface Waker {
  /** At an instant; undefined: never. */
  set(at: number | undefined): void;
  /** After so many milliseconds; 0 is at once, but not from inside this call. */
  wait(delay: number): void;
}

export abstract class Turns {
  // In the order of their use: the engine looks for a property from the first one on.
  private running = false;
  /** A turn comes by itself, or runs: what is noted needs no alarm. */
  private imminent = false;
  /**
   * The session was given something to send. 1: it leaves when nothing else is left to do; 2: in the next turn, because
   * to put two packets together takes too long.
   */
  protected busy: 0 | 1 | 2 = 0;
  /** The box has asked for announcements that wait, as long as the session has room for them. */
  protected announcing = false;
  /** What the box has asked for, done up to `performed`: the rest is done in turns of its own. */
  private effects: readonly Effect[] = [];
  protected performed = 0;
  protected readonly led = new Led();
  /** What happened and waits for its turn, from `handled` on. */
  private readonly events: BoxEvent[] = [];
  private handled = 0;
  private readonly recovery: Recovery;
  protected abstract readonly light: Light;
  protected abstract readonly alarm: Waker;
  protected abstract readonly uplink: Outlet;
  protected abstract readonly box: Box;
  protected abstract readonly button: Button;

  constructor(bootAt: number) {
    this.recovery = new Recovery(bootAt);
  }

  /** Does what the box asks for. To be called again with the same in another turn, it takes one from `performed`. */
  protected abstract act(effect: Effect): void;
  /** Presses in quick succession, this boot included. */
  protected abstract readonly quick: number;
  /** What of earlier boots counts no more. */
  protected abstract forget(past: "presses" | "crashes"): void;

  /**
   * Notes what happened, to be handled in a turn of its own. Session and link call back from deep inside; the chip's
   * stack has no room to decide and act on top of that.
   */
  protected note(event: BoxEvent): void {
    this.events.push(event);
    if (this.imminent) return;
    this.imminent = true;
    this.alarm.wait(0);
  }

  /** Notes what happened, inside a turn or before one. */
  protected tell(event: BoxEvent): void {
    this.events.push(event);
  }

  /** More has happened than is good to keep. */
  protected get crowded(): boolean {
    return this.events.length >= this.handled + 8;
  }

  /**
   * One turn. In this order: what the box has asked for, what has happened, what the session has to send, what is due.
   * Wi-Fi starves in a long turn, so each has room for one step of the box with a few things that are soon done, or for
   * one thing that takes long. What follows waits for the next turn; an edge of the button may come in between.
   */
  ring(instant: number): void {
    if (this.running) return;
    this.running = true;
    this.imminent = true;
    let room = 3;
    let isDone = false;
    do {
      const { busy } = this;
      const effect = this.effects[this.performed];
      // A bit for each effect that takes long; 32 has that of 0.
      if (busy === 2 || this.announcing || (effect !== undefined && ((0x14fca593 >>> effect.do) & 1) !== 0)) {
        // A press is stored in the turn in which it was found.
        if (room < 3 && effect?.do !== 1 /* store */) break;
        room = 0;
      }
      if (busy === 2) {
        this.busy = 0;
        this.uplink.pump(instant);
      } else if (this.announcing) {
        if (this.uplink.announceNext(instant)) this.busy = 2;
        else this.announcing = false;
      } else if (effect !== undefined) {
        this.performed += 1;
        this.act(effect);
      } else {
        if (room < 3) break;
        const gesture = this.button.poll(instant);
        const event = gesture === undefined ? this.events[this.handled] : { type: 2 as const, event: gesture };
        if (event !== undefined) {
          if (gesture === undefined) this.handled += 1;
          this.effects = this.box.step(event, instant);
        } else if (busy !== 0) {
          this.busy = 0;
          this.uplink.pump(instant);
          break;
        } else {
          if (this.handled > 0) {
            this.events.length = 0;
            this.handled = 0;
          }
          this.effects = this.elapse(instant);
          isDone = this.effects.length === 0;
          if (isDone) break;
        }
        this.performed = 0;
      }
      room -= 1;
    } while (room > 0);
    this.running = false;
    this.imminent = !isDone;
    if (isDone) this.alarm.set(this.due());
    else {
      this.light.set(this.led.level(instant));
      this.alarm.wait(0);
    }
  }

  /** Nothing is left to do: what is due? */
  private elapse(instant: number): readonly Effect[] {
    const { led, recovery } = this;
    this.light.set(led.level(instant));
    const past = recovery.passed(instant);
    if (past !== undefined) this.forget(past);
    // Between the second and the fifth of several quick presses the chip must not fall asleep and forget them.
    const ready = this.button.idle && !(recovery.quick && this.quick > 1);
    return this.box.tick(instant, ready, !led.busy);
  }

  /** When the next turn is due, if nothing happens before. */
  private due(): number | undefined {
    return earlier(
      earlier(this.box.deadline(), this.button.deadline()),
      earlier(this.led.deadline(), this.recovery.until),
    );
  }
}
