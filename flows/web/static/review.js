// The review screen: one visit at a time, answered by keys.
import { address, ask } from "./api.js";
import { answered, askProgress } from "./progress.js";
import { best, clock, inWords, listenToKeys, line, merged, quick, shortly, WORDS, wordOf } from "./said.js";
import { listenToSearch, openSearch } from "./species.js";
import * as view from "./view.js";

const AHEAD = 3; // visits held ready
const { at: startAt, ...queue } = Object.fromEntries(new URLSearchParams(location.search));
const ofVisits = document.body.dataset.unit === "visit";
const isAudit = document.body.dataset.kind === "audit";
const $ = (id) => document.getElementById(id);

let item = null; // what is shown
let at = 0; // its picture
let thumbnails = []; // of the strip, not asked for yet
let ready = []; // the next ones
let past = []; // keys of those before
let future = []; // those that somebody came back from
let cursor = 0;
let wrapped = false;
let fetching = null;
let busy = false;
let scope = ofVisits ? "visit" : "picture";
let selected = new Set();
let draft = fresh();
const MOST_REMEMBERED = 50;
const LONGEST_AGAIN = 32; // letters on the button
let mine = JSON.parse(sessionStorage.getItem("mine") || "[]"); // answers, the newest last
let called = JSON.parse(sessionStorage.getItem("called") || "{}"); // common names of those in `mine`
let takenBack = [];
let shownAt = 0;
let playing = null;

function fresh() {
  return { count: null, countAt: 0, rows: [], detail: {} };
}

// ---- the queue

function more() {
  if (fetching || ready.length >= AHEAD) return fetching;
  const keep = [item, ...ready].filter(Boolean).map((one) => one.media_id).slice(0, 5);
  fetching = ask("next", { queue, after: cursor, most: AHEAD - ready.length, keep })
    .then((said) => {
      if (!said.items.length && cursor && !wrapped) {
        cursor = 0; // those that others had before them meanwhile
        wrapped = true;
        fetching = null;
        return more();
      }
      for (const next of said.items) {
        cursor = next.cursor;
        if (![item, ...ready].some((one) => one && one.media_id === next.media_id)) ready.push(next);
      }
      if (said.items.length) wrapped = false;
      fetching = null;
      lookAhead();
      return said.items.length;
    })
    .catch((why) => {
      fetching = null;
      throw why;
    });
  return fetching;
}

// What is looked at next, the likeliest first; nothing of it is asked for before what is shown now
// is painted.
function lookAhead() {
  const wanted = ready.map((next) => bigOf(next, next.frames[best(next)]));
  const near = [at + 1, at - 1].map((n) => item && bigOf(item, item.frames[n]));
  view.ahead([...wanted, ...near].filter(Boolean));
}

function bigOf(visit, frame) {
  return frame && address(frame, "big", visit.hidden.includes(frame.media_id));
}

async function forward() {
  if (item) past.push({ media_id: item.media_id, of_visit: item.of_visit });
  if (future.length) return display(future.pop());
  if (!ready.length) await more();
  const next = ready.shift();
  if (!next) return finished();
  await display(next);
  more()?.catch(tell);
}

async function back() {
  const before = past.pop();
  if (!before) return tell(new Error("nothing before this"));
  const { item: found } = await ask("visit", { queue, ...before });
  if (!found) return tell(new Error("it is not there any more"));
  if (item) future.push(item);
  return display(found);
}

async function beside(step) {
  const place = { media_id: item.media_id, of_visit: item.of_visit };
  const { item: found } = await ask("visit", { queue, media_id: item.media_id, step });
  if (!found) return tell(new Error("no visit there at this camera"));
  past.push(place);
  return display(found);
}

function finished() {
  item = null;
  $("plane").querySelector("img")?.remove();
  $("boxes").replaceChildren();
  $("strip").replaceChildren();
  for (const name of ["machine", "answer", "draft", "facts", "question", "scope"]) {
    $(name).replaceChildren();
  }
  if ($("flag")) flagged(null);
  $("over").textContent = "Nothing is left in this queue. q: back to the queues";
  $("over").hidden = false;
  document.body.classList.add("finished");
  askProgress(queue).catch(tell);
}

// ---- what is shown

async function display(next) {
  stop();
  document.body.classList.remove("finished");
  item = next;
  draft = fresh();
  selected = new Set();
  if (!ofVisits) scope = "picture";
  else if (scope === "selection") scope = "visit";
  $("message").textContent = "";
  strip();
  words();
  await showFrame(best(next));
  shownAt = performance.now();
}

async function showFrame(i) {
  at = Math.max(0, Math.min(item.frames.length - 1, i));
  const mine = item;
  const frame = item.frames[at];
  const hidden = isHidden(frame);
  const fine = await view.show(frame, hidden);
  if (item !== mine) return;
  $("over").hidden = fine && !hidden;
  $("over").textContent = !fine
    ? item.missing || "this picture cannot be shown"
    : "People may be on it, so it is hidden. h or a touch here shows it; who looked is written down.";
  for (const [n, button] of [...$("strip").children].entries()) {
    button.setAttribute("aria-current", n === at ? "true" : "false");
    if (n === at) button.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  facts(frame);
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  if (item !== mine) return;
  for (const [image, words] of thumbnails) Object.assign(image, words);
  thumbnails = [];
  lookAhead();
}

function isHidden(frame) {
  return item.hidden.includes(frame.media_id);
}

function strip() {
  thumbnails = [];
  $("strip").replaceChildren(
    ...item.frames.map((frame, i) => {
      const made = document.createElement("button");
      made.type = "button";
      const image = document.createElement("img");
      image.loading = "lazy";
      const alt = `picture ${i + 1}`;
      thumbnails.push([image, { alt, src: address(frame, "strip", isHidden(frame)) }]);
      const words = document.createElement("span");
      words.textContent = clock(frame.taken_at).slice(11) || `${i + 1}`;
      made.append(image, words);
      made.addEventListener("click", () => showFrame(i).catch(tell));
      return made;
    }),
  );
  marks();
}

function marks() {
  for (const [i, button] of [...$("strip").children].entries()) {
    const frame = item.frames[i];
    button.className = [
      frame.asked && !item.of_visit ? "asked" : "",
      frame.answer ? "answered" : "",
      frame.favourite ? "favourite" : "",
      frame.state === "blank" ? "blank" : "",
      selected.has(frame.media_id) ? "selected" : "",
    ].join(" ").trim();
  }
}

function phrase(row) {
  return inWords(row, item?.common);
}

function mayShow({ observation_type: kind, probability: p }) {
  return `; may show a ${WORDS[kind]}${p === null ? "" : `, ${p.toFixed(2)}`}`;
}

// "2 pictures, 1 clip": how many files of each kind a visit has.
function files(visit) {
  const ofClips = visit.frames.filter((frame) => frame.number !== null);
  const clips = new Set(ofClips.map((frame) => frame.media_id)).size;
  const counts = [[visit.pictures - clips, "picture"], [clips, "clip"]];
  return counts.filter(([n]) => n > 0).map(([n, word]) => `${n} ${word}${n === 1 ? "" : "s"}`).join(", ");
}

function words() {
  const first = item.machine[0];
  const score = first?.probability;
  $("machine").replaceChildren(
    ...line("Machine: ", { strong: item.machine.map(phrase).join(" + ") || "no word" },
      score === null || score === undefined ? "" : ` ${score.toFixed(2)}`,
      ...item.may_show.map(mayShow)).childNodes);
  $("question").textContent = item.question ? `Is it ${item.question}` : item.of_visit
    ? `What is on this visit? ${files(item)}`
    : "What is on this picture?";
  if ($("flag")) flagged(item.flag);
  const said = item.of_visit ? item.answer : item.frames.find((frame) => frame.asked)?.answer;
  $("answer").replaceChildren();
  if (said) {
    const when = clock(said.at).slice(0, 16);
    $("answer").append(line("Answered: ", { strong: said.said.map(phrase).join(" + ") },
      ` ${said.reviewer || "nobody named"} ${when}. The newest answer counts`
      + (said.earlier ? `; ${said.earlier} before it` : "")));
  }
  drafted();
}

// Why a visit is under suspicion, in the queue of flags.
function flagged(flag) {
  $("flag").hidden = !flag;
  if (!flag) return;
  const open = flag.status === "suspected"; // else its reason begins with what was said of it
  $("reason").replaceChildren(...(open ? [...line({ strong: flag.severity }).childNodes, ". "] : []), flag.reason);
  $("judge").href = `/flags/${flag.flag_id}`;
}

function drafted() {
  const parts = draft.rows.map(phrase);
  if (draft.count) parts.push(`${draft.count} ×`);
  const detail = Object.values(draft.detail).filter(Boolean);
  if (detail.length) parts.push(detail.join(", "));
  $("draft").textContent = parts.length ? `Your answer: ${parts.join(" + ")} …` : "";
  const many = selected.size;
  $("scope").textContent = {
    visit: "For the whole visit (t changes it)",
    picture: item.of_visit ? "For this picture (t changes it)" : "For this picture",
    selection: `For ${many} selected picture${many === 1 ? "" : "s"} (t changes it)`,
  }[scope];
}

function facts(frame) {
  const keys = [...new Set(item.frames.map((one) => one.media_id))];
  const ofClip = item.frames.filter((one) => one.media_id === frame.media_id);
  const rows = [
    ["Camera", [...new Set([item.deployment, item.location])].filter(Boolean).join(", ")],
    ["Time", (clock(frame.taken_at) || "not known")
      + (frame.repair ? ` (repaired: ${frame.repair}; camera wrote ${clock(frame.camera_time) || "no time"})` : "")],
    ["Picture", `${keys.indexOf(frame.media_id) + 1} of ${keys.length}`
      + (keys.length < item.pictures ? ` shown, ${item.pictures} in all` : "")],
    ["Clip", frame.number === null ? "" : `frame ${ofClip.indexOf(frame) + 1} of ${ofClip.length} looked at`],
    ["File", `${item.batch}: ${frame.path}`],
    ["Scores", [
      frame.p_blank === null ? "" : `blank ${frame.p_blank.toFixed(2)}`,
      frame.temperature_c === null ? "" : `${frame.temperature_c} °C`,
      frame.light || "",
    ].filter(Boolean).join(", ")],
  ];
  if (frame.answer) rows.push(["Told", frame.answer.said.map(phrase).join(" + ")]);
  $("facts").replaceChildren(...rows.filter(([, text]) => text).flatMap(([name, text]) => [
    Object.assign(document.createElement("dt"), { textContent: name }),
    Object.assign(document.createElement("dd"), { textContent: text }),
  ]));
}

function tell(why) {
  $("message").textContent = why.message || String(why);
}

// ---- answers

function withCount(rows) {
  const made = rows.map((row) => ({ ...row }));
  if (draft.count && made.length && made[0].observation_type !== "blank") {
    made[made.length - 1].count = draft.count;
  }
  const last = made[made.length - 1];
  for (const [name, value] of Object.entries(draft.detail)) {
    if (value && last && (name === "comment" || last.observation_type !== "blank")) {
      last[name] = value;
    }
  }
  return made;
}

function machineRows() {
  const frame = item.frames[at];
  if (scope !== "visit" && frame.state === "blank") return [{ observation_type: "blank" }];
  return wordOf(item.machine, scope === "visit");
}

// A row that is complete joins those of the draft; what was typed before belongs to it.
function join(rows) {
  draft.rows.push(...withCount(rows));
  draft.count = null;
  draft.detail = {};
}

async function say(rows) {
  if (rows.length) join(rows);
  let said = draft.rows;
  if (said.length > 1) said = said.filter((row) => row.observation_type !== "blank");
  said = merged(said);
  if (!said.length) return;
  const keys = scope === "visit" ? [item.media_id]
    : scope === "selection" && selected.size ? [...selected] : [item.frames[at].media_id];
  const purpose = scope === "visit" ? "event" : isAudit ? "audit" : "review";
  const seconds = (performance.now() - shownAt) / 1000;
  $("last").textContent = "";
  const { common } = await ask("save", { media_ids: keys, purpose, said });
  told("Saved", said, common, item, scope === "visit" ? [] : keys);
  takenBack = [];
  remember([...mine, said]);
  draft = fresh();
  const whole = scope === "visit" || !item.of_visit;
  if (whole) return saved(seconds);
  for (const frame of item.frames) {
    if (keys.includes(frame.media_id)) frame.answer = { said, reviewer: null, at: null };
  }
  selected = new Set();
  marks();
  const open = item.frames.findIndex((frame) => !frame.answer);
  if (open < 0) return saved(seconds);
  drafted();
  return showFrame(open);
}

function saved(seconds) {
  const number = answered(1, seconds);
  return forward().then(() => {
    if (item && number % 10 === 0) askProgress(queue).catch(tell);
  });
}

// What `r` says again: never what was taken back.
function remember(answers) {
  mine = answers.slice(-MOST_REMEMBERED);
  sessionStorage.setItem("mine", JSON.stringify(mine));
  sessionStorage.setItem("called", JSON.stringify(called));
  nameAgain();
}

// The button of `r` says what it would save.
function nameAgain() {
  const last = mine[mine.length - 1];
  const whole = last ? shortly(last, called) : "";
  const text = whole.length > LONGEST_AGAIN ? `${whole.slice(0, LONGEST_AGAIN - 1)}…` : whole;
  $("again").textContent = last ? `Same again: ${text}` : "Same again";
  $("again").parentElement.title = last ? `saves ${whole}` : "no answer before this";
}

// What the last key did, and to which visit or pictures.
function told(what, said, common, one, keys) {
  called = { ...called, ...common };
  const [frame] = one.frames.filter(({ media_id }) => keys.includes(media_id));
  const about = keys.length > 1 ? `${keys.length} pictures`
    : frame ? `picture ${frame.path.split("/").pop()}` : `visit ${clock(one.started_at) || "without a time"}`;
  $("last").textContent = `${what}: ${shortly(said, called)}, ${about}`;
}

async function undo(again) {
  const { item: found, answers: many, ...undone } = await ask("undo", { queue, again });
  if (!found) return tell(new Error(again ? "nothing to give again" : "nothing of yours to take back"));
  if (item && item.media_id !== found.media_id) future.push(item);
  answered(again ? many : -many);
  if (again && takenBack.length) remember([...mine, takenBack.pop()]);
  if (!again && mine.length) {
    takenBack.push(mine[mine.length - 1]);
    remember(mine.slice(0, -1));
  }
  told(again ? "Given again" : "Taken back", undone.said, undone.common, found, undone.pictures);
  if (many > 1) $("last").append(` and ${many - 1} more`);
  await display(found);
}

async function reveal() {
  const frame = item.frames[at];
  if (!isHidden(frame)) return;
  await ask("reveal", { queue, media_ids: [frame.media_id] });
  item.hidden = item.hidden.filter((key) => key !== frame.media_id);
  view.forget(frame.media_id);
  strip();
  await showFrame(at);
}

async function favourite() {
  const { media_id } = item.frames[at];
  const { favourite: now } = await ask("favourite", { media_id });
  for (const frame of item.frames) if (frame.media_id === media_id) frame.favourite = now;
  marks();
}

// ---- the burst

function stop() {
  clearTimeout(playing);
  playing = null;
}

function play() {
  if (playing !== null) return stop();
  const step = async () => {
    const next = (at + 1) % item.frames.length;
    await showFrame(next);
    if (playing !== null && next !== item.frames.length - 1) playing = setTimeout(step, 250);
    else stop();
  };
  if (at === item.frames.length - 1) at = -1;
  playing = setTimeout(step, 0);
}

// ---- keys

const KEYS = {
  Enter: () => say(draft.rows.length && !draft.count ? [] : machineRows()),
  b: () => say([{ observation_type: "blank" }]),
  p: () => say([{ observation_type: "human" }]),
  v: () => say([{ observation_type: "vehicle" }]),
  u: () => say([{ observation_type: "unknown" }]),
  r: () => (mine.length ? say(mine[mine.length - 1]) : tell(new Error("no answer before this"))),
  "/": () => openSearch(),
  s: () => openSearch(),
  d: () => openDetails(),
  "+": () => { join(machineRows()); drafted(); },
  Escape: () => { draft = fresh(); stop(); drafted(); },
  Backspace: (event) => undo(event.shiftKey),
  ArrowLeft: () => (view.isZoomed() ? view.move(-0.1, 0) : showFrame(at - 1)),
  ArrowRight: () => (view.isZoomed() ? view.move(0.1, 0) : showFrame(at + 1)),
  ArrowUp: () => (view.isZoomed() ? view.move(0, -0.1) : back()),
  ArrowDown: () => (view.isZoomed() ? view.move(0, 0.1) : forward()),
  "[": () => beside(-1),
  "]": () => beside(1),
  t: () => turnScope(),
  x: () => select(item.frames[at]),
  X: () => { item.frames.forEach((frame) => selected.add(frame.media_id)); chosen(); },
  f: () => favourite(),
  " ": () => play(),
  z: () => view.zoom(isHidden(item.frames[at])),
  n: () => view.brighter(),
  N: () => view.moreContrast(),
  m: () => view.asItWas(),
  o: () => view.turnBoxes(),
  h: () => reveal(),
};
for (const [key, row] of quick) KEYS[key] = () => say([row]);
const ALWAYS = { // also where nothing is shown
  "?": () => $("help").showModal(),
  q: () => { location.href = "/"; },
};
const WITHOUT_ITEM = ["Backspace", "ArrowUp"];

function turnScope() {
  if (!item.of_visit) return;
  const turn = { visit: "picture", picture: selected.size ? "selection" : "visit", selection: "visit" };
  scope = turn[scope];
  drafted();
}

function select(frame) {
  if (!item.of_visit) return;
  if (!selected.delete(frame.media_id)) selected.add(frame.media_id);
  chosen();
}

function chosen() {
  if (!item.of_visit) return;
  scope = selected.size ? "selection" : "visit";
  marks();
  drafted();
}

function digit(key) {
  const soon = performance.now() - draft.countAt < 1500;
  const typed = soon && draft.count ? draft.count * 10 + Number(key) : Number(key);
  draft.count = typed > 1000000 ? null : typed || null;
  draft.countAt = performance.now();
  drafted();
}

// Keys that end in another visit or wait for the server: no other key counts meanwhile, so that
// nobody answers about a picture that he has not seen.
const SLOW = ["Enter", "b", "p", "v", "u", "r", "Backspace", "ArrowUp", "ArrowDown", "[", "]", "h",
  ...quick.keys()];
let ahead = null; // letters of a search that was begun meanwhile

async function press(key, event) {
  const does = ALWAYS[key] || KEYS[key];
  const isDigit = /^[0-9]$/.test(key);
  if (does || isDigit) event?.preventDefault();
  if (busy) {
    if (ahead !== null && key.length === 1) ahead += key;
    else if (key === "/" || key === "s") ahead = "";
    return;
  }
  if (ALWAYS[key]) return ALWAYS[key]();
  if (!item && !WITHOUT_ITEM.includes(key)) return;
  if (isDigit) return digit(key);
  if (!does) return;
  if (SLOW.includes(key)) return slowly(() => does(event || {}));
  try {
    await does(event || {});
  } catch (why) {
    tell(why);
  }
}

async function slowly(does) {
  busy = true;
  const begun = performance.now();
  const before = item;
  try {
    await does();
  } catch (why) {
    tell(why);
  } finally {
    busy = false;
    if (item !== before) performance.measure("answered", { start: begun, end: performance.now() });
    if (ahead !== null && item) openSearch(ahead);
    ahead = null;
  }
}

listenToKeys(press, "XN");
$("over").addEventListener("click", () => press("h"));
$("help-button").addEventListener("click", () => $("help").showModal());

listenToSearch((row, goesOn) => {
  if (goesOn) {
    join([row]);
    drafted();
  } else if (!busy) slowly(() => say([row]));
}, tell);

// ---- details

function openDetails() {
  for (const field of $("details").querySelectorAll("select, input")) {
    field.value = draft.detail[field.name] || "";
  }
  $("details").showModal();
}

$("details").addEventListener("close", () => {
  if ($("details").returnValue !== "keep") return;
  for (const field of $("details").querySelectorAll("select, input")) {
    draft.detail[field.name] = field.value.trim();
  }
  if (draft.rows.length) {
    const last = draft.rows[draft.rows.length - 1];
    Object.assign(last, Object.fromEntries(Object.entries(draft.detail).filter(([, v]) => v)));
    draft.detail = {};
  }
  $("details").returnValue = "";
  drafted();
});

// ---- begin

nameAgain();

// With ?at=PICTURE its visit comes first, answered or not.
async function begin() {
  const asked = /^\d{1,9}$/.test(startAt || "") ? Number(startAt) : 0;
  const { item: found } = asked ? await ask("visit", { queue, media_id: asked }) : { item: null };
  return found ? display(found) : forward();
}

slowly(begin).then(() => askProgress(queue).catch(tell));
setInterval(() => more()?.catch(tell) ?? hold(), 120000);

// What is on the screen stays this reviewer's while the page is open.
function hold() {
  const keep = [item, ...ready].filter(Boolean).map((one) => one.media_id).slice(0, 5);
  return ask("hold", { keep }).catch(tell);
}
