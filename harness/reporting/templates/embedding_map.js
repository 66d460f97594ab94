// The embedding map: places come with the data; this colours them and leads from a point to its image.
const embeddingMap = (root) => {
  const data = JSON.parse(root.closest("section").querySelector(".inspector script").textContent);
  const find = (selector) => root.querySelector(selector);
  const { people, cameras } = data.images;
  const shown = [...new Set(data.mapped.map((image) => people[image]))].sort((left, right) => left - right);
  const places = [...new Set(cameras)].sort((left, right) => left - right);
  const state = { row: data.pair[0], colour: "person", person: null, image: null };
  const fill = (image) => state.colour === "camera" ? `var(--series-${places.indexOf(cameras[image]) % 8})`
    : `hsl(${(shown.indexOf(people[image]) * 137.5) % 360} 60% var(--dot-light))`;

  const drawMap = () => {
    const { x, y, variance } = data.trainings[data.choices[state.row].trainings[0]].map;
    const dots = data.mapped.map((image, place) => {
      const mine = people[image] === state.person, kind = state.person === null ? "dot" : mine ? "dot mine" : "dot aside";
      const side = image === state.image ? 9 : 5, left = 0.6 * x[place], top = 600 - 0.6 * y[place];
      const own = { class: kind, style: `fill: ${fill(image)}`, "data-image": image };
      return image < data.queries ? make("svg:rect", { ...own, x: left - side, y: top - side, width: 2 * side, height: 2 * side })
        : make("svg:circle", { ...own, cx: left, cy: top, r: side });
    });
    dots.sort((left, right) => left.classList.contains("mine") - right.classList.contains("mine"));
    find("figure svg").replaceChildren(...dots);
    const legend = state.colour === "camera" ? places.map((camera) =>
      make("span", {}, make("span", { class: "swatch", style: `background: var(--series-${places.indexOf(camera) % 8})` }), ` camera ${camera} `)) : [];
    find("figcaption").replaceChildren(`${data.mapped.length} images of ${shown.length} people. The two directions hold ${variance.toFixed(0)} % of the variance. `, ...legend);
  };
  const drawPerson = () => {
    const box = find(".person");
    if (state.person === null) return box.replaceChildren();
    const own = data.mapped.filter((image) => people[image] === state.person);
    box.replaceChildren(make("h4", {}, `Person ${state.person}`), make("p", { class: "small" }, state.image === null ? "" : data.images.names[state.image]),
      make("div", { class: "ranked" }, ...own.map((image) => {
        const button = make("button", { type: "button", "data-image": image, "aria-pressed": image === state.image },
          tile(data, image, image === state.image ? "right" : image < data.queries ? "query" : "plain", `c${cameras[image]}`));
        return button;
      })));
  };
  const drawPeople = () => options(find("[data-person]"), ["none", ...shown.map((person) => `person ${person}`)], shown.indexOf(state.person) + 1);
  const draw = () => { drawPeople(); drawMap(); drawPerson(); };

  options(find('[data-choice="row"]'), data.choices.map((choice) => choice.name), state.row);
  find('[data-choice="row"]').addEventListener("change", (event) => { state.row = Number(event.target.value); drawMap(); });
  find("[data-colour]").addEventListener("change", (event) => { state.colour = event.target.value; drawMap(); });
  find("[data-person]").addEventListener("change", (event) => {
    state.person = shown[Number(event.target.value) - 1] ?? null;
    state.image = null;
    drawMap();
    drawPerson();
  });
  root.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-image]");
    if (!chosen) return;
    state.image = Number(chosen.dataset.image);
    state.person = people[state.image];
    draw();
    root.querySelector(`.person [data-image="${state.image}"]`)?.focus();
  });
  draw();
};
