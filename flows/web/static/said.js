// What machine and people say, in words and as the rows of an answer.
export const WORDS = { human: "person", vehicle: "vehicle", blank: "blank", unknown: "not known",
  unclassified: "no name", animal: "animal" };

// The project's own quick keys: letter -> the row that it answers.
export const quick = new Map(Object.entries(JSON.parse(document.body.dataset.quick))
  .map(([key, { observation_type, name }]) => [key, { observation_type, name }]));

// short: a common name alone where there is one.
export function inWords(row, common, short = false) {
  const called = row.name && common?.[row.name];
  const name = (short && called) || row.name || WORDS[row.observation_type] || row.observation_type;
  const described = [row.sex, row.life_stage, row.behavior, row.individual_id].filter(Boolean);
  return (row.count ? `${row.count} × ` : "") + (called && !short ? `${name} (${called})` : name)
    + (described.length ? `, ${described.join(", ")}` : "")
    + (row.comment ? ` “${row.comment}”` : "");
}

// A whole answer on a line.
export function shortly(rows, common) {
  return rows.map((row) => inWords(row, common, true)).join(" + ");
}

// A time of the camera's clock, to the second.
export function clock(time) {
  return (time || "").replace("T", " ").slice(0, 19);
}

// The machine's word as an answer; of a whole visit with its counts.
export function wordOf(machine, whole) {
  const known = machine.map((row) => ({
    observation_type: row.observation_type === "unclassified" ? "unknown" : row.observation_type,
    name: row.name, count: whole ? row.count : null,
  }));
  const something = known.filter((row) => row.observation_type !== "blank");
  return something.length ? something : known.slice(0, 1);
}

// The picture that shows most: with the largest sure box, else the first that was kept; of a clip
// the frame that shows most.
export function best(one) {
  const asked = one.of_visit ? -1 : one.frames.findIndex((frame) => frame.asked && frame.shows_most);
  if (asked >= 0) return asked;
  let most = 0;
  let place = -1;
  one.frames.forEach((frame, i) => {
    const area = Math.max(0, ...frame.boxes.filter((box) => box.sure).map((b) => b.box[2] * b.box[3]));
    if (area > most) [most, place] = [area, i];
  });
  if (place < 0) place = one.frames.findIndex((frame) => frame.state === "kept" && frame.shows_most);
  return place < 0 ? Math.max(0, one.frames.findIndex((frame) => frame.shows_most)) : place;
}

// The same animals said twice are one row, with the number of both; nothing empty stays in a row.
export function merged(rows) {
  const found = new Map();
  for (const row of rows) {
    const clean = Object.fromEntries(Object.entries(row).filter(([, value]) => value));
    const { count, comment, ...kind } = clean;
    const key = JSON.stringify(Object.entries(kind).sort());
    const known = found.get(key);
    if (known) known.count = (known.count || 1) + (count || 1);
    else found.set(key, { ...clean });
  }
  return [...found.values()];
}

export function line(...parts) {
  const made = document.createElement("p");
  for (const part of parts) {
    if (typeof part === "string") made.append(part);
    else made.append(Object.assign(document.createElement("strong"), { textContent: part.strong }));
  }
  return made;
}

// The key of an event as the tables of keys have it: small, unless its capital is a key of its own.
function keyOf(event, capitals) {
  const { key } = event;
  return key.length === 1 && !capitals.includes(key) ? key.toLowerCase() : key;
}

// Keys and buttons both press; capitals: letters that are other keys with Shift.
export function listenToKeys(press, capitals) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey && (event.key === "z" || event.key === "y")) {
      event.preventDefault();
      press("Backspace", { shiftKey: event.key === "y", preventDefault() {} });
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.repeat && !event.key.startsWith("Arrow")) return;
    press(keyOf(event, capitals), event);
  });
  document.querySelectorAll("button[data-key]").forEach((button) => {
    button.addEventListener("click", (event) => {
      button.blur();
      press(button.dataset.key, event);
    });
  });
}
