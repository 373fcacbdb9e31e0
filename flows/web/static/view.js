// The big picture: fitted or pixel by pixel, brighter, with boxes; pictures are loaded ahead.
import { address } from "./api.js";

const view = document.getElementById("view");
const plane = document.getElementById("plane");
const boxes = document.getElementById("boxes");
const loaded = new Map(); // address -> image, the oldest first
const MOST_LOADED = 60;
let line = []; // addresses to load ahead
let loading = false;
let frame = null;
let image = null;
let zoomed = false;
let at = { x: 0.5, y: 0.5 }; // middle of what is shown, in parts of the picture
let light = 0;
let contrast = 0;
let boxesShown = true;

export function load(url) {
  let found = loaded.get(url);
  if (!found) {
    found = new Image();
    found.decoding = "sync";
    found.src = url;
    found.ready = found.decode().then(() => true, () => false);
    loaded.set(url, found);
    if (loaded.size > MOST_LOADED) loaded.delete(loaded.keys().next().value);
  }
  return found;
}

// Addresses that are wanted soon, one after the other: an answer waits behind one of them at most.
export async function ahead(urls) {
  line = urls;
  if (loading) return;
  loading = true;
  while (line.length) await load(line.shift()).ready;
  loading = false;
}

export function forget(media_id) {
  for (const url of [...loaded.keys()]) {
    if (url.startsWith(`/picture/${media_id}/`)) loaded.delete(url);
  }
}

// Resolves to false where the picture cannot be shown.
export async function show(next, hidden) {
  frame = next;
  const mine = load(address(next, "big", hidden));
  const fine = await mine.ready;
  if (frame !== next) return true;
  image?.remove();
  image = fine ? mine : null;
  zoomed = false;
  boxes.replaceChildren(...(fine ? next.boxes.map(drawn) : []));
  if (fine) plane.prepend(mine);
  place();
  return fine;
}

export function showHidden(hidden) {
  const mine = frame;
  return show({ ...mine }, hidden);
}

function drawn(box) {
  const [x, y, width, height] = box.box;
  const made = document.createElement("div");
  made.className = `box ${box.category}${box.sure ? "" : " unsure"}`;
  Object.assign(made.style, {
    left: `${100 * x}%`, top: `${100 * y}%`, width: `${100 * width}%`, height: `${100 * height}%`,
  });
  const word = box.category === "human" ? "person" : box.category;
  made.title = `${word} ${box.confidence.toFixed(2)}`;
  if (box.sure) {
    const name = document.createElement("span");
    name.textContent = made.title;
    made.append(name);
  }
  return made;
}

function place() {
  if (!frame) return;
  const room = { width: view.clientWidth, height: view.clientHeight };
  const fit = Math.min(room.width / frame.width, room.height / frame.height);
  const scale = zoomed ? Math.max(1 / (window.devicePixelRatio || 1), fit * 1.5) : fit;
  const width = frame.width * scale;
  const height = frame.height * scale;
  const left = width <= room.width ? (room.width - width) / 2
    : Math.min(0, Math.max(room.width - width, room.width / 2 - at.x * width));
  const top = height <= room.height ? (room.height - height) / 2
    : Math.min(0, Math.max(room.height - height, room.height / 2 - at.y * height));
  Object.assign(plane.style, {
    width: `${width}px`, height: `${height}px`, transform: `translate(${left}px, ${top}px)`,
  });
  plane.style.filter = light || contrast
    ? `brightness(${1 + 0.6 * light}) contrast(${1 + 0.4 * contrast})` : "";
  boxes.hidden = !boxesShown;
  view.classList.toggle("zoomed", zoomed);
}

export async function zoom(hidden) {
  zoomed = !zoomed;
  const sure = frame?.boxes.find((box) => box.sure);
  at = sure ? { x: sure.box[0] + sure.box[2] / 2, y: sure.box[1] + sure.box[3] / 2 }
    : { x: 0.5, y: 0.5 };
  place();
  if (!zoomed || !frame || !image) return;
  const mine = frame;
  const full = load(address(mine, "full", hidden));
  if ((await full.ready) && frame === mine && zoomed) {
    image.remove();
    image = full;
    plane.prepend(full);
  }
}

export function isZoomed() {
  return zoomed;
}

export function move(dx, dy) {
  at = {
    x: Math.min(1, Math.max(0, at.x + dx)),
    y: Math.min(1, Math.max(0, at.y + dy)),
  };
  place();
}

export function brighter() {
  light = (light + 1) % 5;
  place();
}

export function moreContrast() {
  contrast = (contrast + 1) % 5;
  place();
}

export function asItWas() {
  light = contrast = 0;
  place();
}

export function turnBoxes() {
  boxesShown = !boxesShown;
  place();
}

view.addEventListener("pointermove", (event) => {
  if (!zoomed || event.pointerType === "touch") return;
  const room = view.getBoundingClientRect();
  at = {
    x: (event.clientX - room.left) / room.width,
    y: (event.clientY - room.top) / room.height,
  };
  place();
});
new ResizeObserver(place).observe(view);
