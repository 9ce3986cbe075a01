// The id of an alert as the firmware makes it, for whoever reads a journal in its place. Knows the form only.

/** `5750-42-40146`; `5750-42` of a journal from before they had a life, which is 0 then. */
export function alertId(chipId: number, sequence: number, life: number): string {
  const place = `${chipId}-${sequence}`;
  return life === 0 ? place : `${place}-${life}`;
}
