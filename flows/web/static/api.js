// What the page asks its server. An error is thrown with the server's own line.
export async function ask(name, body) {
  let answer;
  try {
    answer = await fetch(`/api/${name}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("the server does not answer: start `camtriage review` again; nothing is lost");
  }
  return read(answer);
}

export async function findNames(typed) {
  return (await read(await fetch(`/api/names?q=${encodeURIComponent(typed)}`))).names;
}

async function read(answer) {
  const text = await answer.text();
  let said;
  try {
    said = JSON.parse(text);
  } catch {
    throw new Error(text.slice(0, 200) || `error ${answer.status}`);
  }
  if (!answer.ok) throw new Error(said.error || `error ${answer.status}`);
  return said;
}

// Where a picture is, or one frame of a clip; hidden ones are told apart in the browser's memory.
export function address(frame, size, hidden) {
  const number = frame.number === null ? "" : `&frame=${frame.number}`;
  return `/picture/${frame.media_id}/${size}.jpg?${hidden ? "hidden" : "open"}${number}`;
}
