#!/usr/bin/python3
# timeout: 240s
"""report.html in a real browser: readable without scripts and styles, on a phone, on a wall, in the
dark, on paper; accessible; and nothing in it does what a hostile name says. Needs chromium; what
axe-core says is asked when npm can get it.
"""
import glob
import html.parser
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, "tests/tools")
from chromium import Chromium, program  # noqa: E402

BUILD = os.environ.get("BUILD", "build/debug")
MIB = 1 << 20
count = failures = 0

if not program():
    print("1..0 # SKIP no chromium")
    sys.exit()


def check(good, name, why=""):
    global count, failures
    count += 1
    failures += not good
    print("ok" if good else "not ok", count, "-", name)
    if not good and why != "":
        print("\n".join("# " + line for line in str(why)[:3000].splitlines()))
    sys.stdout.flush()


def skip(name, why):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {why}")


class Structure(html.parser.HTMLParser):
    """What opens is closed, in order; and what a page consists of."""
    VOID = {"meta", "br", "input", "img", "link", "hr"}

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.tags, self.addresses, self.handlers = [], [], {}, [], []
        self.ids = []

    def handle_starttag(self, tag, attributes):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        for name, value in attributes:
            if name in ("src", "href", "action", "data", "srcset"):
                self.addresses.append(value)
            if name.startswith("on") or name == "style":
                self.handlers.append(name)
            if name == "id":
                self.ids.append(value)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if self.open and tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")


def structure_of(text):
    structure = Structure()
    structure.feed(text)
    structure.close()
    return structure


def text_of(path):
    with open(path, encoding="utf-8", errors="strict") as file:
        return file.read()


def test_text(path):
    text = text_of(path)
    structure = structure_of(text)
    check(not structure.wrong and not structure.open, "what opens is closed, in order",
          structure.wrong or structure.open)
    check(structure.tags.get("script") == 1 and structure.tags.get("style") == 1
          and "img" not in structure.tags, "one script, one style, and no element from a name",
          structure.tags)
    check(not structure.handlers, "no attribute runs a script or sets a style", structure.handlers)
    check(all(address.startswith("#") for address in structure.addresses),
          "nothing leads out of the page", [a for a in structure.addresses if a[:1] != "#"])
    check(len(structure.ids) == len(set(structure.ids)), "no id is there twice")
    check(all(address[1:] in structure.ids for address in structure.addresses),
          "every link within the page leads somewhere")
    check("\u202e" not in text and "\x1b" not in text and "\x07" not in text,
          "nothing turns the direction of writing, nothing is a control character")


OVERFLOW = """[...document.querySelectorAll("body *")].filter(e => {
    const box = e.getBoundingClientRect();
    return box.width && box.right > innerWidth + 1 && !e.closest(".scroll") && !e.closest("svg")
        && !e.matches(".skip");
}).map(e => e.tagName + "." + e.className + " " + e.textContent.slice(0, 40)).slice(0, 5)"""

# Text of 3 px or in the colour of the page would be there, too.
FIRST = """(() => {
    const seen = selector => {
        const e = document.querySelector(selector), box = e.getBoundingClientRect();
        return box.width > 0 && box.height > 0 && box.top < innerHeight;
    };
    return seen("h1") && seen(".stamp") && seen("#verdict") && seen(".reasons li");
})()"""

CHARTS = """[...document.querySelectorAll("svg.chart")].map(e => {
    const box = e.getBoundingClientRect(), marks = e.querySelectorAll("path, rect, circle").length;
    return [e.querySelector("title").textContent, Math.round(box.width), Math.round(box.height), marks,
            Math.min(...[...e.querySelectorAll("text")].map(t => t.getBoundingClientRect().height))];
})"""


def test_sizes(browser, path):
    for width, height, dark in ((360, 740, False), (360, 740, True), (1280, 900, False),
                                (2560, 1400, True)):
        page = browser.open(path, width, height, dark)
        name = f"at {width} px{' in the dark' if dark else ''}"
        check(page.value("document.documentElement.scrollWidth") <= width
              and not page.value(OVERFLOW), f"nothing sticks out of the page {name}",
              page.value(OVERFLOW))
        check(page.value(FIRST), f"the verdict and its first reason are on the first screen {name}")
        charts = page.value(CHARTS)
        check(len(charts) >= 11 and all(w > width * 0.3 and h >= 50 and marks and text >= 9
                                        for _, w, h, marks, text in charts),
              f"charts fill their room, and their words can be read {name}", charts)
        back = page.value("getComputedStyle(document.body).backgroundColor")
        light = sum(int(n) for n in re.findall(r"\d+", back)[:3]) > 380
        check(light != dark, f"the page is {'dark' if dark else 'light'} {name}", back)
        if width == 1280:
            check(page.asked() == ["file://" + os.path.abspath(path)],
                  "nothing is fetched but the page", page.asked())
            check(not page.told(), "neither script nor policy has anything to complain about",
                  page.told())
            check(page.value("window.stolen") is None, "no hostile name ran")


# Where the second phase begins and how wide it is, as a share of its chart.
PHASE = """(() => {
    const phase = document.querySelectorAll("svg.phase rect")[1].getBoundingClientRect();
    const chart = document.querySelector("#lanes svg.chart").getBoundingClientRect();
    return [(phase.x - chart.x) / chart.width, phase.width / chart.width];
})()"""


def near(some, others):
    return all(abs(a - b) < 0.02 for a, b in zip(some, others))


def test_tools(browser, path):
    page = browser.open(path)
    heads = "#requests table:first-of-type thead button"
    page.value(f"document.querySelectorAll({heads!r})[6].click()")
    values = page.value("[...document.querySelector('#requests tbody').rows]"
                        ".map(row => Number(row.cells[6].dataset.v))")
    check(len(values) > 5 and values == sorted(values, reverse=True),
          "a click on p99 sorts by it, the slowest first", values[:10])
    check(page.value("document.querySelectorAll('#requests th[aria-sort=descending]').length") == 1,
          "and the heading says so")
    page.value("document.querySelector('#latency .legend button').click()")
    check(page.value("getComputedStyle(document.querySelector('#latency g[data-line=\"0\"]'))"
                     ".display") == "none", "a click in the legend hides a line")
    page.value("""(() => { const select = document.querySelector(".tools select");
        select.value = 2; select.dispatchEvent(new Event("change")); })()""")
    check(near(page.value(PHASE), [0, 1]), "zooming to a phase fills the width with it",
          page.value(PHASE))
    page.value("""document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }))""")
    check(near(page.value(PHASE), [0.25, 0.25]), "and Escape shows all of it again",
          page.value(PHASE))
    page.value("""(() => { const range = document.querySelector(".tools input");
        range.value = 50; range.dispatchEvent(new Event("input")); })()""")
    told = page.value("[...document.querySelectorAll('#starts .value')].map(v => v.textContent)")
    table = page.value("""(() => { const rows = document.querySelector("#starts tbody").rows;
        const length = Number(document.querySelector("#charts").dataset.length);
        const bin = Number(document.querySelector("#starts .data").dataset.bin);
        return [...rows[Math.floor(length / 2 / bin)].cells].slice(1).map(c => c.textContent); })()""")
    check(len(told) >= 2 and told == table, "the crosshair tells what the table says", (told, table))


def without_anything(path, work):
    """The page as a strict CI system serves it: no script, no style, not even ours."""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>',
                  '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">',
                  text_of(path), count=1)
    bare = os.path.join(work, "bare.html")
    with open(bare, "w", encoding="utf-8") as file:
        file.write(text)
    return bare


def test_bare(browser, path, work):
    page = browser.open(without_anything(path, work), 1280, 900, dark=True)
    check(len(page.told()) == 2 and not page.value("document.querySelectorAll('button').length"),
          "a policy that forbids scripts and styles is obeyed", page.told())
    charts = page.value(CHARTS)
    check(len(charts) >= 11 and all(w > 600 and h >= 50 and marks for _, w, h, marks, _ in charts),
          "every chart is still there, in full width", charts)
    colours = page.value("""[...new Set([...document.querySelectorAll("#latency path")]
        .map(path => getComputedStyle(path).stroke))]""")
    check(len(colours) == 4 and "none" not in colours, "its lines have colours of their own", colours)
    check(page.value("document.querySelectorAll('table').length") > 15
          and page.value("getComputedStyle(document.querySelector('details.data')).display") == "block",
          "so are the tables behind them")
    check(page.value(FIRST), "and the verdict comes first")
    check(page.value("document.documentElement.scrollHeight") > 3000, "as a page that can be read")


def test_paper(browser, path, work):
    page = browser.open(path, dark=True)
    pdf = os.path.join(work, "page.pdf")
    page.look(1280, 900, dark=True, media="print")
    check(page.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)",
          "on paper it is light, also for who likes it dark")
    page.look(1280, 900)
    page.pdf(pdf)
    with open(pdf, "rb") as file:
        data = file.read()
    check(data.startswith(b"%PDF") and len(data) > 20000, "it prints")


def axe():
    """The source of axe-core, or why there is none."""
    found = glob.glob("node_modules/axe-core/axe.min.js") + [os.environ.get("AXE", "")]
    for path in found:
        if os.path.isfile(path):
            return text_of(path), ""
    try:
        where = tempfile.mkdtemp(prefix="axe-")
        subprocess.run(["npm", "pack", "--silent", "--fetch-retries=0", "axe-core@4"], cwd=where,
                       check=True, timeout=60, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        package = glob.glob(where + "/axe-core-*.tgz")[0]
        return subprocess.run(["tar", "-xOzf", package, "package/axe.min.js"], check=True,
                              stdout=subprocess.PIPE, cwd=where).stdout.decode(), ""
    except (OSError, IndexError, subprocess.SubprocessError) as error:
        return None, f"no axe-core: {type(error).__name__}"


# How large a link is without styles is the browser's own affair, and exempt.
AXE = """axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    rules: { "target-size": { enabled: getComputedStyle(document.body).marginTop === "0px" } },
    resultTypes: ["violations"] }).then(result => result.violations.map(one =>
        [one.id, one.help, one.nodes.length, one.nodes[0].html.slice(0, 200),
         one.nodes[0].failureSummary]))"""


def test_access(browser, path, work):
    source, why = axe()
    cases = [("as it is", path, False, 1280), ("in the dark", path, True, 1280),
             ("on a phone", path, False, 360),
             ("without scripts and styles", without_anything(path, work), False, 1280)]
    for name, where, dark, width in cases:
        if not source:
            skip(f"axe-core finds no violation of level A or AA {name}", why)
            continue
        page = browser.open(where, width, 900, dark)
        page.value("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        page.value(source + "; 0")
        found = page.value(AXE)
        check(not found, f"axe-core finds no violation of level A or AA {name}",
              "\n".join(map(str, found)))


def test_keyboard(browser, path):
    page = browser.open(path)
    page.call("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab",
              windowsVirtualKeyCode=9)
    check(page.value("document.activeElement.className") == "skip",
          "the first Tab leads to the link that skips to the verdict")
    landmarks = page.value("""["header", "nav", "main", "footer"]
        .every(name => document.querySelectorAll("body > " + name).length === 1)""")
    check(landmarks, "there is one header, one navigation, one main part, one footer")
    levels = page.value("""[...document.querySelectorAll("h1,h2,h3,h4,h5")].map(h => +h.tagName[1])""")
    check(levels[0] == 1 and levels.count(1) == 1
          and all(b - a <= 1 for a, b in zip(levels, levels[1:])),
          "headings go down step by step")
    check(page.value("""[...document.querySelectorAll("table")].every(table => table.caption
        && table.querySelectorAll("thead th[scope=col]").length
        && [...table.tBodies[0].rows].every(row => row.querySelector("th[scope=row]")))"""),
          "every table has a caption, and heads for its columns and rows")
    check(page.value("""[...document.querySelectorAll("svg.chart")].every(svg =>
        svg.getAttribute("role") === "img" && svg.getAttribute("aria-labelledby").split(" ")
            .every(id => document.getElementById(id).textContent.length > 3))"""),
          "every chart has a title and a description")


def test_speed(work):
    """By what the release costs, not by how long a busy machine takes for it."""
    release = os.environ.get("SAGASTORM_RELEASE", BUILD + "/sagastorm")
    maker = os.path.join(os.path.dirname(release), "tests/tools/sample_run")
    name = "the reports of ten minutes with 2 million requests take less than 3 s of CPU"
    if not os.access(maker, os.X_OK):
        skip(name, "no release build of sample_run")
        return
    run = os.path.join(work, "millions")
    subprocess.run([maker, run, "2000000", "600"], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([release, "report", run], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"# 2 million requests: {took:.2f} s of CPU")
    check(took < 3, name, took)
    shutil.rmtree(run)


def main():
    with tempfile.TemporaryDirectory() as work:
        large, run, small = (os.path.join(work, name) for name in ("large", "run", "small"))
        subprocess.run([f"{BUILD}/tests/tools/page_run", large, "600", "500"], check=True)
        size = os.path.getsize(large + "/report.html")
        print(f"# 10 minutes, 500 names, 30 faults: {size / MIB:.2f} MiB")
        check(size <= 2 * MIB, "the page of ten minutes with many names is at most 2 MiB", size)
        subprocess.run([f"{BUILD}/tests/tools/page_run", run, "120", "60"], check=True)
        path = run + "/report.html"
        test_text(large + "/report.html")
        test_speed(work)
        with Chromium() as browser:
            test_sizes(browser, path)
            test_tools(browser, path)
            test_bare(browser, path, work)
            test_paper(browser, path, work)
            test_keyboard(browser, path)
            # One of every kind is enough for axe-core, which looks at each of them for long.
            subprocess.run([f"{BUILD}/tests/tools/page_run", small, "12", "4"], check=True)
            test_access(browser, small + "/report.html", work)
    print(f"1..{count}")
    return failures > 0


sys.exit(main())
