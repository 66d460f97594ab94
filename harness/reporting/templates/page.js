// Figures, claims and commands need no script. This adds the copy buttons, makes what a box keeps until it is opened, and
// says where a table is wider than the window.
document.documentElement.classList.add("script");
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
  } catch {
    for (let box = source.parentElement; box; box = box.parentElement) if (box.tagName === "DETAILS") box.open = true;
    getSelection().selectAllChildren(source);
    button.textContent = "Selected: press Ctrl or ⌘ C";
  }
  setTimeout(() => { button.textContent = label; }, 2500);
});
const mark = (box) => {
  box.classList.toggle("overflows", box.scrollWidth > box.clientWidth + 1);
  box.classList.toggle("more", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
};
const resized = new ResizeObserver((entries) => entries.forEach((entry) => mark(entry.target)));
for (const box of document.querySelectorAll(".scroll, .chart")) {
  resized.observe(box);
  box.addEventListener("scroll", () => mark(box), { passive: true });
}
// A page of many receipts and pictures stays light: a box keeps them in a template until it is opened.
const fill = (box) => {
  for (const template of box.querySelectorAll("template")) template.replaceWith(template.content);
};
for (const receipt of document.querySelectorAll(".receipt")) receipt.addEventListener("beforetoggle", () => fill(receipt));
// A link to a receipt opens it.
const asked = document.getElementById(location.hash.slice(1));
if (asked?.popover) asked.showPopover();
