// Types of the Moddable runtime as `src` sees it: the published typings for the modules that it imports, and what those
// typings (5.6.0) do not know yet. The real SDK brings its own typings; nothing in here is compiled into the firmware.

/// <reference path="../../node_modules/@moddable/typings/xs.d.ts" />
/// <reference path="../../node_modules/@moddable/typings/timer.d.ts" />
/// <reference path="../../node_modules/@moddable/typings/time.d.ts" />
/// <reference path="../../node_modules/@moddable/typings/wifi.d.ts" />
/// <reference path="../../node_modules/@moddable/typings/net.d.ts" />
/// <reference path="../../node_modules/@moddable/typings/flash.d.ts" />
/// <reference path="../../node_modules/@moddable/typings/mc/config.d.ts" />
/// <reference path="../../node_modules/@moddable/typings/embedded_io/_common.d.ts" />
/// <reference path="../../node_modules/@moddable/typings/embedded_io/digital.d.ts" />
/// <reference path="../../node_modules/@moddable/typings/embedded_io/socket/tcp.d.ts" />
/// <reference path="../../node_modules/@moddable/typings/embedded_io/system.d.ts" />

// The global of modules/io/system/system.js; the published global.d.ts would bring every provider with it.
declare var System: typeof import("embedded:io/system").default;

// xsc turns a body that calls the result into a host function; the published typings do not know it.
declare function native(name: string): (...parameters: unknown[]) => unknown;
