// The first page: how long each queue is, asked one after the other, what takes longest last; and
// its keys.
"use strict";
const queues = [...document.querySelectorAll("a[data-kind]")];
if (!document.querySelector("[autofocus]")) queues[0]?.focus();

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input")) return;
  const keys = document.getElementById("keys");
  const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const at = queues.indexOf(document.activeElement);
  if (event.key === "?" && keys) {
    keys.open = !keys.open;
    keys.scrollIntoView({ block: "nearest" });
  } else if (way && at >= 0 && queues[at + way]) {
    queues[at + way].focus();
  } else if ((way || event.key === "Enter") && document.activeElement === document.body) {
    queues[0]?.focus();
  } else return;
  event.preventDefault();
});

// A command stands between backticks.
function inWords(why) {
  return why.split("`").map((part, i) => (i % 2
    ? Object.assign(document.createElement("code"), { textContent: part }) : part));
}

(async () => {
  const isSlow = (link) => link.dataset.kind === "cells";
  for (const link of [...queues].sort((a, b) => isSlow(a) - isSlow(b))) {
    const answer = await fetch("/api/size", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ queue: { kind: link.dataset.kind } }),
    });
    if (!answer.ok) continue;
    const { total, answered, why } = await answer.json();
    const size = link.parentElement.querySelector(".size");
    size.textContent = total ? `${total - answered} of ${total} left` : why ? "none: " : "none";
    size.append(...inWords(why));
  }
})();
