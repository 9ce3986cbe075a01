// The deliberate faults of `npm run mutants`: where they are put and what they make of the code. One that does not fit
// the code any more is reported; it has to be written anew for what the code has become.

export interface Mutant {
  /** What is wrong then, in a few words. */
  readonly name: string;
  /** Below src. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

export const MUTANTS: readonly Mutant[] = Object.freeze([
  // The journal.
  {
    name: "received is not written down",
    file: "alertbox/journal.ts",
    find: "if (((words[3] as number) & bits) !== bits) return true;",
    replace: "if (bits === 0xff) return true;",
  },
  {
    name: "done is not written down",
    file: "alertbox/journal.ts",
    find: "words[3] = ~bits;",
    replace: "if (bits === 0xff00) return true;",
  },
  {
    name: "torn records count as whole",
    file: "alertbox/journal-format.ts",
    find: "return words[at + 3] === flashWord(flash.crc(bytes, 0, 12, 0));",
    replace: "return flash.crc(bytes, 0, 12, 0) !== words[at + 3] || true;",
  },
  {
    name: "the press count is not read back",
    file: "alertbox/journal.ts",
    find: "if (highest > this.pushes) this.pushes = highest;",
    replace: "",
  },
  {
    name: "a move to the other sector forgets what was received",
    file: "alertbox/journal.ts",
    find: "record[4] = isReceived ? ~0xff : -1;",
    replace: "record[4] = isReceived ? -1 : -1;",
  },
  {
    name: "a move to the other sector leaves one alert behind",
    file: "alertbox/journal.ts",
    find: "for (let from = this.oldest, left = this.pending; left > 0; left -= 1) {",
    replace: "for (let from = this.oldest, left = this.pending; left > 1; left -= 1) {",
  },
  {
    name: "a header is written without the journal's life",
    file: "alertbox/journal-sectors.ts",
    find: "header[4] = (this.life << 16) | (this.needsCleanSession ? 1 : 0);",
    replace: "header[4] = this.needsCleanSession ? 1 : 0;",
  },
  {
    name: "a full journal takes one more, and packet ids meet",
    file: "alertbox/journal.ts",
    find: "return ((sequence - 1) & (32768 - 1)) + 1;",
    replace: "return ((sequence - 1) & 1) + 1;",
  },
  // The outbox.
  {
    name: "what the broker has received is published again after a reset",
    file: "alertbox/outbox.ts",
    find: "record.status === AlertStatus.RECEIVED && sequence > this.republish",
    replace: "record.status === AlertStatus.DONE && sequence > this.republish",
  },
  {
    name: "an alert of an earlier boot goes without DUP",
    file: "alertbox/outbox.ts",
    find: "resumed: sequence <= this.maybeSent && sequence > this.republish,",
    replace: "resumed: sequence <= this.maybeSent && sequence > 0xffffff,",
  },
  {
    name: "places of delivered alerts are not free again",
    file: "alertbox/outbox.ts",
    find: "if (sequence !== 0 && this.inFlight > 0) this.inFlight -= 1;",
    replace: "",
  },
  // The box.
  {
    name: "the LED shows sent at PUBREC",
    file: "alertbox/alertbox.ts",
    find: 'this.say("received",',
    replace: 'this.show(5 /* SENT */); this.say("received",',
  },
  {
    name: "no awake cap",
    file: "alertbox/alertbox.ts",
    find: 'if (settings.mode === "battery") this.capAt = (now + BoxTimes.awake) | 0;',
    replace: "",
  },
  {
    name: "after a failure nobody tries again",
    file: "alertbox/alertbox.ts",
    find: "case 5: // waiting\n        this.resume(now);",
    replace: "case 5: // waiting",
  },
  {
    name: "a failed trial of settings is not taken back",
    file: "alertbox/trial.ts",
    find: "if (before !== undefined) this.ask({ do: 20 /* use */, settings: before });",
    replace: "",
  },
  {
    name: "a sleeper leaves without its farewell",
    file: "alertbox/route.ts",
    find: "this.become(4 /* closing */, (now + BoxTimes.closing) | 0, after);\n    this.ask({ do: 18 /* disconnect */ });",
    replace: "this.ask({ do: 19 /* abort */ });\n    this.closed(after, now);",
  },
  {
    name: "joining keeps an address that is another's",
    file: "alertbox/route.ts",
    find: "this.failures % 3 === 0",
    replace: "this.failures % 3 === 3",
  },
  {
    name: "contacts that bounce are presses",
    file: "alertbox/button.ts",
    find: "debounceMs: 50,",
    replace: "debounceMs: 1,",
  },
  {
    name: "the retry timer counts as a press",
    file: "alertbox/wake.ts",
    find: 'if (wiring === "rst" || (wiring === "rst+gpio" && buttonDown)) return "press";\n      return "retry";',
    replace: 'if (wiring !== "gpio" || buttonDown) return "press";\n      return "retry";',
  },
  {
    name: "settings are saved over those in force",
    file: "alertbox/settings-store.ts",
    find: "this.slot = newest === undefined ? 0 : 1 - newest.slot;",
    replace: "this.slot = newest === undefined ? 0 : newest.slot;",
  },
  // The session.
  {
    name: "PUBREL is not sent again",
    file: "mqtt/ending.ts",
    find: "setPhase(me, at, answer === 7 ? 4 : 1);",
    replace: "setPhase(me, at, answer === 7 ? 6 : 1);",
  },
  {
    name: "what was sent goes again without DUP",
    file: "mqtt/ending.ts",
    find: '(reason === "refused" ? 0 : 0x1000000)',
    replace: '(reason === "refused" ? 0 : 0)',
  },
  {
    name: "what left behind a refused CONNECT counts as sent",
    file: "mqtt/ending.ts",
    find: '(reason === "refused" ? 0 : 0x1000000)',
    replace: '(reason === "refused" ? 0x1000000 : 0x1000000)',
  },
  {
    name: "nobody is told of PUBREC",
    file: "mqtt/answers.ts",
    find: "me.handler.onReceived(id);",
    replace: "id;",
  },
  {
    name: "PUBRELs leave in another order than the PUBRECs came",
    file: "mqtt/in-flight.ts",
    find: "if (to < at) move(me, at, to);",
    replace: "",
  },
  {
    name: "an id in flight is picked again",
    file: "mqtt/in-flight.ts",
    find: "if (find(me, id) < 0) {",
    replace: "if (id >= 0) {",
  },
  {
    name: "packet id 0 after the wrap",
    file: "mqtt/in-flight.ts",
    find: "id = id === words[1] ? (words[0] as number) : id + 1;",
    replace: "id = id === words[1] ? 0 : id + 1;",
  },
  {
    name: "no deadline for answers",
    file: "mqtt/session.ts",
    find: "if (first >= 0) {",
    replace: "if (first >= 65536) {",
  },
  {
    name: "no deadline for CONNACK",
    file: "mqtt/session.ts",
    find: "if (this.state === 2 && isDue(this, words[12] as number, 0)) expire",
    replace: "if (this.state === 9) expire",
  },
  {
    name: "no deadline for PINGRESP",
    file: "mqtt/session.ts",
    find: "if (words[11] === 3 && this.state === 3 && isDue(this, words[12] as number, words[3] as number)) {",
    replace: "if (words[11] === 9) {",
  },
  {
    name: "no PINGREQ",
    file: "mqtt/answers.ts",
    find: "me.words[11] = 1;",
    replace: "me.words[11] = 0;",
  },
  {
    name: "silence while a long message is arriving",
    file: "mqtt/session.ts",
    find: "(ping === 1 || (ping === 3 && hasCome && this.partial)) &&",
    replace: "ping === 1 &&",
  },
  {
    name: "Session Present 0 is taken for 1",
    file: "mqtt/answers.ts",
    find: "words[19] = sessionPresent ? 2 : 1;",
    replace: "words[19] = 2;",
  },
  {
    name: "a lost session keeps what was in it",
    file: "mqtt/answers.ts",
    find: "if (!sessionPresent) {",
    replace: "if (words[19] === 0) {",
  },
  {
    name: "a QoS 2 message that comes again is handed over again",
    file: "mqtt/session.ts",
    find: "words[15] = kept;",
    replace: "",
  },
  {
    name: "QoS 1 is not acknowledged",
    file: "mqtt/session.ts",
    find: "if (last && qos > 0) reply(me, qos + 3, message.id);",
    replace: "if (last && qos > 1) reply(me, qos + 3, message.id);",
  },
  {
    name: "a second CONNACK is taken for another first one",
    file: "mqtt/answers.ts",
    find: "if ((words[19] as number) > 0) {",
    replace: "if ((words[19] as number) > 9) {",
  },
  {
    name: "a clean session is not clean",
    file: "mqtt/packet.ts",
    find: "let flags = fields.clean ? 0x02 : 0;",
    replace: "let flags = fields.clean ? 0 : 0;",
  },
] satisfies Mutant[]);
