// The search of a species by its letters: a window that hands over the row of an answer.
import { findNames } from "./api.js";
import { line } from "./said.js";

const $ = (id) => document.getElementById(id);
let take = () => {}; // hears (row, whether more comes)
let tell = () => {}; // hears what went wrong

export function listenToSearch(taken, told) {
  [take, tell] = [taken, told];
}

let found = [];
let chosenName = 0;
let asked = 0;
let foundFor = ""; // what the list is of
let sureOf = null; // the new name that Enter was pressed on once

export function openSearch(letters = "") {
  $("typed").value = letters;
  foundFor = "";
  found = [];
  listFound();
  $("search").showModal();
  $("typed").focus();
  if (letters) typed().catch(tell);
}

async function typed() {
  const mine = ++asked;
  const text = $("typed").value.trim();
  const names = text ? await findNames(text) : [];
  if (mine !== asked) return;
  [found, foundFor] = [names, text];
  chosenName = 0;
  listFound();
}

function listFound() {
  askTwice(null);
  $("found").replaceChildren(...found.map((one, i) => {
    const made = document.createElement("li");
    made.setAttribute("aria-selected", i === chosenName ? "true" : "false");
    const { name, common, rank } = one.taxon;
    const near = one.matched !== name && one.matched !== common ? ` (${one.matched})` : "";
    made.append(line({ strong: name }, one.new ? " as a new name"
      : ` ${common}${near} ${rank && rank !== "species" ? rank : ""}`));
    made.addEventListener("click", () => choose(i, false));
    return made;
  }));
}

// A name that no list has, or that is not what was typed, is saved by a second key alone.
function askTwice(one) {
  sureOf = one?.taxon.name ?? null;
  $("sure").hidden = !one;
  $("sure").textContent = !one ? "" : one.near ? `Is ${one.matched} meant? Enter again saves ${sureOf}; Esc leaves.`
    : `${sureOf} is in no list here. Enter again saves it as a new name,`
    + " which should be a scientific one, as Equus quagga; Esc leaves."
    + (one.looks_scientific ? "" : " It does not look like one: a capital letter first, then small ones.");
}

function choose(i, goesOn) {
  const one = found[i];
  if (!one) return;
  if ((one.new || one.near) && sureOf !== one.taxon.name) return askTwice(one);
  $("search").close();
  const kind = one.taxon.observation_type;
  take({ observation_type: kind, name: kind === "animal" ? one.taxon.name : null }, goesOn);
}

$("typed").addEventListener("input", () => typed().catch(tell));
$("search").addEventListener("keydown", async (event) => {
  if (!$("search").open) return; // closed, but not yet drawn so: the key is for the picture
  event.stopPropagation(); // what closes this window is no answer as well
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const way = event.key === "ArrowDown" ? 1 : -1;
    chosenName = Math.max(0, Math.min(found.length - 1, chosenName + way));
    listFound();
  } else if (event.key === "Enter" && event.target !== $("leave")) {
    event.preventDefault();
    if (event.repeat) return;
    if (foundFor !== $("typed").value.trim()) await typed().catch(tell);
    choose(chosenName, event.shiftKey);
  }
});
