// The names beside a matrix, the values in its cells, and where one is: drawn anew whenever the window moves, so that they move with the picture.

const CHOSEN = "#ff5d8f"  // what is selected
const LINE = 14, SLANTED = 19, FONT = 12, SLANT = Math.PI / 4

// As raster/heatlabels.py: round steps where there are some, else steps that double as one zooms out.
function stepOf(pixels, least, steps) {
  const wanted = (least / pixels) * (1 - 1e-9), found = steps.find((step) => step >= wanted)
  if (found !== undefined) return found
  const last = steps.at(-1) ?? 1
  return wanted <= last ? last : last * 2 ** Math.ceil(Math.log2(wanted / last))
}

// The names that came, by place; those of another order are forgotten.
class NameStore {
  constructor() { this.known = new Map(); this.order = null }
  take({ order, places, texts }) {
    if (order !== this.order || this.known.size > 20000) this.known = new Map()
    this.order = order
    places.forEach((place, k) => this.known.set(place, texts[k]))
  }
  get(place) { return this.known.get(place) }
}

function shortened(pen, text, room) {
  if (pen.measureText(text).width <= room) return text
  let low = 0, high = text.length
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (pen.measureText(`${text.slice(0, middle)}…`).width <= room) low = middle
    else high = middle - 1
  }
  return low ? `${text.slice(0, low).trimEnd()}…` : "…"
}

// Which names stand where along an axis: [{place, text, at, pinned}], at in pixels from the map's edge. Pinned ones push others away.
function layout({ low, high, pixels, size, steps, least, names, pinned }) {
  const unit = pixels / (high - low), step = stepOf(unit, least, steps)
  const at = (place) => {  // the middle of what is visible of it
    const start = Math.max(0, (place - low) * unit), end = Math.min(pixels, (place + 1 - low) * unit)
    return end - start > 2 * least ? (start + end) / 2 : (place + 0.5 - low) * unit
  }
  const found = [...new Set(pinned)].map(([place, text]) => ({ place, text, at: at(place), pinned: true })).filter((one) => one.at >= 0 && one.at <= pixels)
  const first = Math.ceil(Math.max(0, Math.floor(low)) / step) * step, last = Math.min(size, Math.ceil(high))
  for (let place = first; place < last; place += step) {
    const text = names.get(place), middle = at(place)
    if (text === undefined || middle < 0 || middle > pixels) continue
    if (found.some((one) => one.pinned && Math.abs(one.at - middle) < least)) continue
    found.push({ place, text, at: middle, pinned: false })
  }
  return found
}

class Overlay {
  constructor(canvas, shape) {
    Object.assign(this, { canvas, shape, rows: new NameStore(), cols: new NameStore(), texts: {}, hover: {}, cursor: {}, box: {}, sort: {}, split: null })
    this.pen = canvas.getContext("2d")
    this.labels = { rows: [], cols: [] }
    this.edge = { left: 0, top: 0, right: 0, bottom: 0 }
  }

  // Room for the names: of the longest ones, within reason.
  gutters(longest) {
    this.pen.font = this.font()
    const wide = this.pen.measureText(longest.rows).width, long = this.pen.measureText(longest.cols).width
    const corner = this.pen.measureText(longest.corner ?? "").width  // what rows and columns are
    return { left: Math.round(Math.min(200, Math.max(40, wide + 20, corner + 12))), top: Math.round(long <= 44 ? 26 : Math.min(128, long * Math.SQRT1_2 + 22)), flat: long <= 44 }
  }

  font(bold) { return `${bold ? "600 " : ""}${FONT}px Inter, Roboto, "Segoe UI", system-ui, sans-serif` }

  // `view`: x0, x1, y0, y1 as places; `map`: left, top, width, height in pixels of the canvas; `colors`; `facts` of the axes.
  draw(view, map, colors, facts) {
    const { canvas, pen } = this, ratio = window.devicePixelRatio || 1
    const wide = Math.round(canvas.clientWidth * ratio), high = Math.round(canvas.clientHeight * ratio)
    if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high })
    pen.setTransform(ratio, 0, 0, ratio, 0, 0)
    pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight)
    if (!(view.x1 > view.x0 && view.y1 > view.y0)) return
    pen.font = this.font()
    // Names stand beside the matrix itself, also where it does not fill the map.
    const edge = { left: Math.max(0, -view.x0 * map.width / (view.x1 - view.x0)), top: Math.max(0, -view.y0 * map.height / (view.y1 - view.y0)) }
    const ends = { right: (facts.cols.size - view.x0) * map.width / (view.x1 - view.x0), bottom: (facts.rows.size - view.y0) * map.height / (view.y1 - view.y0) }
    const within = (end, most) => end > 0 && end < most ? end : most
    this.edge = { left: Math.min(edge.left, map.width), top: Math.min(edge.top, map.height), right: within(ends.right, map.width), bottom: within(ends.bottom, map.height) }
    this.drawCells(view, map)
    this.drawMarks(view, map, colors)
    this.drawRows(view, map, colors, facts.rows)
    this.drawCols(view, map, colors, facts.cols)
    this.drawPlace(view, map, colors, facts)
  }

  pins(side) {
    const found = []
    for (const one of [this.cursor, this.hover]) if (one[side] !== undefined && one[side] !== null && one.names) found.push([one[side], one.names[side]])
    return found
  }

  drawRows({ y0, y1 }, map, colors, facts) {
    const { pen } = this
    this.labels.rows = layout({ low: y0, high: y1, pixels: map.height, size: facts.size, steps: facts.steps, least: LINE, names: this.rows, pinned: this.pins("row") })
    pen.textAlign = "right"
    pen.textBaseline = "middle"
    const foot = map.left + this.edge.left
    for (const label of this.labels.rows) {
      const y = map.top + label.at, sorted = this.sort.cols?.by === "values" && this.sort.cols.name === label.text
      pen.font = this.font(label.pinned || sorted)
      pen.fillStyle = label.pinned ? colors.ink : sorted ? colors.accent : colors.soft
      const text = shortened(pen, `${label.text}${sorted ? " ▸" : ""}`, map.left - 14)
      pen.fillText(text, foot - 9, y)
      pen.fillRect(foot - 5, Math.round(y) - 0.5, 4, 1)
      label.box = [foot - 9 - pen.measureText(text).width, y - FONT / 2, foot - 9, y + FONT / 2]
    }
  }

  drawCols({ x0, x1 }, map, colors, facts) {
    const { pen } = this, unit = map.width / (x1 - x0), pinned = this.pins("col")
    pen.font = this.font(true)
    const longest = facts.flat ? pen.measureText(facts.longest).width + 10 : Infinity
    const common = { low: x0, high: x1, pixels: map.width, size: facts.size, steps: facts.steps, names: this.cols, pinned }
    let found = layout({ ...common, least: facts.flat ? longest : SLANTED })
    const widest = Math.max(0, ...found.map((label) => pen.measureText(label.text).width))
    const flat = facts.flat || unit >= Math.min(widest, 160) + 12
    this.labels.cols = found
    pen.textBaseline = flat ? "alphabetic" : "middle"
    pen.textAlign = flat ? "center" : "left"
    const foot = map.top + this.edge.top
    for (const label of found) {
      const x = map.left + label.at, sorted = this.sort.rows?.by === "values" && this.sort.rows.name === label.text
      pen.font = this.font(label.pinned || sorted)
      pen.fillStyle = label.pinned ? colors.ink : sorted ? colors.accent : colors.soft
      const room = flat ? Math.max(unit - 8, longest - 8 || 0) : (map.top - 12) * Math.SQRT2
      const text = shortened(pen, `${label.text}${sorted ? " ▾" : ""}`, flat && facts.flat ? Infinity : room)
      pen.fillRect(Math.round(x) - 0.5, foot - 5, 1, 4)
      const wide = pen.measureText(text).width
      if (flat) {
        pen.fillText(text, x, foot - 9)
        label.box = [x - wide / 2, foot - 9 - FONT, x + wide / 2, foot - 9]
      } else {
        pen.save()
        pen.translate(x, foot - 9)
        pen.rotate(-SLANT)
        pen.fillText(text, 0, 0)
        pen.restore()
        label.slanted = [x, foot - 9, wide]
      }
    }
  }

  drawCells({ x0, x1, y0, y1 }, map) {
    const { pen, texts } = this, wide = map.width / (x1 - x0), high = map.height / (y1 - y0)
    this.labels.texts = 0
    if (!texts.texts || wide < 28 || high < 14) return
    pen.save()
    pen.beginPath()
    pen.rect(map.left, map.top, map.width, map.height)
    pen.clip()
    pen.textAlign = "center"
    pen.textBaseline = "middle"
    pen.font = `${Math.min(13, Math.max(10.5, high * 0.4))}px Inter, Roboto, system-ui, sans-serif`
    if (texts.beside && this.split !== null) {
      this.drawTexts(texts, [x0, y0, wide, high], map, [map.left, this.split])
      this.drawTexts({ ...texts, ...texts.beside }, [x0, y0, wide, high], map, [this.split, map.left + map.width])
    } else this.drawTexts(texts, [x0, y0, wide, high], map, [map.left, map.left + map.width])
    pen.restore()
  }

  drawTexts(texts, [x0, y0, wide, high], map, [from, to]) {  // those between two places across
    const { pen } = this
    // In the middle of what is visible of a cell.
    const middle = (start, size, edge, room) => (Math.max(start, edge) + Math.min(start + size, edge + room)) / 2
    texts.texts.forEach((line, i) => {
      const top = map.top + (texts.row + i - y0) * high, y = middle(top, high, map.top, map.height)
      const seen = Math.min(top + high, map.top + map.height) - Math.max(top, map.top)
      if (seen < 12) return
      line.forEach((text, j) => {
        const left = map.left + (texts.col + j - x0) * wide
        const open = Math.min(left + wide, to) - Math.max(left, from)
        if (!text || open < 8 || pen.measureText(text).width > open - 3) return
        pen.fillStyle = texts.light[i][j] === "1" ? "rgba(255,255,255,0.92)" : "rgba(8,10,16,0.9)"
        pen.fillText(text, middle(left, wide, from, to - from), y)
        this.labels.texts++
      })
    })
  }

  frame({ x0, x1, y0, y1 }, map, [c0, c1], [r0, r1]) {  // a block of cells in pixels, at least 3 wide
    const wide = map.width / (x1 - x0), high = map.height / (y1 - y0)
    let left = map.left + (c0 - x0) * wide, right = map.left + (c1 - x0) * wide, top = map.top + (r0 - y0) * high, bottom = map.top + (r1 - y0) * high
    if (right - left < 7) [left, right] = [(left + right) / 2 - 3.5, (left + right) / 2 + 3.5]
    if (bottom - top < 7) [top, bottom] = [(top + bottom) / 2 - 3.5, (top + bottom) / 2 + 3.5]
    return [left, top, right - left, bottom - top]
  }

  holds(axis, place, size) {  // whether a line is one of those selected; all lines of a side are not moved
    const runs = this.box[axis] ?? []
    return runs.some(([low, high]) => low <= place && place < high && high - low < size)
  }

  drawMarks(view, map, colors) {
    const { pen } = this
    pen.save()
    pen.beginPath()
    pen.rect(map.left - 2, map.top - 2, map.width + 4, map.height + 4)
    pen.clip()
    const outline = (frame, color, width) => {
      pen.lineWidth = width + 2
      pen.strokeStyle = colors.ground
      pen.strokeRect(...frame)
      pen.lineWidth = width
      pen.strokeStyle = color
      pen.strokeRect(...frame)
    }
    const { rows = [], cols = [] } = this.box
    for (const along of rows) for (const across of cols) outline(this.frame(view, map, across, along), CHOSEN, 1.5)
    if (this.hover.rows) outline(this.frame(view, map, this.hover.cols, this.hover.rows), colors.ink, 1)
    if (this.cursor.row !== undefined) {
      const { row, col } = this.cursor
      outline(this.frame(view, map, [col, col + 1], [row, row + 1]), colors.accent, 2)
    }
    pen.restore()
  }

  drawPlace({ x0, x1, y0, y1 }, map, colors, facts) {  // how much of the whole is seen, and where that is
    const { pen } = this, part = (low, high, size, pixels) => {
      const start = Math.max(0, low / size) * pixels, end = Math.min(1, high / size) * pixels
      return end - start < pixels - 1 && end > start ? [start, Math.max(12, end - start)] : null
    }
    const across = part(x0, x1, facts.cols.size, map.width), along = part(y0, y1, facts.rows.size, map.height)
    const bar = (...box) => { pen.beginPath(); pen.roundRect(...box, 2); pen.fill() }
    for (const [span, draw] of [[across, (from, long) => bar(map.left + Math.min(from, map.width - long), map.top + map.height + 5, long, 4)],
      [along, (from, long) => bar(map.left + map.width + 5, map.top + Math.min(from, map.height - long), 4, long)]]) {
      if (!span) continue
      pen.fillStyle = colors.line
      draw(0, draw === undefined ? 0 : (span === across ? map.width : map.height))
      pen.fillStyle = colors.soft
      draw(...span)
    }
  }
}

// A line where the rows, or the columns, that are dragged by their names would stand.
function dropAt({ pen }, { x0, x1, y0, y1 }, map, colors, drop) {
  if (!drop) return
  const down = drop.axis === "rows", share = down ? (drop.place - y0) / (y1 - y0) : (drop.place - x0) / (x1 - x0)
  if (share < 0 || share > 1) return
  pen.fillStyle = CHOSEN
  if (down) pen.fillRect(map.left - 30, map.top + share * map.height - 1.5, map.width + 30, 3)
  else pen.fillRect(map.left + share * map.width - 1.5, map.top - 20, 3, map.height + 20)
}
