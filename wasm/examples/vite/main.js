import { open } from "sarsen";

const say = (text) => document.querySelector("output").append(`${text}\n`);

document.querySelector("input").addEventListener("change", async ({ target }) => { // <input type="file" webkitdirectory>
  const repository = await open(target.files);
  for (const { id, name, snapshot, size } of await repository.versions()) say(`${id} is ${name}@${snapshot}, ${size} bytes`);
  const report = await repository.scrub({ onProgress: ({ done, total }) => console.debug(`${done} of ${total} bytes`) });
  for (const { kind, segment, offset } of report.findings) say(`damage: ${kind} in segment ${segment} at ${offset}`);
  for (const { id, verdict } of report.versions) say(`${id} is ${verdict}`); // intact, or damaged
  await repository.close();
});
