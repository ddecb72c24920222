// Charts beside the map: all rows in grey, those that pass everything else in colour. Everything from the data enters through textContent.

const SVG = "http://www.w3.org/2000/svg"
let numbered = Date.now()  // of two displays of a panel the later step counts

const ahead = (box) => (box.dataset.step = ++numbered)  // the hand has gone on: what the page hears of older steps is not drawn any more

function shape(parent, kind, values) {
  const made = document.createElementNS(SVG, kind)
  for (const [name, value] of Object.entries(values)) made.setAttribute(name, value)
  parent.append(made)
  return made
}

const count = (value) => value.toLocaleString("en")

function drawBins(box, chart, owner, send) {  // histogram: a drag selects a range of bins; arrow keys move its ends
  const size = chart.size[0], wide = 300, high = 84
  const svg = shape(box, "svg", { viewBox: `0 0 ${wide} ${high}`, preserveAspectRatio: "none", class: "plot", role: "slider", tabindex: 0 })
  const most = Math.max(1, ...chart.all), unit = wide / size
  const path = (values) => values.map((value, at) => (value ? `M${at * unit + 0.4},${high}V${high - Math.max(1.5, Math.sqrt(value / most) * (high - 4))}H${(at + 1) * unit - 0.4}V${high}Z` : "")).join("")
  shape(svg, "path", { d: path(chart.all), class: "all" })
  shape(svg, "path", { d: path(chart.some), class: "some" })
  const [first, last] = chart.marked?.bins?.[0] ?? chart.range ?? []
  const shade = shape(svg, "rect", { y: 0, height: high, class: "brush", x: 0, width: 0 })
  const tip = add(box, "div", "tip soft")
  let ends = first === undefined ? null : [first, last]
  const show = () => {
    if (ends) {
      const [a, b] = [Math.min(...ends), Math.max(...ends)]
      shade.setAttribute("x", a * unit)
      shade.setAttribute("width", (b + 1 - a) * unit)
      tip.textContent = `${chart.labels[0][a]} – ${chart.labels[0][b + 1]}`
    } else {
      shade.setAttribute("width", 0)
      tip.textContent = `${chart.labels[0][0]} – ${chart.labels[0].at(-1)}`
    }
    svg.setAttribute("aria-valuetext", tip.textContent)
    svg.setAttribute("aria-valuenow", ends ? ends[0] : 0)
  }
  svg.setAttribute("aria-label", `Range of ${chart.title}`)
  svg.setAttribute("aria-valuemin", 0)
  svg.setAttribute("aria-valuemax", size - 1)
  show()
  const binAt = (event) => {
    const area = svg.getBoundingClientRect()
    return Math.max(0, Math.min(size - 1, Math.floor(((event.clientX - area.left) / area.width) * size)))
  }
  let gesture = null, from = 0
  const tell = paced(() => send("brush", { chart: owner, gesture, bins: [[Math.min(...ends), Math.max(...ends)]] }), 30)
  const moved = () => { ahead(box); show(); tell() }
  svg.addEventListener("pointerdown", (event) => {
    if (event.button || svg.dataset.held) return
    svg.setPointerCapture(event.pointerId)
    gesture = `chart-${++numbered}`
    from = binAt(event)
    ends = [from, from]
    svg.dataset.held = "yes"
    moved()
  })
  svg.addEventListener("pointermove", (event) => {
    const at = binAt(event)
    if (svg.dataset.held) {
      if (ends[1] !== at) { ends = [from, at]; moved() }
    } else {
      svg.firstChild.nextSibling && (tip.textContent = `${chart.labels[0][at]} – ${chart.labels[0][at + 1]}: ${count(chart.some[at])} of ${count(chart.all[at])}`)
    }
  })
  svg.addEventListener("pointerleave", show)
  for (const end of ENDS) svg.addEventListener(end, () => { delete svg.dataset.held })
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (!step) return
    event.preventDefault()
    event.stopPropagation()
    ends ??= [0, size - 1]
    const which = event.shiftKey ? 0 : 1
    ends[which] = Math.max(0, Math.min(size - 1, ends[which] + step))
    gesture = `chart-keys-${owner}`
    moved()
  })
}

function drawBars(box, chart, owner, send) {
  const list = add(box, "ul", "bars"), most = Math.max(1, ...chart.all), on = new Set(chart.marked?.bars ?? [])
  chart.labels[0].forEach((label, at) => {
    const button = add(add(list, "li", ""), "button", on.size && !on.has(at) ? "bar off" : "bar")
    button.type = "button"
    button.dataset.at = at
    button.setAttribute("aria-pressed", String(on.has(at)))
    for (const [name, value] of [["all", chart.all[at]], ["some", chart.some[at]]]) add(button, "span", `fill ${name}`).style.width = `${(100 * value) / most}%`
    add(button, "span", "name", label || "(empty)").title = label
    add(button, "span", "soft", count(chart.some[at]))
    button.addEventListener("click", (event) => send("brush", { chart: owner, bar: at, also: event.shiftKey || event.ctrlKey || event.metaKey }))
  })
  if (chart.more) add(box, "p", "soft tip", chart.more)
}

const cursors = new Map()  // where the keys stand in a chart of cells: it is drawn anew with every count

function drawCells(box, chart, owner, send) {  // counts of two columns: a drag or keys select a rectangle, a click or Enter a cell
  const [rows, columns] = chart.size, dense = chart.kind === "density"
  const frame = add(box, "div", "grid"), canvas = add(frame, "canvas", "cells"), shade = add(frame, "div", "area"), tip = add(box, "div", "tip soft")
  const wide = dense ? rows : columns, high = dense ? columns : rows  // of two numbers the first is drawn to the right, as on a map
  canvas.width = wide
  canvas.height = high
  frame.tabIndex = 0
  frame.dataset.at = "cells"
  frame.setAttribute("role", "group")
  frame.setAttribute("aria-label", `Counts of ${chart.title}: ${dense ? "drag, or arrows with Shift, and Enter, to filter" : "arrows and Enter to filter"}`)
  tip.setAttribute("aria-live", "polite")
  const style = getComputedStyle(box), paint = canvas.getContext("2d"), most = Math.log1p(Math.max(1, ...chart.all))
  for (let at = 0; at < rows * columns; at++) {
    const all = Math.log1p(chart.all[at]) / most, some = Math.log1p(chart.some[at]) / most
    if (!all) continue
    paint.globalAlpha = some ? 0.25 + 0.75 * some : 0.12 + 0.3 * all
    paint.fillStyle = style.getPropertyValue(some ? "--accent" : "--soft")
    const row = Math.floor(at / columns), column = at % columns
    paint.fillRect(dense ? row : column, dense ? high - 1 - column : row, 1, 1)
  }
  const cut = (value, size) => Math.max(0, Math.min(size - 1, value))
  const cellAt = (event) => {
    const area = canvas.getBoundingClientRect()
    const right = cut(Math.floor(((event.clientX - area.left) / area.width) * wide), wide)
    const down = cut(Math.floor(((event.clientY - area.top) / area.height) * high), high)
    return dense ? [right, high - 1 - down] : [down, right]
  }
  const named = (axis, at) => (dense ? `${chart.labels[axis][at]} – ${chart.labels[axis][at + 1]}` : chart.labels[axis][at])
  const told = ([row, column]) => {
    const at = row * columns + column
    tip.textContent = `${named(0, row)}, ${named(1, column)}: ${count(chart.some[at])} of ${count(chart.all[at])}`
  }
  const sides = (from, to) => [0, 1].map((axis) => [Math.min(from[axis], to[axis]), Math.max(from[axis], to[axis])])
  const lay = (from, to) => {
    const both = sides(from, to), [[left, right], [top, bottom]] = dense ? both : both.toReversed()
    const above = dense ? high - 1 - bottom : top, share = (part, whole) => `${(100 * part) / whole}%`
    const size = { width: share(right + 1 - left, wide), height: share(bottom + 1 - top, high) }
    Object.assign(shade.style, { ...size, left: share(left, wide), top: share(above, high), display: "block" })
  }
  const choose = (from, to) => send("brush", { chart: owner, ...(dense ? { bins: sides(from, to) } : { cell: to }) })
  const [upper, across] = chart.marked?.bins ?? []
  const rest = () => { if (across) lay([upper[0], across[0]], [upper[1], across[1]]); else shade.style.display = "none" }
  rest()
  let from = null
  canvas.addEventListener("pointermove", (event) => {
    const cell = cellAt(event)
    told(cell)
    if (from && dense) lay(from, cell)
  })
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return
    from = cellAt(event)
    canvas.setPointerCapture(event.pointerId)
    frame.dataset.held = "yes"
    lay(from, from)
  })
  canvas.addEventListener("pointercancel", () => { from = null; delete frame.dataset.held; rest() })
  canvas.addEventListener("pointerup", (event) => {
    delete frame.dataset.held
    if (!from) return
    choose(from, cellAt(event))
    from = null
  })
  const keys = cursors.get(chart.title) ?? { from: [0, 0], to: [0, 0] }
  const show = () => { lay(keys.from, keys.to); told(keys.to) }
  frame.addEventListener("focus", () => { if (frame.matches(":focus-visible")) show() })
  frame.addEventListener("blur", rest)
  frame.addEventListener("keydown", (event) => {
    const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }
    const UP = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }
    const step = (dense ? UP : STEPS)[event.key]
    if (!step && event.key !== "Enter") return
    event.preventDefault()
    event.stopPropagation()
    if (!step) return choose(keys.from, keys.to)
    keys.to = [cut(keys.to[0] + step[0], rows), cut(keys.to[1] + step[1], columns)]
    if (!event.shiftKey || !dense) keys.from = keys.to
    cursors.set(chart.title, keys)
    show()
  })
  const [one, other] = chart.columns
  tip.textContent = chart.brush || (dense ? `${one} to the right, ${other} upwards` : `${one} downwards, ${other} to the right`)
}

function drawMap(box, chart, owner, send) {  // a second map: a drag selects a rectangle, the wheel and the keys look closer
  const frame = add(box, "div", "second plot-map"), image = add(frame, "img", "")
  image.src = chart.image
  image.draggable = false
  image.alt = ""
  frame.tabIndex = 0
  frame.dataset.at = "map"
  frame.setAttribute("role", "group")
  frame.setAttribute("aria-label", `Second map of ${chart.title}: drag to filter, plus and minus to zoom, arrows to move`)
  const shade = add(frame, "div", "area"), [x0, x1, y0, y1] = chart.ends
  const lay = ([left, right, lower, upper]) => {
    Object.assign(shade.style, { left: `${100 * left}%`, width: `${100 * (right - left)}%`, bottom: `${100 * lower}%`, height: `${100 * (upper - lower)}%`, display: "block" })
  }
  if (chart.box) lay(chart.box)
  const tip = add(box, "div", "tip soft", `${chart.columns[0]} ${x0} – ${x1}, ${chart.columns[1]} ${y0} – ${y1}: ${chart.badge ? "about " : ""}${count(chart.rows)} rows`)
  if (chart.advice) {
    const advice = add(box, "div", "tip soft", "")
    chart.advice.split("`").forEach((part, at) => add(advice, at % 2 ? "code" : "span", "", part))
  }
  const shareAt = (event) => {
    const area = frame.getBoundingClientRect(), cut = (share) => Math.max(0, Math.min(1, share))
    return [cut((event.clientX - area.left) / area.width), cut((area.bottom - event.clientY) / area.height)]
  }
  let from = null, to = null, zoom = 1, spot = null
  const rectangle = () => [Math.min(from[0], to[0]), Math.max(from[0], to[0]), Math.min(from[1], to[1]), Math.max(from[1], to[1])]
  frame.addEventListener("pointerdown", (event) => {
    if (event.button) return
    from = to = shareAt(event)
    frame.setPointerCapture(event.pointerId)
    frame.dataset.held = "yes"
  })
  frame.addEventListener("pointermove", (event) => {
    if (!from) return
    to = shareAt(event)
    lay(rectangle())
  })
  frame.addEventListener("pointerup", () => {
    delete frame.dataset.held
    if (!from) return
    const drawn = rectangle()
    from = null
    if (drawn[1] - drawn[0] > 0.01 && drawn[3] - drawn[2] > 0.01) send("brush", { chart: owner, box: drawn })
    else if (chart.brush) send("brush", { chart: owner })
  })
  frame.addEventListener("pointercancel", () => { from = null; delete frame.dataset.held })
  const closer = paced(() => { send("look", { chart: owner, zoom, at: spot }); zoom = 1 }, 60)
  frame.addEventListener("wheel", (event) => {
    event.preventDefault()
    zoom *= Math.exp(Math.max(-120, Math.min(120, event.deltaY)) / 300)
    spot = shareAt(event)
    closer()
  }, { passive: false })
  frame.addEventListener("dblclick", () => send("look", { chart: owner }))
  frame.addEventListener("keydown", (event) => {
    const pan = { ArrowLeft: [-0.2, 0], ArrowRight: [0.2, 0], ArrowDown: [0, -0.2], ArrowUp: [0, 0.2] }[event.key]
    const factor = { "+": 0.7, "=": 0.7, "-": 1 / 0.7 }[event.key]
    if (!pan && !factor && event.key !== "0") return
    event.preventDefault()
    event.stopPropagation()
    send("look", pan ? { chart: owner, pan } : factor ? { chart: owner, zoom: factor, at: [0.5, 0.5] } : { chart: owner })
  })
}

const DRAW = { map: drawMap, histogram: drawBins, dates: drawBins, bars: drawBars, density: drawCells, crosstab: drawCells }

function drawAdder(box, model, send) {
  const form = add(box, "form", "adder")
  const choose = (label, options) => {
    const select = add(form, "select", "field")
    select.setAttribute("aria-label", label)
    for (const [value, text] of options) {
      const option = add(select, "option", "", text)
      option.value = value
    }
    return select
  }
  const kind = choose("Kind of chart", model.choices.map((one) => [one.kind, one.label]))
  let columns = []
  const fill = () => {
    for (const one of columns) one.remove()
    const found = model.choices.find((one) => one.kind === kind.value)
    columns = (found?.columns ?? []).map((names, at) => choose(`Column ${at + 1}`, names.map((name) => [name, name])))
    if (columns.length === 2 && columns[1].options.length > 1) columns[1].selectedIndex = 1
    form.append(button)
  }
  const button = add(form, "button", "pill", "Add")
  kind.addEventListener("change", fill)
  fill()
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    send("add", { kind: kind.value, columns: columns.map((one) => one.value) })
  })
}

function drawChart(box, chart, tell) {
  const { owner } = chart
  const send = (kind, value) => tell(kind, kind === "brush" ? { ...value, step: ahead(box) } : value)
  box.setAttribute("aria-label", chart.title)
  const head = add(box, "header", "")
  add(head, "h2", "", chart.title)
  if (chart.badge) add(head, "span", "badge", chart.badge)
  const button = (text, label, act) => {
    const made = add(head, "button", "pill", text)
    made.type = "button"
    made.setAttribute("aria-label", label)
    made.addEventListener("click", act)
  }
  if (chart.image && !chart.whole) button("All", `Show all of ${chart.title}`, () => send("look", { chart: owner }))
  if (chart.brush) button("Clear", `Clear ${chart.title}`, () => send("brush", { chart: owner }))
  button("×", `Remove the chart ${chart.title}`, () => send("remove", { chart: owner }))
  if (chart.all || chart.image) DRAW[chart.kind](box, chart, owner, send)
  else add(box, "p", "soft", "Counting …")
}

const ENDS = ["pointerup", "pointercancel"]
const REST = 80  // ms: who only passes over a chart does not mean to brush it

function whenNear(box, tell) {  // a pointer rests on it, or the keyboard has come to it
  let timer = null
  const soon = () => { timer ??= setTimeout(tell, REST) }
  const never = () => { clearTimeout(timer); timer = null }
  box.addEventListener("pointerenter", soon)
  box.addEventListener("focusin", soon)
  box.addEventListener("pointerleave", never)
  box.addEventListener("focusout", never)
}

export function render({ model }) {
  const root = document.createElement("div")
  root.className = "panel-charts"
  const send = (kind, value) => model.send_msg({ kind, value })
  drawAdder(root, model, send)
  const list = add(root, "div", "list")
  const drawn = new WeakMap()  // what each box shows, as text
  const spot = (box) => {  // what has the focus in a box, to find it again in its next one
    const active = list.getRootNode().activeElement
    if (!box.contains(active)) return null
    if (active.classList.contains("plot")) return (next) => next.querySelector(".plot")
    const label = active.getAttribute("aria-label"), at = active.dataset.at
    return (next) => [...next.querySelectorAll("[data-at], button")].find((one) => (at === undefined ? label && one.getAttribute("aria-label") === label : one.dataset.at === at))
  }
  const pressed = new Map()  // the chart that each pointer is pressed on
  const draw = () => {  // a chart that shows what it did stays as it is, and so does one that the hand is on, or that has gone on meanwhile
    const active = list.getRootNode().activeElement, left = new Set(model.charts.map((chart) => chart.owner))
    const boxes = new Map([...list.children].map((box) => [box.dataset.key, box]))
    const gone = [...list.children].findIndex((box) => box.contains(active) && !left.has(box.dataset.key))
    for (const [key, box] of boxes) if (!left.has(key)) box.remove()  // before others take their places: who is moved loses the focus, and the pointer
    model.charts.forEach((chart, number) => {
      const text = JSON.stringify(chart)
      let box = boxes.get(chart.owner)
      if (!box) {
        box = document.createElement("section")
        box.className = "chart"
        box.dataset.key = chart.owner
        whenNear(box, () => send("near", { chart: chart.owner }))
      }
      if (list.children[number] !== box) list.insertBefore(box, list.children[number] ?? null)
      if (drawn.get(box) === text || [...pressed.values()].includes(box) || (box.dataset.step ?? 0) > chart.step) return
      drawn.set(box, text)
      const again = spot(box)
      box.replaceChildren()
      drawChart(box, chart, send)
      if (again) (again(box) ?? box.querySelector(".plot, .grid, .second, .bar") ?? box.querySelector("button")).focus({ preventScroll: true })
    })
    if (gone >= 0) ((list.children[gone] ?? list.lastElementChild)?.querySelector("header .pill:last-child") ?? root.querySelector(".adder .pill")).focus()
  }
  root.addEventListener("pointerdown", (event) => {
    const box = event.target.closest(".chart")
    if (event.button || !box) return
    const free = ({ pointerId }) => {
      if (pointerId !== event.pointerId) return
      for (const end of ENDS) window.removeEventListener(end, free)
      pressed.delete(pointerId)
      setTimeout(draw, 0)  // a click comes after it
    }
    for (const end of ENDS) window.addEventListener(end, free)
    pressed.set(event.pointerId, box)
  })
  model.on("charts", draw)
  whenSeen(root, (seen) => send("seen", { seen }))
  draw()
  return root
}
