// Times that the server wrote in UTC, for who has no script: now by the reader's clock.

import { local } from "./page.js";

for (const element of document.querySelectorAll("time[data-as]")) {
  element.textContent = local(element.dateTime, element.dataset.as);
}
for (const option of document.querySelectorAll("option[data-at]")) {
  option.text = option.dataset.words.replace("{at}", local(option.dataset.at, "day"));
}
