// Files given to whoever looks at the page.

import { element } from "./element.js";

/** Offers a blob under a name, as a download. */
export function give(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = element("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
