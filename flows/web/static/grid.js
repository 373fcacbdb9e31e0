// The grid: visits that look alike, answered together by keys or by touch.
import { address, ask } from "./api.js";
import { answered, askProgress } from "./progress.js";
import { best, inWords, listenToKeys, merged, quick, wordOf } from "./said.js";
import { listenToSearch, openSearch } from "./species.js";

const queue = Object.fromEntries(new URLSearchParams(location.search));
const $ = (id) => document.getElementById(id);
const NARROWEST = { wide: 200, phone: 150 }; // pixels of a tile
const CAPTION = 34; // pixels under a picture: two lines of text
const FRAME = 6; // of a tile's border, both sides
const GAP = 8; // between them and around
const MOST_PASSED = 5000;

let tiles = []; // the visits that are shown
let selected = new Set(); // of them, by key
let leftOut = false; // what is shown was left out a moment ago: Enter is likely one too many
let at = 0; // which one the keys are at
let columns = 1;
let waiting = []; // grids that were put aside for what was taken back
let ready = null; // the next grid, asked for ahead
let passed = []; // keys of those left without an answer
let cursor = 0;
let soon = []; // addresses of pictures that are wanted next
let busy = false;
let shownAt = 0;
let frame = 0; // of the large picture

// ---- the queue

// As many as can be seen at once: nobody accepts what he does not see.
function places() {
  const [width, height] = [$("tiles").clientWidth - 2 * GAP, $("tiles").clientHeight - 2 * GAP];
  const narrowest = width < 600 ? NARROWEST.phone : NARROWEST.wide;
  columns = Math.max(2, Math.floor((width + GAP) / (narrowest + GAP)));
  const each = (width - (columns - 1) * GAP) / columns;
  const rows = Math.max(1, Math.floor((height + GAP) / ((each - FRAME) * 0.75 + CAPTION + FRAME + GAP)));
  return Math.min(40, columns * rows);
}

async function fetchGrid(wrapped = false) {
  const aside = waiting.flatMap((grid) => grid.items);
  const keep = [...tiles, ...aside].map((one) => one.media_id);
  const said = await ask("alike", { queue, after: cursor, most: places(), keep, passed });
  if (!said.items.length && !wrapped && (cursor || passed.length)) {
    [cursor, passed] = [0, []]; // those that were left, and that others had before them
    return fetchGrid(true);
  }
  if (said.items.length) cursor = said.cursor;
  loadSoon(said.items.map((one) => picture(one, "tile")));
  return said;
}

// One after the other: an answer waits behind one picture at most.
async function loadSoon(urls) {
  const idle = !soon.length;
  soon.push(...urls);
  while (idle && soon.length) {
    const image = Object.assign(new Image(), { src: soon[0] });
    await image.decode().catch(() => null);
    soon.shift();
  }
}

function askAhead() {
  ready = fetchGrid();
  ready.catch(() => { ready = null; }); // it is asked again when it is wanted
}

async function forward() {
  if (waiting.length) return display(waiting.pop());
  const next = await (ready || fetchGrid());
  ready = null;
  if (!next.items.length) return finished();
  display(next);
  askAhead();
}

function skip() {
  if (!tiles.length) [cursor, passed, ready] = [0, [], null];
  passed = [...passed, ...tiles.map((one) => one.media_id)].slice(-MOST_PASSED);
  return forward();
}

function finished() {
  display({ items: [] });
  $("over").textContent = passed.length
    ? "The rest was left without an answer: PageDown shows it again. q: back to the queues"
    : "Nothing is left in this queue. q: back to the queues";
  $("over").hidden = false;
  $("question").textContent = "";
  askProgress(queue).catch(tell);
}

// ---- what is shown

function display({ items, compared = true, note = "", again = false }) {
  $("over").hidden = true;
  $("message").textContent = "";
  tiles = items;
  leftOut = again;
  selected = new Set(items.filter((one) => !isHidden(one)).map((one) => one.media_id));
  at = 0;
  $("tiles").dataset.note = note || (compared ? "" : "no vectors to compare by: the next ones of one name");
  places();
  $("tiles").style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
  $("tiles").replaceChildren(...items.map(tile));
  marks();
  shownAt = performance.now();
}

function isHidden(one) {
  return one.hidden.includes(one.frames[best(one)].media_id);
}

function picture(one, size, number = best(one)) {
  const frame = one.frames[number];
  return address(frame, size, one.hidden.includes(frame.media_id));
}

function tile(one, i) {
  const made = document.createElement("div");
  made.setAttribute("role", "option");
  const image = Object.assign(document.createElement("img"), { src: picture(one, "tile"), alt: "" });
  const shown = Object.assign(document.createElement("div"), { className: "shown" });
  shown.append(image, ...boxes(one));
  const said = Object.assign(document.createElement("p"), { className: "said" });
  said.textContent = one.machine.map((row) => inWords(row, one.common)).join(" + ") || "no word";
  const about = Object.assign(document.createElement("p"), { className: "soft" });
  about.textContent = [isHidden(one) ? "hidden" : "",
    one.started_at ? one.started_at.slice(5, 16).replace("T", " ") : "no time", one.deployment,
    one.pictures > 1 ? `${one.pictures} pictures` : ""].filter(Boolean).join(" · ");
  made.title = one.missing || about.textContent;
  made.append(shown, said, about);
  made.addEventListener("click", () => { at = i; turn(one); });
  made.addEventListener("dblclick", () => { at = i; look(); });
  return made;
}

// Sure boxes, over a picture that keeps its shape within the tile.
function boxes(one) {
  const { boxes: found, width, height } = one.frames[best(one)];
  const [w, h] = [Math.min(1, (width / height) * 0.75), Math.min(1, height / width / 0.75)];
  return found.filter((box) => box.sure).map(({ category, box: [x, y, wide, high] }) => {
    const made = Object.assign(document.createElement("div"), { className: `box ${category}` });
    const percent = (value) => `${100 * value}%`;
    Object.assign(made.style, { left: percent((1 - w) / 2 + x * w), top: percent((1 - h) / 2 + y * h),
      width: percent(wide * w), height: percent(high * h) });
    return made;
  });
}

function marks() {
  for (const [i, made] of [...$("tiles").children].entries()) {
    made.setAttribute("aria-selected", selected.has(tiles[i].media_id) ? "true" : "false");
    made.setAttribute("aria-current", i === at ? "true" : "false");
    if (i === at) made.scrollIntoView({ block: "nearest" });
  }
  const { note } = $("tiles").dataset;
  const hidden = tiles.filter(isHidden).length;
  const them = selected.size === 1 ? "it" : "them";
  const hint = [leftOut ? `: a key or a name answers ${them}` : `: Enter accepts the machine's word for ${them}`,
    hidden ? `; ${hidden} hidden, h shows one` : "", note ? `; ${note}` : ""].join("");
  $("question").textContent = tiles.length ? `${selected.size} of ${tiles.length} selected` : "";
  if (tiles.length) {
    $("question").append(Object.assign(document.createElement("span"), { textContent: hint }));
  }
}

function turn(one) {
  if (isHidden(one)) return tell(new Error("it is hidden: h shows and selects it"));
  leftOut = false;
  if (!selected.delete(one.media_id)) selected.add(one.media_id);
  marks();
}

function move(step) {
  at = Math.max(0, Math.min(tiles.length - 1, at + step));
  marks();
}

function tell(why) {
  $("message").textContent = why.message || String(why);
}

// ---- answers

// Rows for all that are selected; null: the machine's own word for each.
async function say(rows) {
  const chosen = tiles.filter((one) => selected.has(one.media_id));
  if (!chosen.length) return tell(new Error("no visit is selected: x or a tap selects it"));
  if (!rows && leftOut) return tell(new Error("these were left out: give them a name, or select them anew"));
  const answers = chosen.map((one) => ({
    media_id: one.media_id, said: merged(rows || wordOf(one.machine, true)),
  }));
  if (answers.some(({ said }) => !said.length)) {
    return tell(new Error("the machine has no word for some of them: give them a name"));
  }
  const seconds = (performance.now() - shownAt) / 1000 / chosen.length;
  await ask("alike/save", { queue, answers });
  answered(chosen.length, seconds);
  const left = tiles.filter((one) => !selected.has(one.media_id));
  if (left.length) return display({ items: left, note: "left out before; PageDown leaves them", again: true });
  await forward();
  askProgress(queue).catch(tell);
}

async function undo(again) {
  const { items } = await ask("alike/undo", { queue, again });
  if (!items.length) return tell(new Error(again ? "nothing to give again" : "nothing of yours to take back"));
  const back = new Set(items.map((one) => one.media_id));
  const rest = tiles.filter((one) => !back.has(one.media_id));
  if (rest.length) waiting.push({ items: rest });
  answered(again ? items.length : -items.length);
  display({ items, note: again ? "given again" : "taken back" });
}

async function reveal() {
  const one = tiles[at];
  if (!isHidden(one)) return;
  const { media_id: key } = one.frames[best(one)];
  await ask("reveal", { queue, media_ids: [key] });
  one.hidden = one.hidden.filter((hidden) => hidden !== key);
  selected.add(one.media_id);
  $("tiles").children[at].replaceWith(tile(one, at));
  marks();
}

// ---- one of them, large

function look(number = best(tiles[at])) {
  const one = tiles[at];
  frame = Math.max(0, Math.min(one.frames.length - 1, number));
  $("big").src = picture(one, "big", frame);
  const what = one.frames[frame].number === null ? "picture" : "frame of a clip:";
  $("place").textContent = `${what} ${frame + 1} of ${one.frames.length}`;
  $("whole").href = `/review?kind=visits&answered=yes&at=${one.media_id}`;
  if (!$("large").open) $("large").showModal();
}

$("before").addEventListener("click", () => look(frame - 1));
$("after").addEventListener("click", () => look(frame + 1));
$("close").addEventListener("click", () => $("large").close());
$("large").addEventListener("keydown", (event) => {
  const does = { ArrowLeft: () => look(frame - 1), ArrowRight: () => look(frame + 1),
    z: () => $("large").close() }[event.key];
  if (!does || !$("large").open) return;
  event.preventDefault();
  event.stopPropagation();
  does();
});

// ---- keys

const KEYS = {
  Enter: () => say(null),
  b: () => say([{ observation_type: "blank" }]),
  p: () => say([{ observation_type: "human" }]),
  v: () => say([{ observation_type: "vehicle" }]),
  u: () => say([{ observation_type: "unknown" }]),
  "/": () => openSearch(),
  s: () => openSearch(),
  x: () => turn(tiles[at]),
  " ": () => turn(tiles[at]),
  X: () => {
    leftOut = false;
    const seen = tiles.filter((one) => !isHidden(one));
    selected = new Set(selected.size < seen.length ? seen.map((one) => one.media_id) : []);
    marks();
  },
  z: () => look(),
  h: () => reveal(),
  ArrowLeft: () => move(-1),
  ArrowRight: () => move(1),
  ArrowUp: () => move(-columns),
  ArrowDown: () => move(columns),
  PageDown: () => skip(),
  Backspace: (event) => undo(event.shiftKey),
};
for (const [key, row] of quick) KEYS[key] = () => say([row]);
const ALWAYS = { // also where nothing is shown
  "?": () => $("help").showModal(),
  q: () => { location.href = "/"; },
};
const WITHOUT_TILES = ["Backspace", "PageDown"];

// While the server is waited for no other key counts: nobody answers about what he has not seen.
async function press(key, event) {
  const does = ALWAYS[key] || KEYS[key];
  if (!does) return;
  event?.preventDefault();
  if (busy || (!tiles.length && !ALWAYS[key] && !WITHOUT_TILES.includes(key))) return;
  await slowly(() => does(event || {}));
}

async function slowly(does) {
  busy = true;
  const [begun, before] = [performance.now(), tiles];
  try {
    await does();
  } catch (why) {
    tell(why);
  } finally {
    busy = false;
    if (tiles !== before) performance.measure("answered", { start: begun, end: performance.now() });
  }
}

listenToKeys(press, "X");
$("help-button").addEventListener("click", () => $("help").showModal());
listenToSearch((row) => { if (!busy) slowly(() => say([row])); }, tell);

// ---- begin

slowly(forward).then(() => askProgress(queue).catch(tell));

// What is on the screen, and what is ready, stays this reviewer's while the page is open.
setInterval(async () => {
  const ahead = await ready?.catch(() => null);
  const held = [...tiles, ...(ahead?.items || []), ...waiting.flatMap((grid) => grid.items)];
  ask("hold", { keep: held.map((one) => one.media_id) }).catch(tell);
}, 120000);
