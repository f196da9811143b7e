// Elements of the page, made in one call.

/** An element with attributes (`onclick` and the like are listeners), and children: elements, text, or nothing. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined && value !== null) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return made;
}

/** A button that does something. */
export const button = (text, onclick, attributes = {}) => element("button", { type: "button", ...attributes, onclick }, text);

/** A section with a heading. */
export function section(title, ...children) {
  const id = `of-${title.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`;
  return element("section", { "aria-labelledby": id }, element("h2", { id }, title), ...children);
}

/** Terms and what they are. */
export function facts(pairs) {
  return element("dl", { class: "facts" }, pairs.filter(([, value]) => value !== undefined).map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value))));
}
