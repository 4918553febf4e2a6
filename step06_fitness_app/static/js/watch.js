// Somebody else's running workout.

import { Live } from "./live.js";

new Live({
  words: {
    running: (name) => `Watching ${name} live.`,
    paused: (name) => `${name} pauses.`,
    none: (name) => `${name} is not training now. This page shows it when ${name} begins.`,
  },
}).open();
