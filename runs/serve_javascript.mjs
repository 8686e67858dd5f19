// Drives a server with the official JavaScript client, unmodified: every method of its videos, and prints what held.
//
//     npm install --prefix /tmp/client openai
//     kinema serve &
//     NODE_PATH=/tmp/client/node_modules node runs/serve_javascript.mjs http://127.0.0.1:8000/v1

import { createRequire } from "node:module";

const { default: OpenAI, toFile } = createRequire(import.meta.url)("openai");
const client = new OpenAI({ baseURL: process.argv[2], apiKey: process.env.KINEMA_KEY ?? "none" });
const film = { prompt: "a red dog jumps in the snow", seconds: "0.5", size: "64x64" };
let failed = 0;

async function ended(video) {
  while (["queued", "in_progress"].includes(video.status)) {
    await new Promise((wake) => setTimeout(wake, 200));
    video = await client.videos.retrieve(video.id);
  }
  if (video.status !== "completed") throw new Error(`${video.status}: ${video.error?.message}`);
  return video;
}

async function holds(what, work) {
  try {
    await work();
    console.log(`ok      ${what}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${what}: ${error.message}`);
  }
}

function check(condition, what) {
  if (!condition) throw new Error(what);
}

const first = await ended(await client.videos.create(film));
const bytes = Buffer.from(await (await client.videos.downloadContent(first.id)).arrayBuffer());
const upload = () => toFile(bytes, "dog.mp4", { type: "video/mp4" });
async function thumbnail() {
  return Buffer.from(await (await client.videos.downloadContent(first.id, { variant: "thumbnail" })).arrayBuffer());
}

await holds("create, retrieve", async () => check(first.size === "64x64" && first.progress === 100, "another film"));
await holds("downloadContent", async () => check(bytes.subarray(4, 8).toString() === "ftyp", "no mp4"));
await holds("downloadContent of a thumbnail", async () => {
  const picture = await thumbnail();
  check(picture.subarray(8, 12).toString() === "WEBP", "no webp");
});
await holds("edit of an id", async () => ended(await client.videos.edit({ prompt: "a blue dog", video: { id: first.id } })));
await holds("edit of a file", async () => ended(await client.videos.edit({ prompt: "a blue dog", video: await upload() })));
await holds("extend", async () => {
  const longer = await ended(await client.videos.extend({ prompt: "it runs", seconds: "4", video: { id: first.id } }));
  check(longer.seconds === "4.5", `${longer.seconds} seconds`);
});
await holds("remix", async () => {
  const other = await ended(await client.videos.remix(first.id, { prompt: "a blue dog" }));
  check(other.remixed_from_video_id === first.id, "of another film");
});
await holds("create of a picture", async () => {
  await ended(await client.videos.create({ ...film, input_reference: await toFile(await thumbnail(), "dog.webp") }));
});
await holds("files: create, list, content, a film of one, delete", async () => {
  const file = await client.files.create({ file: await toFile(await thumbnail(), "dog.webp"), purpose: "vision" });
  const names = [];
  for await (const each of client.files.list({ limit: 1 })) names.push(each.filename);
  check(names.includes("dog.webp") && (await client.files.retrieve(file.id)).bytes === file.bytes, "another file");
  check((await (await client.files.content(file.id)).arrayBuffer()).byteLength === file.bytes, "other bytes");
  await ended(await client.videos.create({ ...film, input_reference: { file_id: file.id } }));
  check((await client.files.delete(file.id)).deleted, "not deleted");
});
await holds("createCharacter, getCharacter", async () => {
  const made = await client.videos.createCharacter({ name: "Rex", video: await upload() });
  check((await client.videos.getCharacter(made.id)).name === "Rex", "another name");
});
await holds("list, page by page", async () => {
  const ids = [];
  for await (const video of client.videos.list({ limit: 2 })) ids.push(video.id);
  check(ids.length === new Set(ids).size && ids.includes(first.id), "films twice or missing");
});
await holds("a refused prompt", async () => {
  const error = await client.videos.create({ ...film, prompt: "Darth Vader" }).catch((error) => error);
  check(error.status === 400 && error.code === "moderation_blocked", `${error.status} ${error.code}`);
});
await holds("delete", async () => {
  check((await client.videos.delete(first.id)).deleted, "not deleted");
  const error = await client.videos.retrieve(first.id).catch((error) => error);
  check(error.status === 404, `${error.status}`);
});
process.exit(failed ? 1 : 0);
