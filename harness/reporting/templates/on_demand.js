// Pictures and comparisons are made when a reader comes to them, or prints the page.
const makers = new Map();
for (const root of document.querySelectorAll(".inspector")) makers.set(root, () => inspector(root));
const near = new IntersectionObserver((entries) => entries.forEach(({ isIntersecting, target }) => {
  if (!isIntersecting) return;
  near.unobserve(target);
  makers.get(target)?.();
  makers.delete(target);
}), { rootMargin: "800px" });
for (const root of makers.keys()) near.observe(root);
const drawn = new WeakSet();
const opened = (details) => {
  if (!details.open || drawn.has(details)) return;
  drawn.add(details);
  fill(details);
  if (details.classList.contains("embedding")) embeddingMap(details);
};
for (const details of document.querySelectorAll("details.embedding, details.pictures")) {
  details.addEventListener("toggle", () => opened(details));
  opened(details);
}
addEventListener("beforeprint", () => {
  for (const [root, make] of makers) make();
  makers.clear();
});
