// How the box describes itself to the controllers of Homie 5: its one document, with the button, the LED, supply and
// presses. Pure: facts come as arguments.

import { Introduction } from "./introduction.js";
import type { Settings } from "./settings.js";

/** The description of the device, of some 500 bytes. A box that sleeps has no LED that could be lit. */
export class Description extends Introduction {
  private readonly settings: Settings;
  private readonly chipId: number;
  private readonly version: number;

  /** `version`: a higher one than of any other document of this box before. */
  constructor(settings: Settings, chipId: number, version: number) {
    super(4);
    this.settings = settings;
    this.chipId = chipId;
    this.version = version;
  }

  protected override text(at: number): string {
    const { settings } = this;
    switch (at) {
      case 0:
        // Its last two digits rise when the text here changes. Never 0: to node-homie that is a device that it knows
        // nothing of, with nothing new.
        return `{"homie":"5.0","version":${this.version * 100 + 1},"name":"AlertBox ${this.chipId}","nodes":{`;
      case 1:
        // All of them: a gesture may be in the journal from when the box was wired in another way.
        return (
          '"button":{"name":"Button","properties":{"event":{"name":"Event","datatype":"enum",' +
          '"format":"press,double,long","retained":false}}},'
        );
      case 2:
        return (
          '"box":{"name":"Box","properties":{"supply":{"name":"Supply","datatype":"float","unit":"V"},' +
          '"presses":{"name":"Presses","datatype":"integer","unit":"#"}}}'
        );
      default:
        return settings.mode === "battery"
          ? "}}"
          : ',"led":{"name":"LED","properties":{"on":{"name":"On","datatype":"boolean","settable":true}}}}}';
    }
  }
}
