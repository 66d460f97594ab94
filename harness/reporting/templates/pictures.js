// Elements made from text, and images cut from one picture. Everything from a record enters as text, never as markup.
const SVG = document.querySelector("svg")?.namespaceURI;
const make = (tag, attributes = {}, ...children) => {
  const made = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
  made.append(...children);
  return made;
};
const signed = (value, decimals = 1) => {
  const digits = Math.abs(value).toFixed(decimals);
  return Number(digits) === 0 ? digits : (value < 0 ? "−" : "+") + digits;
};

// The picture's own address is long: each image would carry it. A blob has a short one, and is made when first needed.
const addresses = new WeakMap();
const pictureAddress = (sheet) => {
  if (!addresses.has(sheet)) {
    const content = Uint8Array.from(atob(sheet.uri.slice(sheet.uri.indexOf(",") + 1)), (letter) => letter.charCodeAt(0));
    addresses.set(sheet, URL.createObjectURL(new Blob([content], { type: "image/webp" })));
  }
  return addresses.get(sheet);
};

const TILE_WIDTH = 44;
const KINDS = { right: "same person", wrong: "someone else", query: "query", plain: "" };
// One image with its frame and a word beneath; a name where the page holds no images.
const tile = (data, image, kind, word) => {
  const { names, people, cameras } = data.images;
  const label = [word, KINDS[kind], `person ${people[image]}`, `camera ${cameras[image]}`, names[image]].filter(Boolean).join(", ");
  if (!data.sheet) return make("span", { class: `name ${kind}` }, `${word} ${names[image]}`);
  // Tiles are drawn in one size, so that frames and words are alike however small the page's images are.
  const { columns, rows } = data.sheet;
  const width = TILE_WIDTH, height = (TILE_WIDTH * data.sheet.height) / data.sheet.width;
  const left = (image % columns) * width, top = Math.floor(image / columns) * height;
  const cut = make("svg:svg", { x: 0, y: 0, width, height, viewBox: `${left} ${top} ${width} ${height}` },
    make("svg:image", { href: pictureAddress(data.sheet), width: columns * width, height: rows * height }));
  const frame = make("svg:rect", { class: `frame ${kind}`, x: 1.5, y: 1.5, width: width - 3, height: height - 3 });
  const beneath = word ? [make("svg:text", { class: kind, x: width / 2, y: height + 14 }, word)] : [];
  return make("svg:svg", { class: "tile", viewBox: `0 0 ${width} ${height + (word ? 18 : 0)}`, role: "img", "aria-label": label },
    make("svg:title", {}, label), cut, frame, ...beneath);
};
const options = (select, names, chosen) =>
  select.replaceChildren(...names.map((name, place) => {
    const option = make("option", { value: place }, name);
    option.selected = place === chosen;
    return option;
  }));
