//! Names are never cut: they wrap, or shrink to a floor, and the bar is made to hold them.

const LINE = 1.18;

/** Lines a text takes at this width, breaking at blanks and hyphens, and inside a word only
 *  where it must. `measure(text)` gives a width in the same unit. */
export function lines(text, width, measure) {
  let count = 1;
  let line = '';
  for (let word of text.match(/[^\s-]*-+|\S+|\s+/gu) ?? []) {
    if (measure((line + word).trimEnd()) <= width) {
      line += word;
      continue;
    }
    if (!word.trim()) continue;
    if (line.trim()) count += 1;
    while (measure(word) > width && word.length > 1) {
      let take = word.length - 1;
      while (take > 1 && measure(word.slice(0, take)) > width) take -= 1;
      word = word.slice(take);
      count += 1;
    }
    line = word;
  }
  return count;
}

/**
 * The largest size in px, from `max` down to `min`, at which a text fits `width` × `height`.
 * `min` is the answer also where it does not: `need` tells the height that would hold it.
 * `measure(text, px)` gives a width in px.
 */
export function fit(text, { width, height, max, min, measure }) {
  for (let px = max; px > min; px -= 1) {
    if (need(text, width, px, measure) <= height) return px;
  }
  return min;
}

/** The height of a row that holds each of these texts: one line of `max` px at least, and as
 *  much as the longest needs at `min` px. */
export function rowHeight(texts, { width, max, min, measure }) {
  const longest = texts.map((text) => need(text, width, min, measure));
  return Math.max(Math.ceil(max * LINE), ...longest);
}

/** The height of a text at this size. */
export function need(text, width, px, measure) {
  return Math.ceil(lines(text, width, (part) => measure(part, px)) * px * LINE);
}
