// The first page: how long each queue is, asked one after the other.
"use strict";
(async () => {
  for (const link of document.querySelectorAll("a[data-kind]")) {
    const answer = await fetch("/api/size", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ queue: { kind: link.dataset.kind } }),
    });
    if (!answer.ok) continue;
    const { total, answered } = await answer.json();
    const size = link.parentElement.querySelector(".size");
    size.textContent = total ? `${total - answered} of ${total} left` : "none";
  }
})();
