// The rows of the table in docs/interop.md: brokers as they are set up, what each of them says and grants, and where it
// does less than the standard asks, with its own documentation.

import { aedes } from "./brokers/aedes.js";
import type { BrokerKind, Login } from "./brokers/broker.js";
import { ejabberd } from "./brokers/ejabberd.js";
import { mosquitto } from "./brokers/mosquitto.js";
import { nats } from "./brokers/nats.js";
import { rabbitmq } from "./brokers/rabbitmq.js";
import type { Feature } from "./features.js";

/** What a broker does instead, in the place of what a cell's test says otherwise. */
export interface Limit {
  /** For the cell. */
  readonly short: string;
  /** The test's title: what really happens. */
  readonly does: string;
  /** The broker's own documentation. */
  readonly link: string;
}

export interface Row {
  readonly name: string;
  readonly kind: BrokerKind;
  /** Whether it or a box takes long over something: its tests go along beside those of the others. */
  readonly isSlow?: boolean;
  /** Milliseconds of a box in a real one: what is slow to answer gets more time. */
  readonly speed: number;
  /** The highest QoS that a subscriber gets. */
  readonly grants: 1 | 2;
  /** The highest QoS with which it takes a message. */
  readonly takes: 1 | 2;
  /** What it does with a message of a higher one: acknowledges it as one of the lower, or closes the connection. */
  readonly above?: "lowers" | "closes";
  /** Whether a filter with wildcards gets retained messages. */
  readonly retainsForWildcards: boolean;
  /** What it answers to a wrong password, and how the box says it; undefined where everybody is let in. */
  readonly refusal?: { readonly code: number; readonly says: string };
  /** Whether its restart begins with a kill, as by a loss of power, and not in good order. */
  readonly isKilled?: boolean;
  /** Numbers of the alerts that arrive when it is restarted after it got the first, of three. */
  readonly afterRestart: readonly number[];
  readonly limits: Readonly<Partial<Record<Feature, Limit>>>;
}

const LOGIN: Login = Object.freeze({ user: "box", password: "p&ss: wörd/@1" });
const WRONG = "refused: bad user name or password, or not authorized";

const usual = {
  grants: 2,
  takes: 2,
  retainsForWildcards: true,
  limits: {},
  afterRestart: [1, 2, 3],
} as const;

/** Of brokers without QoS 2. */
const LOWERED = {
  into: "QoS 1 is granted, and a message comes once, with QoS 1",
  resume: "the session is there; a QoS 1 message cut off at either of its packets arrives, twice without its PUBACK",
} as const;

/** Where everybody is let in. */
function open(link: string): Pick<Row["limits"], "wrong password"> {
  return { "wrong password": { short: "open", does: "is not looked at: everybody is let in, as it is set up", link } };
}

const MOSQUITTO = "https://mosquitto.org/man/mosquitto-conf-5.html";
const AEDES = "https://github.com/moscajs/aedes/blob/main/docs/Aedes.md";
const RABBITMQ = "https://www.rabbitmq.com/docs/3.13/mqtt";
/** QoS 2 came with 2.10. */
const NATS = "https://docs.nats.io/release-notes/whats_new/whats_new_210#mqtt";
const NATS_SESSIONS = "https://github.com/nats-io/nats-server/blob/main/server/README-MQTT.md";
const EJABBERD = "https://docs.ejabberd.im/admin/configuration/modules/#mod_mqtt";

export const ROWS: readonly Row[] = Object.freeze([
  { ...usual, name: "Mosquitto, plain", kind: mosquitto(), speed: 8, limits: open(MOSQUITTO) },
  {
    ...usual,
    name: "Mosquitto, password file",
    kind: mosquitto({ login: LOGIN }),
    speed: 8,
    refusal: { code: 5, says: WRONG },
  },
  {
    ...usual,
    name: "Mosquitto, persistence",
    kind: mosquitto({ persistence: true }),
    speed: 8,
    isKilled: true,
    limits: open(MOSQUITTO),
  },
  { ...usual, name: "aedes", kind: aedes(), speed: 8, limits: open(AEDES) },
  {
    ...usual,
    name: "NATS",
    kind: nats(LOGIN),
    isSlow: true,
    speed: 8,
    grants: 1,
    takes: 1,
    above: "closes",
    refusal: { code: 5, says: WRONG },
    afterRestart: [1, 1, 2, 3],
    limits: {
      press: {
        short: "**no alert**",
        does: "QoS 2 makes the broker close the connection: the alert stays stored, the box says so, and is announced",
        link: NATS,
      },
      "QoS 2 out": {
        short: "closes",
        does: "the broker closes the connection, and the client is told; nothing arrives",
        link: NATS,
      },
      "QoS 2 in": { short: "QoS 1", does: LOWERED.into, link: NATS },
      resume: {
        short: "QoS 1, late",
        does: `${LOWERED.resume}; the broker sends again when \`ack_wait\` has passed, not on the new connection`,
        link: NATS_SESSIONS,
      },
      asleep: {
        short: "queued only",
        does: "a box with an alert does not get as far as commands; what was queued for a session comes",
        link: NATS,
      },
      "UTF-8": {
        short: "but alerts",
        does: "cvrči/cvrčak/na/čvoru is a root: announcement and command",
        link: NATS,
      },
      restart: {
        short: "QoS 1",
        does: "QoS 1 messages of a client, in flight and meanwhile, arrive in order, the one without its PUBACK twice",
        link: NATS,
      },
    },
  },
  {
    ...usual,
    name: "ejabberd",
    kind: ejabberd({ ...LOGIN, user: "box@localhost" }),
    isSlow: true,
    speed: 4,
    refusal: { code: 5, says: WRONG },
    afterRestart: [1, 1, 2, 3],
    limits: {
      restart: {
        short: "twice",
        does: "presses in flight and meanwhile arrive in order, the one without its PUBREC twice, with one `id`",
        link: EJABBERD,
      },
    },
  },
  {
    ...usual,
    name: "RabbitMQ",
    kind: rabbitmq(LOGIN),
    isSlow: true,
    speed: 4,
    grants: 1,
    takes: 1,
    above: "lowers",
    retainsForWildcards: false,
    refusal: { code: 4, says: "refused: bad user name or password" },
    afterRestart: [1, 1, 2, 3],
    limits: {
      press: {
        short: "QoS 1",
        does: "an alert with QoS 2 is taken as one with QoS 1, arrives once, and the box is announced as online, retained",
        link: RABBITMQ,
      },
      "QoS 2 out": {
        short: "QoS 1",
        does: "a message is acknowledged by PUBACK, as with QoS 1, and arrives once",
        link: RABBITMQ,
      },
      "QoS 2 in": { short: "QoS 1", does: LOWERED.into, link: RABBITMQ },
      retained: {
        short: "no wildcards",
        does: "comes to a later subscriber of just that topic, flagged; not to one with wildcards; an empty one removes it",
        link: `${RABBITMQ}#retained`,
      },
      resume: { short: "QoS 1", does: LOWERED.resume, link: RABBITMQ },
      asleep: {
        short: "queued only",
        does: "a retained command does not reach a box, which subscribes with a wildcard; what was queued for a session comes",
        link: `${RABBITMQ}#retained`,
      },
      restart: {
        short: "twice",
        does: "presses in flight and meanwhile arrive in order, the one without its PUBACK twice, with one `id`",
        link: RABBITMQ,
      },
    },
  },
]);
