// How the box makes itself known beside its alerts, in the words of the convention that was chosen: by its own topics,
// which Home Assistant can be introduced to; as a device of Homie 5 (https://homieiot.github.io); or in the style of
// Tasmota (https://tasmota.github.io/docs/MQTT). Presence and LED are told in one place only, because a connection has
// one will. Alerts, `state` and commands are the same with each: what goes by a convention for the moment goes with QoS
// 0, and who must not miss an alert takes it from the box's own topic. Pure: facts come as arguments.
//
// Conventions are numbers here, their places among CONVENTIONS (settings.ts): 0 home-assistant, 1 none, 2 homie,
// 3 tasmota.

import { isWord } from "./command.js";
import { EVENT_NAMES, type Presence, presencePayload, topicOf } from "./topics.js";

/** What is to be published. Retained with QoS 1; or for the moment: not retained, with QoS 0. */
export interface Told {
  readonly topic: string;
  readonly payload: string;
  readonly isRetained: boolean;
}

/** What a convention may want to be told with each state. */
export interface Figures {
  readonly pushes: number;
  readonly millivolts: number;
  /** dBm. */
  readonly rssi: number;
}

const ACTIONS: readonly string[] = Object.freeze(["SINGLE", "DOUBLE", "HOLD"]);

function homie(chipId: number, name: string): string {
  return `homie/5/alertbox-${chipId}/${name}`;
}

function tasmota(prefix: string, chipId: number, name: string): string {
  return `${prefix}/alertbox_${chipId}/${name}`;
}

function told(topic: string, payload: string, isRetained: boolean): Told {
  return { topic, payload, isRetained };
}

/** Where the presence is retained, which is also the will's topic. */
export function presenceTopic(convention: number, root: string, chipId: number): string {
  if (convention === 2) return homie(chipId, "$state");
  return convention === 3 ? tasmota("tele", chipId, "LWT") : topicOf(root, "lwt");
}

/** Homie hears `init` first, and `ready` when everything else is said. For Tasmota a sleeper is offline. */
export function presenceText(convention: number, presence: Presence, chipId: number, firmware: string): string {
  const isOnline = presence === "online";
  if (convention === 2) return isOnline ? "init" : presence;
  if (convention === 3) return isOnline ? "Online" : "Offline";
  return presencePayload(presence, chipId, firmware);
}

/** Whether the LED is lit, as commanded from afar. */
export function lightTold(convention: number, root: string, chipId: number, isLit: boolean): Told {
  if (convention === 2) return told(homie(chipId, "led/on"), `${isLit}`, true);
  const word = isLit ? "ON" : "OFF";
  if (convention === 3) return told(tasmota("stat", chipId, "RESULT"), `{"LedPower1":"${word}"}`, false);
  return told(topicOf(root, "led"), word, true);
}

/** The filter for commands to the LED, beside `cmd/led`; "" for none. */
export function lightCommands(convention: number, chipId: number): string {
  if (convention === 2) return homie(chipId, "led/on/set");
  return convention === 3 ? tasmota("cmnd", chipId, "+") : "";
}

/** Whether a topic that matches `lightCommands` is such a command. Tasmota's are written in any case. */
export function isLightCommand(convention: number, chipId: number, topic: string): boolean {
  if (convention !== 3) return topic === lightCommands(convention, chipId);
  const prefix = tasmota("cmnd", chipId, "");
  return topic.startsWith(prefix) && isWord(topic.substring(prefix.length), "ledpower");
}

/** What is told of an alert (`event`: its `AlertEvent`) once it is delivered, beside it. */
export function gestureTold(convention: number, chipId: number, event: number): Told | undefined {
  if (convention === 2) return told(homie(chipId, "button/event"), EVENT_NAMES[event] ?? "press", false);
  if (convention < 2) return undefined;
  return told(tasmota("stat", chipId, "RESULT"), `{"Button1":{"Action":"${ACTIONS[event] ?? "SINGLE"}"}}`, false);
}

/** What is told with a state, message by message, `at` from 0 on; undefined behind the last. */
export function figureTold(convention: number, at: number, chipId: number, figures: Figures): Told | undefined {
  const volts = figures.millivolts / 1000;
  if (convention === 2 && at < 2) {
    return at === 0
      ? told(homie(chipId, "box/supply"), `${volts}`, true)
      : told(homie(chipId, "box/presses"), `${figures.pushes}`, true);
  }
  if (convention !== 3 || at > 0) return undefined;
  return told(tasmota("tele", chipId, "STATE"), `{"Vcc":${volts},"Wifi":{"Signal":${figures.rssi | 0}}}`, false);
}

/** Where the introduction goes, with those that have one. Home Assistant may have been given another prefix. */
export function introductionTopic(convention: number, chipId: number): string {
  return convention === 2 ? homie(chipId, "$description") : `homeassistant/device/alertbox_${chipId}/config`;
}

/**
 * What may be retained, topic by topic, `at` from 0 on, in the order in which it is taken back when another convention
 * is chosen; undefined behind the last. A Homie device without `$state` does not exist any more.
 */
export function retainedTopic(convention: number, at: number, root: string, chipId: number): string | undefined {
  if (at === 0) return presenceTopic(convention, root, chipId);
  if (convention < 2) {
    if (at === 1) return topicOf(root, "led");
    return at === 2 && convention === 0 ? introductionTopic(0, chipId) : undefined;
  }
  if (convention === 3) return undefined;
  switch (at) {
    case 1:
      return introductionTopic(2, chipId);
    case 2:
      return homie(chipId, "box/supply");
    case 3:
      return homie(chipId, "box/presses");
    case 4:
      return homie(chipId, "led/on");
    default:
      return undefined;
  }
}
