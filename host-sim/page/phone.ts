// The setup as a person meets it: a notice while the box's access point is open, with what there is to type, and the
// setup page itself in a frame of a phone's size beside the board. Knows the views of board and bench, not what the
// setup page says; that page belongs to the box.

import { find, say } from "./element.js";
import type { BoardView, Home } from "./protocol.js";

export class Phone {
  readonly #panel = find("phone");
  readonly #frame = find<HTMLIFrameElement>("phone-page");
  readonly #opener = find<HTMLButtonElement>("phone-open");
  readonly #link = find<HTMLAnchorElement>("phone-link");
  /** Where the setup page was last, and of which board; what the frame shows may be older. */
  #url = "";
  #board = -1;

  constructor() {
    this.#opener.addEventListener("click", () => this.#open());
    find("phone-close").addEventListener("click", () => {
      this.#close();
      (find("setup").hidden ? find("press") : this.#opener).focus();
    });
  }

  /** Shows how it stands with the setup of the chosen board. */
  show(board: BoardView, home: Home): void {
    const { setup } = board;
    if (board.index !== this.#board) this.#close();
    const isOpening = setup !== "" && (setup !== this.#url || board.index !== this.#board || find("setup").hidden);
    this.#board = board.index;
    find("setup").hidden = setup === "";
    if (setup === "") {
      say(find("setup-said"), "");
      return;
    }
    this.#url = setup;
    this.#link.href = setup;
    say(find("setup-said"), "Setup is open");
    say(find("setup-left"), `closes in ${board.setupSeconds} s`);
    say(find("home-ssid"), home.ssid);
    say(find("home-password"), home.password);
    say(find("home-broker"), home.broker);
    // Opened anew while the phone lies there: it joins again.
    if (isOpening && !this.#panel.hidden) this.#frame.src = setup;
  }

  #open(): void {
    this.#frame.src = this.#url;
    this.#panel.hidden = false;
    this.#opener.setAttribute("aria-expanded", "true");
    document.body.classList.add("with-phone");
    this.#panel.scrollIntoView({ block: "nearest" });
  }

  #close(): void {
    if (this.#panel.hidden) return;
    this.#panel.hidden = true;
    // An empty frame asks the box for nothing.
    this.#frame.removeAttribute("src");
    this.#opener.setAttribute("aria-expanded", "false");
    document.body.classList.remove("with-phone");
  }
}
