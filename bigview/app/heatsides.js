// What stands beside the map of a matrix: at its right for the rows, below it for the columns. First ticks of search hits, then means, tracks, the tree.

const TREE = 92, TRACK = 12, PLAIN = 12, NEAR = 6, MARGIN = 46  // pixels

const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))

class Sides {
  constructor(chart, send) {
    this.send = send
    this.data = { rows: {}, cols: {} }
    this.found = this.input = null
    this.walk = {}  // the branch that the keyboard is at
    this.strips = {}
    for (const side of ["rows", "cols"]) {
      const canvas = add(chart, "canvas", `beside ${side}`)
      this.strips[side] = { canvas, pen: canvas.getContext("2d"), drag: false, cut: undefined }
      canvas.tabIndex = -1
      this.listen(side)
    }
  }

  addSearch(card) {
    const box = add(card, "div", "search"), input = add(box, "input", "")
    input.type = "search"
    input.placeholder = "Find names"
    input.title = "A text or a regular expression; Enter goes to the next one, Shift and Enter to the one before"
    input.setAttribute("aria-label", "Find names of rows and columns")
    input.maxLength = 200
    const ask = paced((text) => this.send("search", text), 150)
    input.addEventListener("input", () => ask(input.value))
    input.addEventListener("keydown", (event) => {
      event.stopPropagation()
      if (event.key === "Enter") this.send("hit", event.shiftKey ? -1 : 1)
      if (event.key === "Escape") ask((input.value = ""))
    })
    this.input = input
    this.first = add(box, "button", "tool", "Hits first")
    this.first.type = "button"
    this.first.title = "Rows and columns that are found stand before all others"
    this.first.hidden = true
    this.first.addEventListener("click", () => this.send("first", null))
    this.found = add(box, "span", "found", "")
    this.found.setAttribute("role", "status")
  }

  addWalks(chart) {  // what the branches of a tree are walked from: it lies over the tree, and the pointer goes through it
    this.walks = {}
    for (const [side, name, [out, into, before, after]] of [["rows", "rows", ["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"]], ["cols", "columns", ["ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight"]]]) {
      const box = this.walks[side] = add(chart, "div", `walk ${side}`)
      box.tabIndex = 0
      box.hidden = true
      box.setAttribute("role", "application")
      box.setAttribute("aria-label", `Branches of the ${name}: ${side === "rows" ? "right" : "down"} goes to the branch around, ${side === "rows" ? "left" : "up"} into it, the other arrows to the next one; Enter selects it`)
      const ways = { [out]: "out", [into]: "in", [before]: "before", [after]: "after", Enter: "take", " ": "take" }
      const go = (way) => this.send("walk", { side, way })
      box.addEventListener("keydown", (event) => {
        const way = ways[event.key]
        if (!way || event.ctrlKey || event.altKey || event.metaKey) return
        event.preventDefault()
        event.stopPropagation()
        go(way)
      })
      box.addEventListener("focus", () => go("here"))
      box.addEventListener("blur", () => go("leave"))
    }
  }

  take(data) {  // returns the room that the strips need
    this.data = { rows: data.rows ?? {}, cols: data.cols ?? {} }
    for (const side of ["rows", "cols"]) {
      const one = this.data[side], strip = this.strips[side]
      if (one.tree) {
        const floats = bytesOf(one.tree.lines)
        one.lines = new Float32Array(floats.buffer)
        if (!strip.drag) strip.cut = one.tree.cut
        const name = side === "rows" ? "rows" : "columns"
        strip.canvas.tabIndex = 0
        strip.canvas.setAttribute("role", "slider")
        strip.canvas.setAttribute("aria-label", `Clusters of the ${name}: the arrow keys cut the tree into more or fewer, Home into none`)
        strip.canvas.setAttribute("aria-valuenow", String(one.tree.count))
        strip.canvas.setAttribute("aria-valuetext", one.tree.cut === null ? "not cut" : `${one.tree.count} clusters`)
        strip.canvas.setAttribute("aria-orientation", side === "rows" ? "horizontal" : "vertical")
      } else {
        strip.canvas.tabIndex = -1
        for (const name of ["role", "aria-label", "aria-valuenow", "aria-valuetext", "aria-orientation"]) strip.canvas.removeAttribute(name)
        strip.cut = undefined
      }
      for (const track of one.tracks ?? []) track.bytes = bytesOf(track.tones)
      if (one.margin?.lines) one.margin.values = one.margin.lines.map((line) => new Float32Array(bytesOf(line).buffer))
    }
    for (const side of ["rows", "cols"]) if (this.walks) this.walks[side].hidden = !this.data[side].tree
    if (this.found) {
      const text = data.text ?? "", typing = this.input.getRootNode().activeElement === this.input
      if (!typing && this.input.value !== text) this.input.value = text
      const count = (side) => this.data[side].hits?.count ?? 0
      this.first.hidden = !data.first && !["rows", "cols"].some((side) => count(side))
      this.first.setAttribute("aria-pressed", String(Boolean(data.first)))
      this.found.textContent = data.text ? `${count("rows").toLocaleString("en")} rows, ${count("cols").toLocaleString("en")} columns${data.plain ? " · as it stands, for it is no expression" : ""}` : ""
    }
    return { right: this.width("rows"), bottom: this.width("cols") }
  }

  expect(beside) {  // the room for what will come, so that the map does not change its size once it is there
    this.expected = beside
    return { right: this.width("rows"), bottom: this.width("cols") }
  }

  width(side) {
    const { tracks, tree, margin } = this.data[side], expected = tracks ? null : this.expected?.[side]
    const extra = (tracks?.length ?? expected?.tracks ?? 0) * TRACK + (tree || expected?.tree ? TREE : 0) + (margin || expected?.margin ? MARGIN : 0)
    return extra ? PLAIN + 4 + extra : PLAIN
  }

  // Where tracks and the tree begin and how long its heights are, from the map outwards.
  begin(side) { return PLAIN + (this.data[side].margin ? MARGIN : 0) }
  ground(side) { return this.begin(side) + (this.data[side].tracks ?? []).length * TRACK + 2 }
  reach(height, tree) { return Math.min(1, height / tree.top) * (TREE - 12) }

  draw(view, map, colors, edge) {
    for (const side of ["rows", "cols"]) {
      const { canvas, pen } = this.strips[side], wide = this.width(side), long = side === "rows" ? map.height : map.width
      // Beside the matrix itself, also where it does not fill the map.
      const [left, top] = side === "rows" ? [map.left + edge.right, map.top] : [map.left, map.top + edge.bottom]
      const size = side === "rows" ? [wide, long] : [long, wide], dense = window.devicePixelRatio || 1
      Object.assign(canvas.style, { left: `${left}px`, top: `${top}px`, width: `${size[0]}px`, height: `${size[1]}px` })
      const walk = this.walks?.[side], ground = this.ground(side)
      if (walk) Object.assign(walk.style, side === "rows" ? { left: `${left + ground}px`, top: `${top}px`, width: `${TREE - 4}px`, height: `${long}px` } : { left: `${left}px`, top: `${top + ground}px`, width: `${long}px`, height: `${TREE - 4}px` })
      if (canvas.width !== Math.round(size[0] * dense) || canvas.height !== Math.round(size[1] * dense)) {
        canvas.width = Math.round(size[0] * dense)
        canvas.height = Math.round(size[1] * dense)
      }
      // One drawing for both sides: u along the axis, v away from the map.
      if (side === "rows") pen.setTransform(0, dense, dense, 0, 0, 0)
      else pen.setTransform(dense, 0, 0, dense, 0, 0)
      pen.clearRect(0, 0, long, wide)
      const [low, high] = view[side], at = (place) => ((place - low) / (high - low)) * long
      this.strips[side].low = low
      this.strips[side].high = high
      this.drawHits(pen, side, at, long)
      this.drawMargin(pen, side, at, side === "rows" ? [edge.top, edge.bottom] : [edge.left, edge.right], colors)
      this.drawTracks(pen, side, at)
      this.drawTree(pen, side, at, long, colors)
    }
  }

  drawHits(pen, side, at, long) {
    const { hits, chosen, low, high } = this.data[side]
    pen.fillStyle = CHOSEN
    for (const share of chosen ?? []) pen.fillRect(at(low + share * (high - low)) - 1, 5, 2, 4)
    if (!hits) return
    pen.fillStyle = "#ffb347"
    for (const share of hits.here) pen.fillRect(at(low + share * (high - low)) - 1, 0, 2, 5)
    for (const share of hits.all) pen.fillRect(share * long - 0.5, 9, 1, 3)
  }

  drawMargin(pen, side, at, [from, to], colors) {  // the mean of each row, or column: one line, or those of both sides of a divider
    const { margin } = this.data[side]
    if (!margin?.values) return
    const { low, high, values, ends: [least, most] } = margin, room = MARGIN - 8
    const share = (value) => (most > least ? (value - least) / (most - least) : 0.5)
    const v = (value) => PLAIN + 2 + (side === "rows" ? share(value) : 1 - share(value)) * room  // more is to the right, or up
    pen.save()
    pen.beginPath()
    pen.rect(from, PLAIN, to - from, MARGIN - 4)
    pen.clip()
    pen.fillStyle = colors.line
    pen.fillRect(from, PLAIN, to - from, MARGIN - 4)
    if (least < 0 && most > 0) {  // where zero is
      pen.fillStyle = colors.soft
      pen.fillRect(from, v(0), to - from, 1)
    }
    pen.lineWidth = 1.2
    values.forEach((line, k) => {
      pen.strokeStyle = k ? "#ffb347" : colors.accent
      pen.beginPath()
      let there = false  // whether there is a mean before this one
      line.forEach((value, place) => {
        const start = at(low + (place / line.length) * (high - low)), end = at(low + ((place + 1) / line.length) * (high - low))
        if (end < from || start > to) return
        if (!Number.isFinite(value)) { there = false; return }
        if (there) pen.lineTo(start, v(value))
        else pen.moveTo(start, v(value))
        pen.lineTo(end, v(value))
        there = true
      })
      pen.stroke()
    })
    pen.restore()
  }

  meanAt(side, place) {  // what the means are at a place, in words
    const { margin } = this.data[side], share = margin?.values ? (place - margin.low) / (margin.high - margin.low) : -1
    if (!(share >= 0 && share < 1)) return ""
    const found = margin.values.map((line) => line[Math.floor(share * line.length)]).map((value) => Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "none")
    return `Mean of this ${side === "rows" ? "row" : "column"} over what is in view: ${found.join(" and ")}. Of all: ${margin.texts[0]} to ${margin.texts[1]}`
  }

  drawTracks(pen, side, at) {
    const { tracks = [], low, high } = this.data[side]
    tracks.forEach((track, k) => {
      const count = track.bytes.length, from = this.begin(side) + k * TRACK
      for (let first = 0; first < count;) {
        let last = first
        while (last < count && track.bytes[last] === track.bytes[first]) last++
        if (track.bytes[first] !== 255) {
          const a = at(low + (first / count) * (high - low)), b = at(low + (last / count) * (high - low))
          pen.fillStyle = track.colors[track.bytes[first]]
          pen.fillRect(a, from, b - a + 0.25, TRACK - 2)
        }
        first = last
      }
    })
  }

  drawTree(pen, side, at, long, colors) {
    const { tree, lines, low } = this.data[side]
    if (!tree) return
    const ground = this.ground(side), cut = this.strips[side].cut
    pen.save()
    pen.beginPath()
    pen.rect(0, ground, long, TREE - 4)
    pen.clip()
    const far = TREE + 8, v = (height) => ground + (height > tree.top ? far : this.reach(height, tree))
    if (tree.cut !== null && cut === tree.cut && tree.edges.length) {  // every other cluster lies on a shade
      pen.fillStyle = colors.line
      const ends = [-1e9, ...tree.edges.map(at), 1e9]
      for (let k = 0; k + 1 < ends.length; k += 2) pen.fillRect(Math.max(0, ends[k]), ground, Math.min(long, ends[k + 1]) - Math.max(0, ends[k]), TREE)
    }
    if (this.walk.side === side) {
      const [from, to] = this.walk.ends.map(at)
      pen.fillStyle = `${CHOSEN}44`
      pen.fillRect(from, ground, Math.max(2, to - from), Math.max(4, v(this.walk.height) - ground))
      pen.strokeStyle = CHOSEN
      pen.lineWidth = 2
      pen.strokeRect(from, ground, Math.max(2, to - from), Math.max(4, v(this.walk.height) - ground))
    }
    pen.strokeStyle = colors.soft
    pen.lineWidth = 1
    pen.beginPath()
    for (let k = 0; k < lines.length; k += 4) {
      pen.moveTo(at(low + lines[k]), v(lines[k + 1]))
      pen.lineTo(at(low + lines[k + 2]), v(lines[k + 3]))
    }
    pen.stroke()
    const line = ground + (cut === null || cut === undefined ? TREE - 8 : this.reach(cut, tree))
    pen.strokeStyle = colors.accent
    pen.lineWidth = 1.5
    pen.setLineDash(cut === null || cut === undefined ? [2, 5] : [6, 3])
    pen.beginPath()
    pen.moveTo(0, line)
    pen.lineTo(long, line)
    pen.stroke()
    pen.restore()
  }

  place(side, event) {  // of the pointer: along the axis, and away from the map
    const { canvas, low, high } = this.strips[side], box = canvas.getBoundingClientRect()
    const [u, v, long] = side === "rows" ? [event.clientY - box.top, event.clientX - box.left, box.height] : [event.clientX - box.left, event.clientY - box.top, box.width]
    return { place: low + (u / long) * (high - low), v }
  }

  cutAt(side) {
    const { tree } = this.data[side], cut = this.strips[side].cut
    return this.ground(side) + (cut === null || cut === undefined ? TREE - 8 : this.reach(cut, tree))
  }

  listen(side) {
    const strip = this.strips[side], { canvas } = strip, tell = paced((height) => this.send("cut", { side, height }), 60)
    const heightAt = (v) => {
      const { tree } = this.data[side], share = (v - this.ground(side)) / (TREE - 12)
      return share > 1 ? null : Math.max(0, share) * tree.top
    }
    const trackAt = (v) => v >= this.begin(side) && v < this.ground(side) - 2 ? (this.data[side].tracks ?? [])[Math.floor((v - this.begin(side)) / TRACK)] : null
    canvas.addEventListener("pointerdown", (event) => {
      const { v } = this.place(side, event)
      strip.moved = false
      strip.drag = Boolean(this.data[side].tree) && Math.abs(v - this.cutAt(side)) <= NEAR
      canvas.setPointerCapture(event.pointerId)
    })
    canvas.addEventListener("pointermove", (event) => {
      const { place, v } = this.place(side, event), { tree } = this.data[side]
      if (strip.drag) {
        strip.moved = true
        strip.cut = heightAt(v)
        tell(strip.cut)
        strip.canvas.dispatchEvent(new CustomEvent("moved", { bubbles: true, composed: true }))
        return
      }
      const track = trackAt(v), mean = v >= PLAIN && v < this.begin(side) ? this.meanAt(side, place) : ""
      const onCut = tree && Math.abs(v - this.cutAt(side)) <= NEAR
      canvas.style.cursor = onCut ? (side === "rows" ? "ew-resize" : "ns-resize") : track || (tree && v > this.ground(side)) ? "pointer" : "default"
      canvas.title = onCut ? "Drag: cut the tree into clusters" : track ? `${track.name} · click: sort by it` : mean ? mean : tree ? `${tree.title} · ${tree.cut === null ? "drag the line to cut it" : `${tree.count.toLocaleString("en")} clusters`} · click: select a branch` : ""
    })
    canvas.addEventListener("pointerup", (event) => {
      const { place, v } = this.place(side, event), dragged = strip.drag
      strip.drag = false
      if (dragged) return void (strip.moved && this.send("cut", { side, height: strip.cut ?? null }))
      const track = trackAt(v)
      if (track) this.send("track", { side, name: track.name })
      else if (this.data[side].tree && v >= this.ground(side)) this.send("branch", { side, place, height: heightAt(v) ?? this.data[side].tree.top })
    })
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: null }[event.key]
      if (step === undefined || !this.data[side].tree) return
      event.preventDefault()
      event.stopPropagation()
      this.send("clusters", { side, step })
    })
  }
}
