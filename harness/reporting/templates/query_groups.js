// Which groups of queries carry a difference of mAP. A group's part: the sum over its queries, divided by all queries.
// A group of fewer people than FEWEST is never said to stand out: its error cannot be told.
const DRAWS = 400, STANDS_OUT = 3, FEWEST = 5;

// Numbers that are the same for every reader: a linear congruential generator.
const generator = () => {
  let state = 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * below);
  };
};

const weights = (people) => {
  const place = new Map([...new Set(people)].map((person, number) => [person, number]));
  const draw = generator();
  const draws = Array.from({ length: DRAWS }, () => {
    const counts = new Uint16Array(place.size);
    for (let each = 0; each < place.size; each++) counts[draw(place.size)]++;
    return counts;
  });
  return { of: people.map((person) => place.get(person)), size: place.size, draws };
};

// Values per query in percent; only queries in `rows` count. Errors: bootstrap over people, who keep all their queries.
const groupsOf = (data, rows, values) => {
  const { of, size, draws } = weights(rows.map((row) => data.images.people[row]));
  const sums = (inside) => {
    const sum = new Float64Array(size), count = new Float64Array(size);
    rows.forEach((row, place) => { if (inside(row)) { sum[of[place]] += values[row]; count[of[place]]++; } });
    return { sum, count };
  };
  const total = (array) => array.reduce((left, right) => left + right, 0);
  const dot = (counts, array) => { let sum = 0; for (let i = 0; i < size; i++) sum += counts[i] * array[i]; return sum; };
  const all = sums(() => true), queries = rows.length, mean = total(all.sum) / queries;
  const drawn = draws.map((counts) => ({ counts, sum: dot(counts, all.sum), queries: dot(counts, all.count) }));
  const groups = [];
  data.facts.forEach((fact, number) => fact.values.forEach((name, value) => {
    const own = sums((row) => fact.of_query[row] === value);
    const count = total(own.count), part = total(own.sum) / queries;
    if (!count || count === queries) return;
    const beyond = drawn.map((each) =>
      dot(each.counts, own.sum) / each.queries - (dot(each.counts, own.count) / each.queries) * (each.sum / each.queries));
    const middle = total(beyond) / DRAWS;
    const error = Math.sqrt(total(beyond.map((each) => (each - middle) ** 2)) / (DRAWS - 1));
    const excess = part - (count / queries) * mean;
    groups.push({
      fact: number, value, name, title: fact.title, count, part, excess, error, share: count / queries,
      inside: (part * queries) / count, outside: (mean * queries - part * queries) / (queries - count),
      sigmas: error > 0 && own.count.filter(Boolean).length >= FEWEST ? excess / error : 0,
    });
  }));
  return { mean, groups };
};

const percentOf = (group) => `${Math.round(100 * group.share)} %`;
// The group that stands out most in the direction of the difference, or that is weakest of one row; null without one.
const leadingGroup = ({ mean, groups }, alone) => {
  const direction = alone || mean < 0 ? -1 : 1;
  const [first] = [...groups].sort((left, right) => direction * (right.sigmas - left.sigmas));
  return first && direction * first.excess > 0 ? first : null;
};
// The line that answers: which people does one row gain on?
const answerOf = ({ mean, groups }, first, queries, better, worse) => {
  if (!queries) return "No query is left by these filters.";
  const opening = worse === null ? `${better}: mAP ${mean.toFixed(1)} over ${queries} queries.` : null;
  if (!first) return opening ?? `${better} against ${worse}: ${signed(mean)} mAP over ${queries} queries.`;
  const certain = Math.abs(first.sigmas) >= STANDS_OUT;
  if (worse === null) {
    const than = `AP ${first.inside.toFixed(1)} in “${first.name}” (${first.count} queries), ${first.outside.toFixed(1)} elsewhere`;
    return certain ? `${opening} Weakest: ${than}.` : `${opening} No group is clearly weaker; nearest to it: ${than}.`;
  }
  const whole = `Of ${signed(mean)} mAP of ${better} over ${worse}`;
  const detail = `${first.count} of ${queries} queries (${percentOf(first)}), whose AP changes by ${signed(first.inside)} on average, that of all others by ${signed(first.outside)}`;
  const chance = `${signed(first.excess)} ± ${first.error.toFixed(1)} beyond its share, the most of ${groups.length} groups`;
  return certain
    ? `${whole}, ${signed(first.part)} come from “${first.name}”: ${detail} (${chance}).`
    : `${whole}, no group of queries carries clearly more than its share. Nearest to it: ${signed(first.part)} from “${first.name}”, ${detail} (${chance}; under ${STANDS_OUT} standard errors).`;
};
