"""The report as a browser shows it: silent, alone, within its window, and readable in both colour schemes and on paper."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from indexer.build import build_index
from indexer.demo import write_demo
from tests.populations import Sample, index_of

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make browser")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium in PATH"),
    pytest.mark.xdist_group("chromium"),
]
WIDTHS = (390, 1440)
SCHEMES = ("light", "dark")
UNFOLD = "document.querySelectorAll('details').forEach(d => d.open = true)"

FIGURES = """() => [...document.querySelectorAll('svg')].map(svg => {
  const box = svg.getBoundingClientRect();
  const drawn = [...svg.querySelectorAll('rect, circle, text')].filter(e => {
    const own = e.getBoundingClientRect();
    return own.width > 0 && own.height > 0;
  });
  const out = drawn.filter(e => {
    const own = e.getBoundingClientRect();
    return own.left < box.left - 1.5 || own.right > box.right + 1.5;
  });
  return {id: svg.id, width: box.width, height: box.height, drawn: drawn.length, out: out.map(e => e.outerHTML.slice(0, 90))};
})"""

LETTERS = """() => {
  const small = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const at = walk.currentNode.parentElement;
    if (walk.currentNode.data.trim() && !['TITLE', 'DESC', 'title', 'desc'].includes(at.tagName)) {
      const size = parseFloat(getComputedStyle(at).fontSize);
      if (size < 12) small.push([at.tagName, size, walk.currentNode.data.slice(0, 40)]);
    }
  }
  return small;
}"""

CONTRAST = r"""() => {
  const rgba = told => { const n = told.match(/[\d.]+/g).map(Number); return [n[0], n[1], n[2], n.length > 3 ? n[3] : 1]; };
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const light = c => {
    const [r, g, b] = c.slice(0, 3).map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const ground = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const at = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || ['title', 'desc'].includes(at.tagName)) continue;
    const style = getComputedStyle(at);
    if (style.visibility !== 'visible' || style.display === 'none') continue;
    let below = ground(at);
    if (at.tagName === 'text') {
      const own = at.getBoundingClientRect();
      for (const rect of at.ownerSVGElement.querySelectorAll('rect')) {
        const box = rect.getBoundingClientRect();
        const middle = [(own.left + own.right) / 2, (own.top + own.bottom) / 2];
        if (box.left <= middle[0] && middle[0] <= box.right && box.top <= middle[1] && middle[1] <= box.bottom) {
          const fill = getComputedStyle(rect).fill;
          if (fill === 'none') continue;
          const colour = rgba(fill);
          colour[3] *= parseFloat(getComputedStyle(rect).fillOpacity);
          below = over(colour, below);
        }
      }
    }
    const colour = over(rgba(at.tagName === 'text' ? style.fill : style.color), below);
    found.push([ratio(colour, below), at.tagName, walk.currentNode.data.slice(0, 40)]);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The demo's page; and one of long and hostile names, many modalities, cameras and splits, and a leak."""
    folder = tmp_path_factory.mktemp("pages")
    write_demo(folder / "demo", identities=12, seed=0)
    build_index(folder / "demo")
    evil = '"><script>console.log(1)</script><img src=http://example.invalid/x.png>' + "long" * 30
    population = [
        Sample(evil + str(i % 4), (kind,), camera=f"{evil}{i % 30}", split=split)
        for i, kind in enumerate(("rgb", "nir", "sketch") * 20)
        for split in ("train", "query", "a_split_of_a_rather_long_name")
    ]
    (folder / "evil").mkdir()
    index_of(population, folder / "evil")
    made = {}
    for name, title in (("demo", []), ("evil", ["--title", evil])):
        made[name] = folder / f"{name}.html"
        command = [
            sys.executable,
            "-m",
            "indexer",
            "report",
            folder / name,
            "-o",
            made[name],
            "-p",
            "2",
            "-k",
            "2",
            "--thumbnails",
            "4",
        ]
        subprocess.run([*map(str, command), *title], check=True, capture_output=True)
    return made


@pytest.fixture(params=["demo", "evil"])
def address(request, pages):
    return pages[request.param].as_uri()


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_fetched_run_or_complained_about_and_nothing_is_wider_than_the_window(browser, address, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    told, asked = [], []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.evaluate(UNFOLD)

    assert [url for url in asked if not url.startswith("data:image/jpeg")] == [address]
    assert told == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(LETTERS) == []
    page.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_every_figure_is_there_and_keeps_to_its_place(browser, address, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(address)

    found = page.evaluate(FIGURES)

    assert {"figure-modalities", "figure-combinations", "figure-amounts-0", "figure-cameras", "figure-coverage"} <= {
        figure["id"] for figure in found
    }
    for figure in found:
        assert figure["width"] > 250, figure
        assert figure["height"] > 20, figure
        assert figure["drawn"] > 3, figure
        assert figure["out"] == [], figure
    page.close()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_whatever_is_written_can_be_read(browser, address, scheme):
    page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme=scheme)
    page.goto(address)
    page.evaluate(UNFOLD)

    found = page.evaluate(CONTRAST)

    assert len(found) > 150
    assert [entry for entry in found if entry[0] < 4.5] == []
    page.close()


def test_light_and_dark_differ(browser, pages):
    grounds = set()
    for scheme in SCHEMES:
        page = browser.new_page(color_scheme=scheme)
        page.goto(pages["demo"].as_uri())
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.close()

    assert len(grounds) == 2


def test_paper_is_white_and_shows_the_numbers_that_are_folded_away(browser, pages):
    page = browser.new_page(color_scheme="dark")
    page.goto(pages["demo"].as_uri())
    folded = page.evaluate(
        "document.querySelector('#table-combinations').checkVisibility({contentVisibilityAuto: true})"
    )
    page.emulate_media(media="print", color_scheme="dark")

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert not folded
    shown = "[...document.querySelectorAll('table')].every(t => t.getBoundingClientRect().height > 20 && t.checkVisibility())"
    assert page.evaluate(shown)
    assert page.pdf()[:5] == b"%PDF-"
    page.close()


def test_the_keyboard_reaches_what_scrolls_and_what_unfolds(browser, pages):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(pages["evil"].as_uri())
    page.evaluate(UNFOLD)
    scrolling = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth + 1 && e.tabIndex !== 0).map(e => e.innerHTML.slice(0, 80))"

    assert page.evaluate(scrolling) == []
    page.focus("summary")
    page.keyboard.press("Enter")
    assert not page.evaluate("document.querySelector('details').open")
    page.close()
