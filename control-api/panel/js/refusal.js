//! Why a take was not done, in words for the tile of its display.

/**
 * `{title, detail, unchanged}` of a problem; null when there is nothing to say, because a
 * later take has come in between. Ids in its detail become the names people know.
 */
export function refusalOf(problem, room) {
  if (problem.type === '/problems/take-overtaken') return null;
  const { status, title } = problem;
  if (problem.unanswered) {
    const detail = `${problem.detail} It may have switched or not: look at the display.`;
    return { title, detail, unchanged: false };
  }
  // The detail tells programs how to force a take. The panel never does.
  const detail =
    problem.type === '/problems/no-signal'
      ? `${named(problem.detail, room).split(': ')[0]}: check its source.`
      : named(problem.detail, room);
  return { title, detail, unchanged: status >= 400 && status < 500 };
}

/** A text with `input 'robot'` and `output 'wall'` as their labels. */
function named(text, room) {
  return text.replace(/\b(input|output) '([^']+)'/g, (whole, kind, id) => {
    const known = kind === 'input' ? room.inputs : room.outputs;
    return known.get(id)?.label ?? whole;
  });
}
