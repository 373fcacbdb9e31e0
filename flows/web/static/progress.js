// How far a queue is, and how long the rest will take.
import { ask } from "./api.js";

const $ = (id) => document.getElementById(id);
let counts = { total: null, answered: 0 };
let took = []; // seconds an answer

export async function askProgress(queue) {
  counts = await ask("size", { queue, interval: true });
  $("interval").textContent = counts.interval || "";
  draw();
}

// `many` visits were answered, or taken back (less than 0); seconds for each of them.
export function answered(many, seconds = null) {
  counts.answered += many;
  if (seconds !== null) took = [...took, Math.min(seconds, 120)].slice(-30);
  draw();
  return counts.answered;
}

function draw() {
  if (counts.total === null) return;
  const left = Math.max(0, counts.total - counts.answered);
  $("bar").max = counts.total || 1;
  $("bar").value = counts.answered;
  const sorted = [...took].sort((a, b) => a - b);
  const each = sorted.length >= 3 ? sorted[Math.floor(sorted.length / 2)] : null;
  const minutes = each === null ? null : (left * each) / 60;
  const time = minutes === null ? "" : minutes < 1 ? ", under a minute"
    : minutes < 90 ? `, ${Math.round(minutes)} min` : `, ${(minutes / 60).toFixed(1)} h`;
  $("done").textContent = `${counts.answered} of ${counts.total}, ${left} left${left ? time : ""}`;
}
