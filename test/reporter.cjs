// The spec reporter, followed by one plain line, "N passed, N failed", alone and last: what a script reads.
const { reporters } = require("mocha");

class Reporter extends reporters.Spec {
  epilogue() {
    super.epilogue();
    const { passes, failures, pending } = this.stats;
    console.log(`${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ""}`);
  }
}

module.exports = Reporter;
