// The inspector: two trainings on the same queries. State is what is chosen; everything shown is made from it.
const FIRST_QUERIES = 20, MANY_POINTS = 400;

const inspector = (root) => {
  const data = JSON.parse(root.querySelector("script").textContent);
  const find = (selector) => root.querySelector(selector);
  const [a, b] = data.pair;
  const state = { a, b, filters: data.facts.map(() => -1), matchCamera: -1, worst: false, query: null, shown: FIRST_QUERIES };
  const placeOfListed = new Map(data.listed.map((query, place) => [query, place]));
  const matched = Array.from({ length: data.queries }, (_, query) => query).filter((query) => data.trainings[0].ap[query] >= 0);
  const name = (choice) => data.choices[choice].name;
  const apOf = (choice) => {
    const chosen = data.choices[choice].trainings;
    return data.trainings[0].ap.map((_, query) => chosen.reduce((sum, each) => sum + data.trainings[each].ap[query], 0) / chosen.length / 100);
  };
  const inside = (query) =>
    state.filters.every((value, fact) => value < 0 || data.facts[fact].of_query[query] === value) &&
    (state.matchCamera < 0 || data.match_cameras[query].includes(state.matchCamera));

  let ap = null, leading = null;
  const choose = () => {
    const first = apOf(state.a), second = state.b < 0 ? null : apOf(state.b);
    ap = { first, second, value: second ? first.map((value, query) => value - second[query]) : first };
  };
  const sorted = () => {
    const rows = matched.filter(inside);
    // One row alone is of interest where it fails; of two, the first one's gains stand first.
    const sign = (state.b < 0) !== state.worst ? 1 : -1;
    return rows.sort((left, right) => sign * (ap.value[left] - ap.value[right]) || left - right);
  };

  const drawGroups = (found) => {
    const table = find(".groups table"), alone = state.b < 0;
    const headings = ["Queries", "Count", alone ? "mAP" : "AP changes by", alone ? "Elsewhere" : "Points of mAP"];
    const rows = [...found.groups].sort((left, right) => left.fact - right.fact || right.excess - left.excess).map((group) => {
      const pressed = state.filters[group.fact] === group.value;
      const button = make("button", { type: "button", class: "figure", "aria-pressed": pressed }, group.name);
      button.addEventListener("click", () => filter(group.fact, pressed ? -1 : group.value));
      const last = alone ? group.outside.toFixed(1) : signed(group.part);
      const cells = [group.count, alone ? group.inside.toFixed(1) : signed(group.inside), last];
      const clear = Math.abs(group.sigmas) >= STANDS_OUT;
      return make("tr", { class: clear ? "clear" : null }, make("th", { scope: "row", class: "name" }, button),
        ...cells.map((cell) => make("td", {}, String(cell))));
    });
    const head = make("tr", {}, ...headings.map((heading, place) => make("th", { scope: "col", class: place ? null : "name" }, heading)));
    table.replaceChildren(make("thead", {}, head), make("tbody", {}, ...rows));
  };

  const drawScatter = () => {
    const figure = find(".scatter");
    figure.hidden = state.b < 0;
    if (figure.hidden) return;
    const x = (value) => 40 + 2.9 * value, y = (value) => 300 - 2.9 * value;
    const line = (x1, y1, x2, y2, kind) => make("svg:line", { class: kind, x1: x(x1), y1: y(y1), x2: x(x2), y2: y(y2) });
    const ticks = [0, 25, 50, 75, 100].flatMap((value) => [
      line(value, 0, value, 100, "grid"), line(0, value, 100, value, "grid"),
      make("svg:text", { x: x(value), y: 313, class: "middle" }, value), make("svg:text", { x: 34, y: y(value) + 4, class: "end" }, value),
    ]);
    const many = matched.length > MANY_POINTS;
    figure.classList.toggle("dense", many);
    const points = matched.map((query) => {
      const kind = query === state.query ? "point chosen" : inside(query) ? "point" : "point aside";
      return make("svg:circle", { class: kind, cx: x(ap.second[query]), cy: y(ap.first[query]), r: query === state.query ? 6 : many ? 2.4 : 3.4, "data-query": query });
    });
    points.sort((left, right) => left.classList.length - right.classList.length);
    figure.querySelector("svg").replaceChildren(...ticks, line(0, 0, 100, 100, "diagonal"), ...points);
    figure.querySelector("figcaption").textContent = `AP in percent of ${name(state.a)} (upwards) against ${name(state.b)} (to the right). Above the line, ${name(state.a)} is better.`;
  };

  const factsOf = (query) => data.facts.filter((fact) => fact.title !== "camera").map((fact) => fact.values[fact.of_query[query]]).join(", ");
  const described = (query) => [`camera ${data.images.cameras[query]}`, factsOf(query)].filter(Boolean).join(", ");
  const drawQueries = (rows) => {
    const list = find(".queries ol");
    find(".found").textContent = `${rows.length} queries, ${state.b < 0 ? (state.worst ? "best" : "worst") : state.worst ? `losses of ${name(state.a)}` : `gains of ${name(state.a)}`} first.`;
    list.replaceChildren(...rows.slice(0, state.shown).map((query) => {
      const value = ap.second ? make("b", {}, signed(ap.value[query])) : make("b", {}, ap.first[query].toFixed(1));
      const detail = ap.second ? `${ap.first[query].toFixed(1)} against ${ap.second[query].toFixed(1)}` : "AP, %";
      const words = make("span", {}, value, ` ${detail}`, make("small", {}, described(query)));
      const button = make("button", { type: "button", "data-query": query, "aria-current": query === state.query }, ...(data.sheet ? [tile(data, query, "query", "")] : []), words);
      return make("li", {}, button);
    }));
    find("[data-more]").hidden = rows.length <= state.shown;
  };

  const strip = (choice, query) => {
    const training = data.trainings[data.choices[choice].trainings[0]], place = placeOfListed.get(query);
    const several = data.choices[choice].trainings.length > 1 ? " (lists of the first seed)" : "";
    const heading = make("h5", {}, `${name(choice)}, AP ${apOf(choice)[query].toFixed(1)} %${several}`);
    if (place === undefined) return make("div", {}, heading, make("p", { class: "small" }, "The lists of this query are not on this page."));
    const people = data.images.people, kind = (image) => (people[image] === people[query] ? "right" : "wrong");
    const tiles = training.top[place].map((image, rank) => tile(data, image, kind(image), `${kind(image) === "right" ? "✓" : "✗"}${rank + 1}`));
    const rank = training.first_rank[place], first = training.first[place];
    const beyond = rank <= tiles.length ? [] : first < 0 ? [make("span", { class: "later" }, `first true match at rank ${rank}`)]
      : [make("span", { class: "later", "aria-hidden": "true" }, "…"), tile(data, first, "right", `✓${rank}`)];
    return make("div", {}, heading, make("div", { class: data.sheet ? "ranked" : "ranked by-name" }, tile(data, query, "query", "query"), ...tiles, ...beyond));
  };
  const drawLists = () => {
    const box = find(".compared");
    if (state.query === null) return box.replaceChildren();
    const { names, people } = data.images;
    box.replaceChildren(make("h4", {}, `Query ${names[state.query]}`),
      make("p", { class: "small" }, `Person ${people[state.query]}, ${described(state.query)}.`),
      strip(state.a, state.query), ...(state.b < 0 ? [] : [strip(state.b, state.query)]));
  };

  const drawFilters = () => {
    const select = (label, names, chosen, change) => {
      const box = make("select");
      options(box, ["all", ...names], chosen + 1);
      box.addEventListener("change", () => change(Number(box.value) - 1));
      return make("label", {}, `${label} `, box);
    };
    const cameras = [...new Set(data.match_cameras.flat())].sort((left, right) => left - right);
    const boxes = data.facts.map((fact, number) => select(fact.title, fact.values, state.filters[number], (value) => filter(number, value)));
    if (cameras.length > 1) boxes.push(select("true match in camera", cameras, cameras.indexOf(state.matchCamera), (place) => {
      state.matchCamera = place < 0 ? -1 : cameras[place];
      draw();
    }));
    const order = make("button", { type: "button", class: "control" }, "Reverse order");
    order.addEventListener("click", () => { state.worst = !state.worst; draw(); find(".filters").querySelector("button").focus(); });
    find(".filters").replaceChildren(...boxes, order);
  };

  const draw = () => {
    state.shown = FIRST_QUERIES;
    const rows = sorted(), every = groupsOf(data, matched, matchedValues());
    const some = rows.length === matched.length ? every : groupsOf(data, rows, matchedValues());
    leading = leadingGroup(some, state.b < 0);
    find(".answer").textContent = answerOf(some, leading, rows.length, name(state.a), state.b < 0 ? null : name(state.b));
    find("[data-leading]").hidden = !leading;
    state.query = rows.find((query) => placeOfListed.has(query)) ?? null;
    drawFilters();
    drawGroups(every);
    drawScatter();
    drawQueries(rows);
    drawLists();
  };
  const matchedValues = () => ap.value;
  const filter = (fact, value) => {
    state.filters[fact] = value;
    const focused = document.activeElement?.closest(".groups") ? document.activeElement.textContent : null;
    draw();
    if (focused) [...root.querySelectorAll(".groups button")].find((button) => button.textContent === focused)?.focus();
  };
  const open = (query) => {
    state.query = query;
    for (const button of root.querySelectorAll(".queries [data-query]")) button.setAttribute("aria-current", Number(button.dataset.query) === query);
    drawScatter();
    drawLists();
    find(".compared").scrollIntoView({ block: "nearest" });
  };

  const selects = { a: find('[data-choice="a"]'), b: find('[data-choice="b"]') };
  const drawChoices = () => {
    options(selects.a, data.choices.map((choice) => choice.name), state.a);
    options(selects.b, ["nothing: this row alone", ...data.choices.map((choice) => choice.name)], state.b + 1);
  };
  const changed = () => { choose(); draw(); };
  selects.a.addEventListener("change", () => { state.a = Number(selects.a.value); changed(); });
  selects.b.addEventListener("change", () => { state.b = Number(selects.b.value) - 1; changed(); });
  find("[data-swap]").addEventListener("click", () => {
    if (state.b >= 0) [state.a, state.b] = [state.b, state.a];
    drawChoices();
    changed();
  });
  find("[data-leading]").addEventListener("click", () => {
    filter(leading.fact, leading.value);
    find(".queries li button")?.focus();
  });
  find("[data-more]").addEventListener("click", () => { state.shown += FIRST_QUERIES; drawQueries(sorted()); });
  root.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-query]");
    if (chosen) open(Number(chosen.dataset.query));
  });
  root.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], button = event.target.closest(".queries li button");
    const next = button && step && [...root.querySelectorAll(".queries li button")];
    const neighbour = next && next[next.indexOf(button) + step];
    if (neighbour) { event.preventDefault(); neighbour.focus(); neighbour.click(); }
  });
  drawChoices();
  changed();
};
