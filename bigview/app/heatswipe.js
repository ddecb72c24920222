// The divider between two matrices: the plot has the first one, and what lies at the right of the divider is painted over with the other.

const SWIPE_STEP = 0.02, SWIPE_FAR = 0.1, SWIPE_ROOM = 22  // shares of the width that a key moves it by; pixels beside it

class Swipe {
  constructor(chart, send) {
    this.told = paced(send, 150)
    this.at = null
    this.names = ["", ""]
    this.map = { left: 0, top: 0, width: 0, height: 0 }
    this.canvas = add(chart, "canvas", "swiped")
    this.canvas.setAttribute("aria-hidden", "true")
    this.pen = this.canvas.getContext("2d")
    this.image = document.createElement("canvas")
    this.source = null
    this.redraw = () => {}
    this.bar = add(chart, "div", "divider")
    this.bar.hidden = true
    this.bar.tabIndex = 0
    for (const [name, value] of [["role", "slider"], ["aria-orientation", "horizontal"], ["aria-valuemin", "0"], ["aria-valuemax", "100"]]) this.bar.setAttribute(name, value)
    this.labels = ["left", "right"].map((side) => add(this.bar, "span", `which ${side}`))
    add(this.bar, "span", "grip", "◂ ▸").setAttribute("aria-hidden", "true")
    this.drag()
  }

  listen(source, redraw) {
    this.source = source
    this.redraw = redraw
    source?.properties.data.change.connect(() => { this.unpack(); redraw() })
    this.unpack()
  }

  take({ at = null, names = ["", ""] }) {
    this.at = at
    this.names = names
    this.bar.hidden = at === null
    this.labels.forEach((label, k) => { label.textContent = names[k]; label.title = names[k] })
    this.bar.setAttribute("aria-label", `Divider: ${names[0]} at the left, ${names[1]} at the right`)
    this.redraw()
  }

  unpack() {  // the picture that came, as something that can be drawn at any size
    const found = this.source?.data.image?.[0]
    if (!found?.shape) return
    const [height, width] = found.shape, bytes = new Uint8ClampedArray(found.buffer, found.byteOffset, found.byteLength)
    Object.assign(this.image, { width, height })
    this.image.getContext("2d").putImageData(new ImageData(bytes, width, height), 0, 0)
  }

  draw(view, map, ground) {  // returns where the divider is in pixels of the chart; null without one
    this.map = map
    const { canvas, pen } = this
    canvas.hidden = this.at === null || !this.source
    if (canvas.hidden) return null
    const split = Math.round(map.left + this.at * map.width), dense = window.devicePixelRatio || 1
    const wide = Math.round(canvas.clientWidth * dense), high = Math.round(canvas.clientHeight * dense)
    if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high })
    pen.setTransform(dense, 0, 0, dense, 0, 0)
    pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight)
    pen.save()
    pen.beginPath()
    pen.rect(split, map.top, map.left + map.width - split, map.height)
    pen.clip()
    pen.fillStyle = ground ?? "#000"
    pen.fillRect(map.left, map.top, map.width, map.height)
    const { x: [x], y: [y], dw: [dw], dh: [dh] } = this.source.data, across = map.width / (view.x1 - view.x0), along = map.height / (view.y1 - view.y0)
    if (dw > 0 && dh > 0) {  // its first line is the lowest one
      pen.imageSmoothingEnabled = false
      pen.translate(map.left + (x - view.x0) * across, map.top + (-y - view.y0) * along)
      pen.scale(1, -1)
      pen.drawImage(this.image, 0, 0, dw * across, dh * along)
    }
    pen.restore()
    Object.assign(this.bar.style, { left: `${split}px`, top: `${map.top}px`, height: `${map.height}px` })
    const rooms = [split - map.left, map.left + map.width - split].map((room) => room - SWIPE_ROOM)
    this.labels.forEach((label, k) => { label.style.maxWidth = `${Math.max(0, rooms[k] - 14)}px`; label.hidden = rooms[k] < 40 })
    const share = Math.round(100 * this.at)
    this.bar.setAttribute("aria-valuenow", String(share))
    this.bar.setAttribute("aria-valuetext", `${share} % of the width shows ${this.names[0]}, the rest ${this.names[1]}`)
    return split
  }

  put(at) {
    this.at = Math.min(1, Math.max(0, at))
    this.told(this.at)
    this.redraw()
  }

  drag() {
    const { bar } = this
    let off = null  // of the pointer from the divider
    bar.addEventListener("pointerdown", (event) => {
      if (event.button) return
      const box = bar.parentElement.getBoundingClientRect()
      off = event.clientX - box.left - this.map.left - this.at * this.map.width
      bar.setPointerCapture(event.pointerId)
    })
    bar.addEventListener("pointermove", (event) => {
      if (off === null || !this.map.width) return
      const box = bar.parentElement.getBoundingClientRect()
      this.put((event.clientX - box.left - this.map.left - off) / this.map.width)
    })
    for (const name of ["pointerup", "pointercancel"]) bar.addEventListener(name, () => { off = null })
    bar.addEventListener("keydown", (event) => {
      const far = event.shiftKey ? SWIPE_FAR : SWIPE_STEP
      const step = { ArrowRight: far, ArrowUp: far, ArrowLeft: -far, ArrowDown: -far, PageUp: SWIPE_FAR, PageDown: -SWIPE_FAR, Home: -1, End: 1 }[event.key]
      if (!step) return
      event.preventDefault()
      event.stopPropagation()
      this.put(Math.round(1000 * (this.at + step)) / 1000)
    })
  }
}
