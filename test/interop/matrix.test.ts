// The table in docs/interop.md: a row for each broker, a test for each cell. Slow brokers go through their tests beside
// the others.

import { after, before, describe } from "mocha";
import { ClientBoard } from "./client-board.js";
import { Desk } from "./desk.js";
import { CELLS, matrix } from "./matrix.js";
import { ROWS } from "./rows.js";

describe("broker", () => {
  const desks = ROWS.map((row) => new Desk(row, CELLS));
  let clients: Promise<ClientBoard>;

  before(() => {
    clients = ClientBoard.open();
    for (const desk of desks) if (desk.row.isSlow && !desk.isMissing) desk.begin(clients);
  });

  for (const desk of desks) matrix(desk, () => clients);

  after(async () => {
    for (const desk of desks) await desk.close();
    (await clients).close();
  });
});
