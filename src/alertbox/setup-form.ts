// From what a person typed into the setup page to settings to try. It knows the fields of the form and the settings in
// force; it knows no page and no HTTP. What was left out stays as it is, but a password never goes to another network
// or broker than the one it was given for.

import type { Scanner } from "./flash.js";
import { CONVENTIONS, defaultRoot, type Settings, SettingsDraft, type WiFiNetwork } from "./settings.js";

/** The fields of the form, undefined where none was sent. */
export interface SetupForm {
  readonly ssid: string | undefined;
  readonly wifiPassword: string | undefined;
  readonly host: string | undefined;
  readonly port: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly root: string | undefined;
  readonly mode: string | undefined;
  readonly wiring: string | undefined;
  readonly convention: string | undefined;
}

/**
 * Settings to try; the network that was chosen comes first, others that were known stay behind it.
 *
 * @returns the settings, still to be judged, or a sentence that names the field, what is wrong and what to do, and
 *   never a secret value.
 */
export function setupSettings(
  current: Settings | undefined,
  form: SetupForm,
  chipId: number,
  scanner?: Scanner,
): SettingsDraft | string {
  const wifi = networks(current, form);
  if (typeof wifi === "string") return wifi;
  const host = form.host === undefined ? current?.host : form.host.trim();
  const port = form.port === undefined ? current?.port : portOf(form.port.trim());
  const sameBroker = current !== undefined && current.host === host && current.port === (port ?? 1883);
  const user = form.user ?? (sameBroker ? current.user : undefined);
  const sameUser = sameBroker && user === current.user;
  const mode = form.mode ?? current?.mode;
  const sameMode = form.wiring === undefined && mode === current?.mode;
  return new SettingsDraft(
    {
      wifi,
      host,
      port,
      user,
      password: form.password ?? (sameUser ? current.password : undefined),
      root: form.root === undefined ? current?.root : form.root.trim(),
      mode,
      wiring: sameMode ? current?.wiring : form.wiring,
      keepAliveSeconds: current?.keepAliveSeconds,
      double: current?.double,
      full: current?.full,
      lowMillivolts: current?.lowMillivolts,
      quiet: current?.quiet,
      convention: form.convention ?? current?.convention,
    },
    chipId,
    scanner,
    undefined,
    form,
  );
}

function networks(current: Settings | undefined, form: SetupForm): readonly WiFiNetwork[] | string {
  const known = current?.wifi ?? [];
  const ssid = form.ssid ?? known[0]?.ssid;
  if (ssid === undefined || ssid === "") return "ssid: missing; choose a network";
  let password = form.wifiPassword;
  const result: WiFiNetwork[] = [];
  for (const network of known) {
    if (network.ssid === ssid) password ??= network.password;
    else if (result.length < 2) result.push(network);
  }
  if (password === undefined) return `wifiPassword: missing; give "" for an open network`;
  return [{ ssid, password }, ...result];
}

/** Empty is the default port; what is no number is passed on to be refused. */
function portOf(text: string): number | undefined {
  return text === "" ? undefined : Number(text);
}

/** What the setup page shows of the box and its settings. */
export interface ShownSettings {
  readonly chipId: number;
  readonly firmware: string;
  readonly ssid: string;
  readonly host: string;
  readonly port: number;
  readonly root: string;
  readonly mode: string;
  readonly wiring: string;
  readonly hasUser: boolean;
  readonly convention: string;
}

/** Of the settings in force, or of the defaults: no secret, and of the user only whether there is one. */
export function shownSettings(settings: Settings | undefined, chipId: number, firmware: string): ShownSettings {
  return {
    chipId,
    firmware,
    ssid: settings?.wifi[0]?.ssid ?? "",
    host: settings?.host ?? "",
    port: settings?.port ?? 1883,
    root: settings?.root ?? defaultRoot(chipId),
    mode: settings?.mode ?? "mains",
    wiring: settings?.wiring ?? "gpio",
    hasUser: settings !== undefined && settings.user !== "",
    convention: settings?.convention ?? CONVENTIONS[0],
  };
}
