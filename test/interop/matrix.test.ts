// The table in docs/interop.md: a row for each broker, a test for each cell. Brokers that are slow to start do so while
// the others are tested.

import { after, before, describe } from "mocha";
import type { Broker } from "./brokers/broker.js";
import { findProgram } from "./brokers/program.js";
import { ClientBoard } from "./client-board.js";
import { matrix } from "./matrix.js";
import { ROWS, type Row } from "./rows.js";

describe("broker", () => {
  const openings = new Map<Row, Promise<Broker>>();
  let clients: Promise<ClientBoard> | undefined;

  before(() => {
    clients = ClientBoard.open();
    for (const row of ROWS) {
      if (
        !row.isSlow ||
        Object.values(row.kind.needs)
          .flat()
          .some((name) => findProgram(name) === undefined)
      )
        continue;
      const opening = row.kind.open();
      openings.set(row, opening);
      // Whoever waits for it hears of it.
      opening.catch(() => undefined);
    }
  });

  for (const row of ROWS) {
    matrix(
      row,
      () => openings.get(row) ?? row.kind.open(),
      () => clients as Promise<ClientBoard>,
    );
  }

  after(async () => {
    (await clients)?.close();
    for (const opening of openings.values()) await (await opening).close();
  });
});
