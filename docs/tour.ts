// The tour of docs/tour.md as hands carry it out: step by step, by what is to be read on the page and nothing else. The
// pictures are taken on it, and a test follows it with the text beside it. Knows labels and words of the page.

import type { Locator, Page } from "playwright-core";

/** One step of the tour, under the heading of the same number. */
export interface TourStep {
  readonly number: number;
  /** Ends when there is to be seen what the text says. */
  readonly go: (page: Page) => Promise<void>;
  /** The picture that belongs to it, taken when it is done. */
  readonly picture?: string;
}

function press(page: Page): Promise<void> {
  return page.getByRole("button", { name: "Press", exact: true }).click();
}

function tab(page: Page, name: string): Promise<void> {
  return page.getByRole("tab", { name }).click();
}

/** A line of the story. */
function said(page: Page, word: string, alert: string): Locator {
  return page
    .getByRole("log", { name: "Steps" })
    .getByRole("listitem")
    .filter({ hasText: word })
    .filter({ hasText: alert });
}

function shown(page: Page, text: string | RegExp): Promise<void> {
  return page.getByText(text, { exact: true }).first().waitFor();
}

async function flip(page: Page, name: string, on: boolean): Promise<void> {
  const control = page.getByRole("switch", { name });
  await control.click();
  await page.getByRole("switch", { name, checked: on }).waitFor();
}

export const TOUR: readonly TourStep[] = Object.freeze([
  { number: 1, go: (page: Page) => shown(page, "online") },
  {
    number: 2,
    picture: "press.png",
    go: async (page: Page) => {
      await press(page);
      await said(page, "arrived", "5750-1-").last().waitFor();
      await said(page, "delivered", "5750-1-").last().waitFor();
    },
  },
  {
    number: 3,
    go: async (page: Page) => {
      await tab(page, "Faults");
      await flip(page, "Slow network", true);
      await tab(page, "Memory");
    },
  },
  {
    number: 4,
    picture: "cut.png",
    go: async (page: Page) => {
      await press(page);
      await said(page, "stored", "5750-2-").last().waitFor();
      await page.getByRole("button", { name: "Cut power for 1 s" }).click();
      await shown(page, "no power");
      await shown(page, /^Why 5750-2-\d+ is not lost$/);
      await page.getByRole("row", { name: "5750-2-" }).waitFor();
    },
  },
  {
    number: 5,
    picture: "kept.png",
    go: async (page: Page) => {
      await shown(page, /^Why 5750-2-\d+ was not lost$/);
      await tab(page, "Packets");
      await page.getByText("DUP", { exact: true }).first().waitFor();
      await shown(page, "online");
    },
  },
  {
    number: 6,
    go: async (page: Page) => {
      await tab(page, "Faults");
      await flip(page, "Slow network", false);
      await tab(page, "Scenarios");
    },
  },
]);
