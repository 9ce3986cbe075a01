// The command line: what is accepted, what is refused, and that a refusal says what to do and never shows a password.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  alertFilter,
  boardRoot,
  HELP,
  type Options,
  parseOptions,
  shownAddress,
  watchLine,
} from "../../host-sim/options.js";

function accept(...args: string[]): Options {
  const parsed = parseOptions(args);
  assert.equal(parsed.kind, "run", parsed.kind === "error" ? parsed.message : parsed.kind);
  return (parsed as { options: Options }).options;
}

function refuse(...args: string[]): string {
  const parsed = parseOptions(args);
  assert.equal(parsed.kind, "error", `accepted: ${args.join(" ")}`);
  return (parsed as { message: string }).message;
}

describe("host-sim/options", () => {
  it("without arguments starts one mains board, the embedded broker and the page", () => {
    assert.deepEqual(accept(), {
      broker: undefined,
      boards: 1,
      mode: "mains",
      wiring: "gpio",
      factoryNew: false,
      setupPort: undefined,
      quiet: false,
      record: undefined,
      scenario: undefined,
      chip: 5750,
      root: undefined,
      port: undefined,
      pagePort: undefined,
      flash: undefined,
      pcap: undefined,
      log: ["steps"],
      speed: undefined,
      virtual: false,
      seed: undefined,
      headless: false,
      press: undefined,
      deadlineSeconds: 30,
      json: false,
    });
  });

  it("takes every option, with a space or an equals sign", () => {
    const options = accept(
      ..."--broker mqtt://10.0.0.9:1884 --boards=3 --mode battery --chip 7 --root home/door --flash a.flash".split(" "),
      ..."--headless --press 2 --deadline 9 --json --pcap a.pcap --log packets,memory".split(" "),
    );
    assert.deepEqual(options.broker, { host: "10.0.0.9", port: 1884, user: "", password: "" });
    assert.equal(options.boards, 3);
    assert.equal(options.mode, "battery");
    assert.equal(options.chip, 7);
    assert.equal(options.root, "home/door");
    assert.equal(options.flash, "a.flash");
    assert.equal(options.pcap, "a.pcap");
    assert.deepEqual(options.log, ["packets", "memory"]);
    assert.equal(options.press, 2);
    assert.equal(options.deadlineSeconds, 9);
    assert.equal(options.json, true);
  });

  it("says what --log and --pcap take", () => {
    assert.match(refuse("--log", "everything"), /^--log is one or more of steps,packets,memory, not "everything"$/);
    assert.match(refuse("--log", ""), /--log is one or more of/);
    assert.match(refuse("--log", "steps,"), /, not ""$/);
    assert.match(refuse("--pcap", ""), /^--pcap is the name of a file, for example --pcap box\.pcap$/);
  });

  it("gives more time to more presses when no deadline is named", () => {
    assert.equal(accept("--headless", "--press", "3").deadlineSeconds, 60);
    assert.equal(accept("--headless", "--press", "3", "--boards", "2").deadlineSeconds, 90);
  });

  describe("--broker", () => {
    it("reads user and password with escaped characters", () => {
      const { broker } = accept("--broker", "mqtt://an%40a:p%3Aw%2F%C4%8D@broker.example:1884");
      assert.deepEqual(broker, { host: "broker.example", port: 1884, user: "an@a", password: "p:w/č" });
    });
    it("assumes port 1883, and mqtt:// when only a host is given", () => {
      assert.deepEqual(accept("--broker", "mqtt://pi").broker, { host: "pi", port: 1883, user: "", password: "" });
      assert.deepEqual(accept("--broker", "pi:1900").broker, { host: "pi", port: 1900, user: "", password: "" });
      assert.equal(accept("--broker", "mqtt://[::1]:1885").broker?.host, "::1");
    });
    it("refuses what is not a plain MQTT address and says which form it wants", () => {
      assert.match(refuse("--broker", "http://pi"), /mqtt:\/\/\[user:password@\]host/);
      assert.match(refuse("--broker", "mqtts://pi"), /without TLS/);
      assert.match(refuse("--broker", "mqtt://pi/topic"), /--root/);
      assert.match(refuse("--broker", "mqtt://"), /mqtt:\/\//);
      assert.match(refuse("--broker", "mqtt://pi:0"), /Port 0/);
      assert.match(refuse("--broker", "mqtt://pi:99999"), /mqtt:\/\//);
    });
    it("never repeats a password, whatever is wrong", () => {
      for (const url of [
        "mqtt://ana:s3cret@pi/x",
        "mqtts://ana:s3cret@pi",
        "mqtt://ana:s3cret@pi:99999",
        "mqtt://ana:s3cret%@pi",
        "mqtt://:s3cret@pi",
        "ftp://ana:s3cret@pi",
      ]) {
        assert.doesNotMatch(refuse("--broker", url), /s3cret/, url);
      }
    });
    it("does not go together with --port", () => {
      assert.match(refuse("--broker", "mqtt://pi", "--port", "1884"), /stands in the URL/);
    });
  });

  it("refuses numbers that are none, or out of range, with the range", () => {
    assert.match(refuse("--boards", "0"), /--boards is a whole number from 1 to 64, not "0"/);
    assert.match(refuse("--boards", "65"), /1 to 64/);
    assert.match(refuse("--chip", "-1"), /--chip/);
    assert.match(refuse("--chip", "16777216"), /16777215/);
    assert.match(refuse("--speed", "0"), /--speed is a whole number from 1 to 100/);
    assert.match(refuse("--port", "65536"), /65535/);
    assert.match(refuse("--port", "1e3"), /whole number/);
    assert.match(refuse("--headless", "--press", "x"), /--press is a whole number/);
    assert.match(refuse("--headless", "--press", "1", "--deadline", "0"), /--deadline/);
    assert.match(refuse("--chip", "16777215", "--boards", "2"), /too large/);
  });

  it("refuses a mode, a root or a file name that cannot be used", () => {
    assert.match(refuse("--mode", "solar"), /mains or battery, not "solar"/);
    for (const root of ["", "a/", "a/#", "a/+/b", "$SYS/x", "x".repeat(97)]) {
      assert.match(refuse("--root", root), /--root/, root);
    }
    assert.equal(accept("--root", "cvrči/cvrčak/na/čvoru").root, "cvrči/cvrčak/na/čvoru");
    assert.match(refuse("--flash", ""), /name of a file/);
  });

  it("wires the button as the mode needs it, or as it is told", () => {
    assert.equal(accept("--mode", "battery").wiring, "rst+gpio");
    assert.equal(accept("--mode", "battery", "--wiring", "rst").wiring, "rst");
    assert.equal(accept("--wiring", "rst+gpio").wiring, "rst+gpio");
    assert.match(refuse("--wiring", "d3"), /gpio, rst or rst\+gpio, not "d3"/);
    assert.match(refuse("--wiring", "rst"), /add --mode battery/);
    assert.match(refuse("--mode", "battery", "--wiring", "gpio"), /cannot wake a battery box/);
    assert.equal(accept("--mode", "battery", "--quiet").quiet, true);
    assert.match(refuse("--quiet"), /add --mode battery/);
  });

  it("begins without settings when asked, and shows the setup on a port", () => {
    assert.equal(accept("--factory-new").factoryNew, true);
    assert.equal(accept("--factory-new", "--setup-port", "0").setupPort, 0);
    assert.equal(accept("--setup-port", "8200").setupPort, 8200);
    assert.match(refuse("--setup-port", "65536"), /0 to 65535/);
    assert.match(refuse("--setup-port", "65535", "--boards", "2"), /too large/);
    assert.match(refuse("--factory-new", "--headless", "--press", "1"), /delivers nothing/);
    assert.equal(accept("--factory-new", "--headless", "--press", "1", "--flash", "box").press, 1);
  });

  it("says which option is unknown, lacks its value or takes none", () => {
    assert.match(refuse("--brokr", "x"), /there is no option --brokr/);
    assert.match(refuse("--boards"), /--boards needs a value/);
    assert.match(refuse("--json=yes", "--headless"), /--json takes no value/);
    assert.match(refuse("3"), /starts with --/);
  });

  it("refuses options that only make sense without a page", () => {
    assert.match(refuse("--press", "1"), /add --headless/);
    assert.match(refuse("--json"), /add --headless/);
    assert.match(refuse("--headless", "--deadline", "5"), /needs --press/);
    assert.match(refuse("--headless", "--page-port", "8080"), /no page/);
  });

  it("has a virtual world, with a seed, and as fast as it goes", () => {
    const { virtual, seed, speed } = accept("--virtual", "--seed", "7", "--speed", "max");
    assert.deepEqual([virtual, seed, speed], [true, 7, Number.POSITIVE_INFINITY]);
    assert.equal(accept("--virtual", "--speed", "10").speed, 10);
    for (const name of ["--broker", "--port", "--setup-port"]) {
      assert.match(refuse("--virtual", name, "1883"), new RegExp(`${name} does not go with --virtual`));
    }
    assert.match(refuse("--speed", "max"), /--speed max is .*: add --virtual/);
    assert.match(refuse("--seed", "1"), /--seed .*: add --virtual, or --scenario NAME/);
    assert.match(refuse("--virtual", "--seed", "1e3"), /--seed is a whole number from 0/);
    assert.equal(accept("--scenario", "power-cut", "--seed", "3").seed, 3);
  });

  it("--help wins and names every option", () => {
    assert.equal(parseOptions(["--help"]).kind, "help");
    assert.equal(parseOptions(["-h"]).kind, "help");
    const names =
      "broker port page-port boards mode wiring quiet factory-new setup-port chip root flash speed headless press " +
      "deadline json help virtual seed scenario record log pcap";
    for (const name of names.split(" ")) assert.match(HELP, new RegExp(`--${name}\\b`));
  });

  it("shows a broker without its password and builds a line that a shell takes", () => {
    const broker = { host: "pi", port: 1884, user: "ana", password: "s3cret" };
    assert.equal(shownAddress(broker), "mqtt://ana@pi:1884");
    assert.equal(shownAddress({ ...broker, host: "::1", user: "" }), "mqtt://[::1]:1884");
    assert.equal(watchLine(broker, "a/+/alert"), "mosquitto_sub -h pi -p 1884 -u ana -P '…' -t 'a/+/alert' -v");
    assert.equal(
      watchLine({ ...broker, user: "a b", password: "" }, "it's/alert"),
      "mosquitto_sub -h pi -p 1884 -u 'a b' -t 'it'\\''s/alert' -v",
    );
  });

  it("gives each of several boards its own root under the given one", () => {
    const one = accept("--root", "home/door");
    assert.equal(boardRoot(one, 5750), "home/door");
    assert.equal(alertFilter(one), "home/door/alert");
    const two = accept("--root", "home/door", "--boards", "2");
    assert.equal(boardRoot(two, 5751), "home/door/5751");
    assert.equal(alertFilter(two), "home/door/+/alert");
    assert.equal(boardRoot(accept(), 5750), undefined);
    assert.equal(alertFilter(accept()), "mresetar/alertbox/+/alert");
  });
});
