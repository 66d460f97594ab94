"""Pages in a real browser: what a reader sees, clicks and prints, and that nothing leaves the page."""

import re
import shutil
from dataclasses import replace

import pytest

from harness.reporting.pages import write_report
from harness.tables import tables
from tests.records import done_record, failed_record
from tests.reporting.inspected import keep_album, keep_queries
from tests.reporting.test_pages import keep_arrays

playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install -e '.[test]'")

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium"),
]

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
HOSTILE = '<img src=x onerror="document.title=1">'
"""A browser that took this for markup would ask for ``x`` and change the title."""
OWN_ADDRESSES = ("file:", "data:", "blob:")


@pytest.fixture(scope="module")
def browser():
    """Chromium without a screen. Playwright's loop must not outlive this module: others start loops of their own."""
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report with two rows to compare, a failed one, hostile names, an old record without ranks, a damaged file."""
    folder = tmp_path_factory.mktemp("report")
    results = folder / "results"
    known = tables()["mpn_ablation"]
    rows = tuple(
        replace(row, name=HOSTILE, key=HOSTILE, switches=row.switches) if row.key == "MT Only" else row
        for row in known.rows
    )
    table = replace(known, rows=rows, claims=())
    records = [done_record(table.id, row) for row in ("Baseline", "MPN", HOSTILE)]
    for record, blurred in zip(records, (2, 0, 1), strict=True):
        keep_arrays(results, record)
        keep_queries(results, record, blurred)
    keep_album(results, records[0])
    records.append(failed_record(table.id, "FSA Alone", message=HOSTILE))
    old = done_record(table.id, "MPN", "market1501", "budget")
    other = replace(known, id="mpn_other", rows=known.rows)
    lone = done_record(other.id, "MPN")
    write_report([*records, old, lone], {table.id: table, other.id: other}, results, folder / "pages")
    return folder / "pages"


class Watched:
    """A page, and everything that it said or asked for."""

    def __init__(self, context):
        self.page = context.new_page()
        self.said, self.asked = [], []
        self.opened = 0
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def open(self, path):
        self.page.goto(path.as_uri())
        self.opened += 1
        return self.page

    def show_inspector(self, path):
        page = self.open(path)
        page.locator(".inspector").first.scroll_into_view_if_needed()
        page.locator(".queries li").first.wait_for()
        return page


@pytest.fixture
def watched(browser, request):
    """A page in a context of its own. Afterwards: no line on the console, and no request but for the page itself."""
    settings = {"viewport": WIDE, **getattr(request, "param", {})}
    context = browser.new_context(**settings)
    context.set_default_timeout(20_000)
    found = Watched(context)
    yield found
    context.close()
    assert found.said == []
    assert all(address.startswith(OWN_ADDRESSES) for address in found.asked)
    assert sum(address.startswith("file:") for address in found.asked) == found.opened


def answer(page):
    return page.locator(".answer").first.inner_text()


def test_who_the_full_method_gains_on_is_said_at_once_and_seen_in_two_clicks(watched, report):
    page = watched.show_inspector(report / "mpn_ablation.html")
    said = answer(page)
    assert re.match(
        r"Of \+\d+\.\d mAP of MPN over Baseline, \+\d+\.\d come from “head cut off”: 10 of 40 queries", said
    )
    page.get_by_role("button", name="Show these queries").click()
    assert "10 queries, gains of MPN first" in page.locator(".found").first.inner_text()
    page.locator(".queries li button").nth(1).click()
    strips = page.locator(".compared .ranked")
    assert strips.count() == 2
    assert all(strips.nth(place).locator(".tile").count() >= 11 for place in (0, 1))
    assert page.locator(".compared .frame.right").count() > page.locator(".compared .frame.query").count()


def test_three_clicks_lead_from_the_index_to_the_people_that_the_full_method_gains_on(watched, report):
    page = watched.open(report / "index.html")
    page.get_by_role("link", name="who gains?").click()
    watched.opened += 1
    page.locator(".queries li").first.wait_for()
    assert re.match(r"Of \+\d+\.\d mAP of MPN over Baseline, \+\d+\.\d come from “head cut off”", answer(page))
    page.get_by_role("button", name="Show these queries").click()
    page.locator(".queries li button").nth(1).click()
    assert page.locator(".compared .ranked").count() == 2


def test_a_long_list_of_groups_scrolls_in_its_frame(watched, report):
    page = watched.show_inspector(report / "mpn_ablation.html")
    assert page.evaluate("getComputedStyle(document.querySelector('.groups')).overflowY") == "auto"


def test_the_printed_index_says_what_its_marks_mean(watched, report):
    page = watched.open(report / "index.html")
    page.emulate_media(media="print")
    assert "Measured in another setting than the paper's" in page.locator(".key .legend").inner_text()
    assert page.locator(".steps button").first.is_hidden()


def test_a_first_match_beyond_ten_stands_behind_the_list_with_its_rank(watched, report):
    page = watched.show_inspector(report / "mpn_ablation.html")
    ranks = [text for text in page.locator(".compared .ranked .tile:last-child > text").all_text_contents()]
    late = [int(text[1:]) for text in ranks if text.startswith("✓") and int(text[1:]) > 10]
    assert late and page.locator(".compared .later").count() == len(late)


def test_a_point_of_the_scatter_opens_its_query(watched, report):
    page = watched.show_inspector(report / "mpn_ablation.html")
    point = page.locator(".scatter .point:not(.chosen)").first
    query = point.get_attribute("data-query")
    point.dispatch_event("click")
    assert page.locator(".scatter .point.chosen").get_attribute("data-query") == query
    assert f"{int(query):03d}.png" in page.locator(".compared h4").inner_text()


def test_one_row_alone_shows_its_worst_queries_first(watched, report):
    page = watched.show_inspector(report / "mpn_ablation.html")
    page.locator('[data-choice="b"]').select_option("0")
    assert answer(page).startswith("MPN: mAP ")
    assert page.locator(".scatter").is_hidden()
    values = [float(text) for text in page.locator(".queries li b").all_inner_texts()]
    assert values == sorted(values)
    assert page.locator(".compared .ranked").count() == 1


def test_filters_by_camera_leave_its_queries_only(watched, report):
    page = watched.show_inspector(report / "mpn_ablation.html")
    filters = page.locator(".filters label")
    filters.filter(has_text="true match in camera").locator("select").select_option(label="2")
    assert "20 queries" in page.locator(".found").first.inner_text()
    filters.filter(has_text="camera 1").locator("select").select_option(label="camera 2")
    assert answer(page) == "No query is left by these filters."


def test_a_point_of_the_map_leads_to_its_image(watched, report):
    page = watched.show_inspector(report / "mpn_ablation.html")
    page.locator(".embedding summary").click()
    page.get_by_label("Colour by").select_option("camera")
    assert page.locator(".embedding .swatch").count() == 4
    page.locator(".dot").nth(3).dispatch_event("click")
    assert page.locator('.person [aria-pressed="true"] .tile').count() == 1
    assert page.locator(".person button").count() == page.locator(".dot.mine").count()


def test_the_inspector_is_worked_by_keyboard_alone(watched, report):
    page = watched.show_inspector(report / "mpn_ablation.html")
    page.locator('[data-choice="a"]').focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # Swap
    assert answer(page).startswith("Of −")
    page.get_by_role("button", name="head cut off", exact=True).focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.textContent") == "head cut off"
    page.locator(".queries li button").first.focus()
    page.keyboard.press("ArrowDown")
    chosen = page.locator('.queries li button[aria-current="true"]')
    assert chosen.get_attribute("data-query") == page.evaluate("document.activeElement.dataset.query")


def test_pictures_are_loaded_when_they_are_opened(watched, report):
    page = watched.open(report / "mpn_ablation.html")
    assert page.locator(".strips image").count() == 0
    page.locator("details.pictures summary").filter(has_text="Baseline").click()
    page.locator(".strips image").first.wait_for(state="attached")
    assert page.locator("details.pictures[open] template").count() == 0


def test_how_a_figure_was_made_is_laid_out_when_its_receipt_opens(watched, report):
    page = watched.open(report / "mpn_ablation.html")
    receipt = page.locator(".receipt").filter(has_text="To reproduce this figure").first
    assert receipt.locator("dt").filter(has_text="initialisation").count() == 0
    page.locator(f'[popovertarget="{receipt.get_attribute("id")}"]').first.click()
    playwright.expect(receipt.locator("dt").filter(has_text="initialisation").first).to_be_visible()


def test_copy_buttons_copy_or_select(watched, report):
    page = watched.open(report / "mpn_ablation.html")
    button = page.locator('[data-copy="csv"]')
    button.click()
    playwright.expect(button).to_have_text(re.compile("Copied|Selected"))


def test_names_that_look_like_markup_are_text(watched, report):
    page = watched.show_inspector(report / "mpn_ablation.html")
    assert page.locator("img").count() == 0 and page.title() != "1"
    page.locator('[data-choice="b"]').select_option(label=HOSTILE)
    assert HOSTILE in answer(page)
    assert '<b>&"' in page.locator(".compared h4").inner_text()


@pytest.mark.parametrize("watched", [{"viewport": PHONE}], indirect=True)
def test_on_a_phone_nothing_but_tables_scrolls_sideways(watched, report):
    page = watched.show_inspector(report / "mpn_ablation.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("watched", [{"java_script_enabled": False}], indirect=True)
def test_without_scripts_the_table_stands_and_the_rest_is_said_to_need_them(watched, report):
    page = watched.open(report / "mpn_ablation.html")
    assert page.locator(".inspector").first.is_hidden()
    assert "needs JavaScript" in page.locator("main").inner_text()


def test_the_printed_page_has_the_answer_and_the_lists(watched, report):
    page = watched.open(report / "mpn_ablation.html")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".answer").first.is_visible() and page.locator(".compared .ranked").first.is_visible()
    assert page.locator(".queries").first.is_hidden()
    assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("name", ["index.html", "mpn_ablation.html", "mpn_other.html", "method-mpn.html"])
@pytest.mark.parametrize(
    "watched", [{}, {"color_scheme": "dark"}, {"viewport": PHONE}], indirect=True, ids=["wide", "dark", "phone"]
)
def test_axe_finds_no_serious_fault(watched, report, name):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core: pip install -e '.[test]'")
    page = watched.show_inspector(report / name) if name == "mpn_ablation.html" else watched.open(report / name)
    if name == "mpn_ablation.html":
        page.locator(".embedding summary").click()
        page.locator("[data-person]").select_option("1")
    found = axe.Axe().run(page).response["violations"]
    serious = [
        (each["id"], [node["html"][:120] for node in each["nodes"]][:3])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == []
