"use strict";
/* Convenience only: sorting, hiding lines, a crosshair, zoom. Without it nothing is missing. */
(() => {
	const $ = (of, selector) => of.querySelector(selector);
	const all = (of, selector) => Array.from(of.querySelectorAll(selector));

	function make(name, parent, attributes, text) {
		const svg = parent.namespaceURI === "http://www.w3.org/2000/svg";
		const made = svg ? document.createElementNS(parent.namespaceURI, name)
				 : document.createElement(name);
		for (const key in attributes)
			made.setAttribute(key, attributes[key]);
		if (text !== undefined)
			made.textContent = text;
		parent.append(made);
		return made;
	}

	/* Sorting: by value where there is one, else by words. */
	function keyOf(row, column) {
		const cell = row.cells[column];
		return "v" in cell.dataset ? Number(cell.dataset.v) : cell.textContent.trim();
	}

	function compare(a, b) {
		if (typeof a === "number" && typeof b === "number")
			return a - b;
		if (typeof a !== typeof b)
			return typeof a === "number" ? 1 : -1;
		return a.localeCompare(b, undefined, { numeric: true });
	}

	function sortBy(table, head) {
		const column = head.cellIndex, body = table.tBodies[0];
		const number = head.classList.contains("n");
		const before = head.getAttribute("aria-sort");
		const up = before ? before !== "ascending" : !number;
		all(table, "th[aria-sort]").forEach(th => th.removeAttribute("aria-sort"));
		head.setAttribute("aria-sort", up ? "ascending" : "descending");
		const rows = Array.from(body.rows);
		rows.sort((a, b) => (up ? 1 : -1) * compare(keyOf(a, column), keyOf(b, column)));
		body.append(...rows);
	}

	all(document, "table").forEach(table => {
		if (table.closest("figure") || table.tBodies[0].rows.length < 2)
			return;
		all(table, "thead th").forEach(head => {
			const title = head.textContent;
			head.textContent = "";
			make("button", head, { type: "button" }, title)
				.addEventListener("click", () => sortBy(table, head));
		});
	});

	/* Hiding lines. */
	all(document, ".legend li[data-line]").forEach(item => {
		const figure = item.closest("figure"), button = document.createElement("button");
		button.type = "button";
		button.setAttribute("aria-pressed", "true");
		button.append(...item.childNodes);
		item.append(button);
		button.addEventListener("click", () => {
			const shown = button.getAttribute("aria-pressed") !== "true";
			button.setAttribute("aria-pressed", String(shown));
			all(figure, `g[data-line="${item.dataset.line}"]`).forEach(line =>
				shown ? line.removeAttribute("display")
				      : line.setAttribute("display", "none"));
		});
	});

	/* What goes over time. All places are per cent of the run. */
	const charts = document.getElementById("charts");
	if (!charts)
		return;
	const images = all(charts, "svg.chart");
	const length = Number(charts.dataset.length);
	const places = [];
	let from = 0, to = 100;

	images.forEach(image => all(image, "*").forEach(part => {
		if (part.ownerSVGElement !== image)
			return;
		const names = ["x", "x1", "x2", "width"].filter(name =>
			(part.getAttribute(name) || "").endsWith("%"));
		if (!names.length || (names.includes("x2") && !names.includes("x1")))
			return;
		if (part.localName === "svg" && !names.includes("x"))
			names.push("x");
		places.push([part, names.map(name =>
			[name, parseFloat(part.getAttribute(name) || "0")])]);
	}));

	function words(s) {
		const two = n => String(Math.floor(n)).padStart(2, "0");
		if (length <= 180)
			return `${Math.round(s * 10) / 10} s`;
		if (length <= 7200)
			return `${Math.floor(s / 60)}:${two(s % 60)}`;
		return `${Math.floor(s / 3600)}:${two(s / 60 % 60)}:${two(s % 60)}`;
	}

	function addTimes(image, step) {
		const group = make("g", image, { class: "times zoomed", "text-anchor": "middle" });
		const y = Number(image.getAttribute("height")) - 5;
		for (let s = Math.ceil(from / 100 * length / step) * step; s < to / 100 * length; s += step)
			make("text", group, { x: `${(s / length * 100 - from) / (to - from) * 100}%`, y },
			     words(s));
	}

	function zoom(a, b) {
		from = Math.max(0, a);
		to = Math.min(100, b);
		const scale = 100 / (to - from), whole = from === 0 && to === 100;
		places.forEach(([part, of]) => of.forEach(([name, at]) =>
			part.setAttribute(name, `${name === "width" ? at * scale
								    : (at - from) * scale}%`)));
		const seconds = (to - from) / 100 * length;
		const step = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400]
			.find(one => seconds / one <= 8) || 86400;
		images.forEach(image => {
			all(image, ".zoomed").forEach(old => old.remove());
			all(image, ".times").forEach(times => whole ? times.removeAttribute("display")
								    : times.setAttribute("display", "none"));
			if (!whole)
				addTimes(image, step);
		});
		range.min = from;
		range.max = to;
		show(null);
	}

	/* Tools above the charts. */
	const tools = document.createElement("div");
	tools.className = "tools";
	tools.setAttribute("role", "group");
	tools.setAttribute("aria-label", "A closer look");
	charts.prepend(tools);
	const select = make("select", make("label", tools, {}, "Show "), {});
	const spans = [["the whole run", 0, 100]];
	const lanes = document.getElementById("lanes");
	const percent = (part, name) => parseFloat(part.getAttribute(name));
	all(lanes, "svg.phase").forEach(phase =>
		spans.push([`phase ${phase.textContent.trim()}`, percent(phase, "x"),
			    percent(phase, "x") + percent(phase, "width")]));
	all(lanes, "text.fault").forEach(name => {
		let first = Infinity, last = 0;
		for (let bar = name.nextElementSibling; bar && bar.matches(".bar");
		     bar = bar.nextElementSibling) {
			first = Math.min(first, percent(bar, "x"));
			last = Math.max(last, percent(bar, "x") + percent(bar, "width"));
		}
		const around = Math.max((last - first) / 2, 2);
		spans.push([`around fault ${name.textContent.trim()}`, first - around, last + around]);
	});
	spans.forEach((span, i) => make("option", select, { value: i }, span[0]));
	select.addEventListener("change", () => {
		if (spans[select.value])
			zoom(spans[select.value][1], spans[select.value][2]);
	});
	const range = make("input", make("label", tools, {}, "Moment "),
			   { type: "range", min: 0, max: 100, step: "any", value: 0 });
	const moment = make("output", tools, {});
	range.addEventListener("input", () => show(Number(range.value)));

	/* The crosshair. A chart's values come from the table below it. */
	const readers = images.map(image => {
		const figure = image.closest("figure"), data = $(figure, ".data");
		const rows = data ? Array.from($(data, "tbody").rows) : [];
		const values = all(figure, ".legend li[data-line]").map(item =>
			make("span", item, { class: "value" }));
		return { line: make("line", image, { class: "cross", y1: 0, y2: "100%",
						     display: "none" }),
			 rows, values, bin: data ? Number(data.dataset.bin) : 1 };
	});

	function show(at) {
		if (at !== null)
			charts.classList.add("reading");
		readers.forEach(reader => {
			const row = at === null ? null
				: reader.rows[Math.floor(at / 100 * length / reader.bin)];
			reader.values.forEach((value, i) => {
				value.textContent = row && row.cells[i + 1] ? row.cells[i + 1].textContent : "";
			});
			if (at === null) {
				reader.line.setAttribute("display", "none");
				return;
			}
			const x = `${(at - from) / (to - from) * 100}%`;
			reader.line.setAttribute("x1", x);
			reader.line.setAttribute("x2", x);
			reader.line.removeAttribute("display");
		});
		moment.textContent = at === null ? "" : words(at / 100 * length);
		if (at !== null)
			range.value = at;
	}

	/* Dragging over a chart zooms; a double click, or Escape, shows all of it again. */
	const reset = () => { select.value = 0; zoom(0, 100); };
	let began = null, mark = null;
	const at = (image, event) => {
		const box = image.getBoundingClientRect();
		const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
		return from + share * (to - from);
	};
	images.forEach(image => {
		image.addEventListener("pointermove", event => {
			const now = at(image, event);
			show(now);
			if (began === null || !mark)
				return;
			const left = (Math.min(began, now) - from) / (to - from) * 100;
			mark.setAttribute("x", `${left}%`);
			mark.setAttribute("width", `${Math.abs(now - began) / (to - from) * 100}%`);
		});
		image.addEventListener("pointerleave", () => { if (began === null) show(null); });
		image.addEventListener("pointerdown", event => {
			if (event.pointerType !== "mouse" || event.button)
				return;
			began = at(image, event);
			image.setPointerCapture(event.pointerId);
			mark = make("rect", image, { class: "mark-out", y: 0, height: "100%", width: 0 });
			event.preventDefault();
		});
		image.addEventListener("pointerup", event => {
			if (began === null)
				return;
			const ended = at(image, event), [a, b] = [began, ended].sort((x, y) => x - y);
			began = null;
			mark.remove();
			if (b - a > (to - from) / 50) {
				if (!$(select, "[value=own]"))
					make("option", select, { value: "own", disabled: "" }, "a stretch of your own");
				select.value = "own";
				zoom(a, b);
			}
		});
		image.addEventListener("dblclick", reset);
	});
	document.addEventListener("keydown", event => {
		if (event.key === "Escape" && (from > 0 || to < 100))
			reset();
	});
})();
