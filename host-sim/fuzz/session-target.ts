// The session under attack: a broker that sends anything at any moment, and an owner who publishes, subscribes, loses
// connections, answers callbacks with further calls, or throws. Each input is played twice, with what arrives in one
// piece and in random ones: both must tell and send the same. At the end nothing comes any more, and the session must
// notice; then a faithful broker takes over, and everything that was accepted must be acknowledged.
//
// An input: a head of 7 bytes (see session-steps.ts), then steps: what is done, a number, and what that needs.

import type { Random } from "../random.js";
import { Draft, Knife } from "./draft.js";
import type { Kit, Owner } from "./session-owner.js";
import { Play } from "./session-play.js";
import { Script } from "./session-script.js";
import { drawInput, HEAD } from "./session-steps.js";
import type { Sources } from "./sources.js";
import { hold, type Target } from "./target.js";

export function sessionTarget(sources: Sources): Target {
  const { Session, Refusal } = sources.session;
  const kit: Kit = { Session, refusals: Object.values(Refusal), reached: {} };
  const draft = new Draft();

  return {
    reached: kit.reached,

    draw(random: Random): Uint8Array {
      drawInput(draft.clear(), random);
      return draft.view;
    },

    run(input: Uint8Array): void {
      if (input.length < HEAD) return;
      const whole = new Play(kit, input, undefined);
      const cut = new Play(kit, input, new Knife(((input[2] as number) << 8) | (input[3] as number)));
      for (const play of [whole, cut]) {
        play.play(new Script(input, HEAD));
        play.checkSize();
      }
      if (!whole.owner.head.isAnywhere) compare(whole.owner, cut.owner);
      const last = ((input[3] as number) & 1) === 0 ? whole : cut;
      last.starve();
      last.recover();
      last.checkSize();
    },
  };
}

/** Both plays have told and sent the same. */
function compare(whole: Owner, cut: Owner): void {
  sameTold(whole.log, cut.log);
  sameTold(whole.news, cut.news);
  hold(whole.server.sum === cut.server.sum, "fragments do not matter to what leaves", () =>
    [whole.server.summary, "in one piece,", cut.server.summary, "in pieces"].join(" "),
  );
}

function sameTold(whole: readonly string[], cut: readonly string[]): void {
  for (let at = 0; at < whole.length || at < cut.length; at += 1) {
    hold(whole[at] === cut[at], "fragments do not matter", () =>
      [`event ${at} is`, whole[at] ?? "nothing", "in one piece,", cut[at] ?? "nothing", "in pieces"].join(" "),
    );
  }
}
