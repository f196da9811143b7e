// Is compiled and never run: the package's types as a user meets them.

import { DamagedError, open, type Report, RefusedError, type Source } from "sarsen";
import { directory } from "sarsen/node";

export async function verify(files: File[], handle: FileSystemDirectoryHandle, own: Source): Promise<Report[]> {
  const stop = new AbortController();
  const reports: Report[] = [];
  for (const from of [files, handle, own, "https://example.org/backups/", directory("/backups")]) {
    const repository = await open(from, { workers: 2, memoryBytes: 2 ** 30, signal: stop.signal });
    const [first] = await repository.versions();
    if (first === undefined) continue;
    reports.push(await repository.check());
    reports.push(await repository.scrub({ version: first, onProgress: ({ done, total }) => console.log(done / total) }));
    const bytes: Uint8Array = await repository.read(first.id, 0, 512);
    for await (const { offset, bytes: piece } of repository.stream("latest", { lossy: true })) console.log(offset, piece?.length, bytes.length);
    for await (const { state, shared } of repository.blocks(first)) console.log(state === "lost", shared);
    const { equal } = await repository.compareWith(new Blob([]), first);
    const { verdict, tellsAll } = await repository.verifyStream(new Blob([]), { version: "latest", base: null });
    const { segments, deadBytes } = await repository.segments({ onProgress: ({ done, total }) => console.log(done / total) });
    console.log(segments.map(({ segment, liveBytes }) => `${segment}: ${liveBytes}`), deadBytes);
    console.log(equal, verdict === "same", tellsAll, (await repository.damage()).length);
    await repository.close();
  }
  return reports;
}

export function explain(error: unknown): string {
  if (error instanceof DamagedError) return `${error.code} ${error.segment ?? ""} ${error.offset ?? ""} ${error.block ?? ""} ${error.version ?? ""}`;
  // @ts-expect-error: there is no such field
  if (error instanceof RefusedError) return error.nothing;
  return String(error);
}
