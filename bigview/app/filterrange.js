// A range slider over its own histogram. Heights grow with the square root of the counts, so that a small part of the rows can be seen.

const SVG = "http://www.w3.org/2000/svg"

function bars(parent, name) {
  const svg = document.createElementNS(SVG, "svg")
  svg.setAttribute("class", `bars ${name}`)
  svg.setAttribute("preserveAspectRatio", "none")
  svg.setAttribute("aria-hidden", "true")
  const path = document.createElementNS(SVG, "path")
  svg.append(path)
  parent.append(svg)
  return {
    svg,
    draw(heights, most) {
      svg.setAttribute("viewBox", `0 0 ${heights.length} 1`)
      const one = (count, i) => (count ? `M${i + 0.06},1V${1 - Math.max(Math.sqrt(count / most), 0.02)}H${i + 0.94}V1Z` : "")
      path.setAttribute("d", heights.map(one).join(""))
    },
  }
}

function rangeControl(box, facts, send) {
  const name = facts.name, doing = presence()
  const ends = { low: { places: facts.starts, at: 0, label: "From" }, high: { places: facts.ends, at: 1, label: "To" } }
  const last = facts.texts.length - 1
  const chart = add(box, "div", "chart")
  const all = bars(chart, "all"), some = bars(chart, "some"), inside = bars(chart, "inside")
  const track = add(chart, "div", "track")
  const chosen = add(track, "div", "chosen")
  const fields = add(box, "div", "ends")
  const tell = paced((end, stop, gesture) => send("stop", { name, end, stop, gesture }), 40)
  let held = null

  const place = () => {
    const [from, to] = [ends.low.at, ends.high.at]
    chosen.style.left = `${100 * from}%`
    chosen.style.right = `${100 * (1 - to)}%`
    inside.svg.style.clipPath = `inset(0 ${100 * (1 - to)}% 0 ${100 * from}%)`
    for (const end of Object.values(ends)) end.handle.style.left = `${100 * end.at}%`
  }
  const stopOf = (end) => {  // the stop that a handle is at, or next to, on the inner side
    const { places, at } = ends[end]
    if (end === "low") return Math.max(0, places.findIndex((one) => one >= at - 1e-9))
    const found = places.findLastIndex((one) => one <= at + 1e-9)
    return found < 0 ? last : found
  }
  const speak = (end, text) => {
    const { handle } = ends[end]
    handle.setAttribute("aria-valuenow", stopOf(end))
    handle.setAttribute("aria-valuetext", text)
  }
  const move = (end, stop) => {
    stop = end === "low" ? Math.min(Math.max(stop, 0), stopOf("high")) : Math.max(Math.min(stop, last), stopOf("low"))
    const open = stop === (end === "low" ? 0 : last)
    ends[end].at = ends[end].places[stop]
    ends[end].input.value = open ? "" : facts.texts[stop]
    speak(end, facts.texts[stop])
    place()
    tell(end, stop, doing.gesture)
  }
  const steps = (end, by) => {
    const { places, at } = ends[end]
    const next = by > 0 ? places.findIndex((one) => one > at + 1e-9) : places.findLastIndex((one) => one < at - 1e-9)
    if (next < 0) return by > 0 ? last : 0
    return next + by - Math.sign(by)
  }
  const KEYS = {
    ArrowRight: (end) => steps(end, 1), ArrowUp: (end) => steps(end, 1), PageUp: (end) => steps(end, 10),
    ArrowLeft: (end) => steps(end, -1), ArrowDown: (end) => steps(end, -1), PageDown: (end) => steps(end, -10),
    Home: () => 0, End: () => last,
  }

  for (const [end, one] of Object.entries(ends)) {
    one.handle = add(track, "div", "handle")
    one.handle.tabIndex = 0
    const said = { role: "slider", "aria-label": `${one.label}, ${name}`, "aria-valuemin": 0, "aria-valuemax": last }
    for (const [attribute, value] of Object.entries(said)) one.handle.setAttribute(attribute, value)
    one.handle.addEventListener("keydown", (event) => {
      const key = KEYS[event.key]
      if (!key || event.ctrlKey || event.metaKey || event.altKey) return
      event.preventDefault()
      doing.touch()
      move(end, key(end))
    })
    one.input = field(fields, "text", `${one.label}, ${name}`)
    one.input.inputMode = facts.kind === "datetime" ? "text" : "decimal"
    one.input.placeholder = facts.extent[end === "low" ? 0 : 1]
    one.input.title = facts.texts[end === "low" ? 0 : last]
    one.input.addEventListener("input", () => doing.touch())
    one.input.addEventListener("change", () => send("type", { name, end, text: one.input.value }))
    if (end === "low") add(fields, "span", "to", "to")
  }
  const nearest = (end, share) => {
    const { places } = ends[end]
    let best = 0
    places.forEach((one, i) => { if (Math.abs(one - share) < Math.abs(places[best] - share)) best = i })
    return best
  }
  const share = (event) => {
    const { left, width } = track.getBoundingClientRect()
    return Math.min(Math.max((event.clientX - left) / width, 0), 1)
  }
  chart.addEventListener("pointerdown", (event) => {
    if (event.button || !last) return
    const at = share(event), { low, high } = ends
    held = Math.abs(at - low.at) < Math.abs(at - high.at) || (low.at === high.at && at < low.at) ? "low" : "high"
    if (low.at === high.at && low.at === 1) held = "low"
    chart.setPointerCapture(event.pointerId)
    event.preventDefault()
    ends[held].handle.focus({ preventScroll: true })
    doing.begin()
    move(held, nearest(held, at))
  })
  chart.addEventListener("pointermove", (event) => {
    if (!held) return
    doing.touch(Infinity)
    const stop = nearest(held, share(event))
    if (ends[held].places[stop] !== ends[held].at) move(held, stop)
  })
  for (const what of ["pointerup", "pointercancel"]) chart.addEventListener(what, () => { held = null })

  let timer = null
  const update = (data) => {
    if (data.all) {
      const most = Math.max(1, ...data.all)
      all.draw(data.all, most)
      some.draw(data.some, most)
      inside.draw(data.some, most)
    }
    clearTimeout(timer)
    if (held || doing.busy) {
      timer = setTimeout(() => update(data), 750)
      return
    }
    Object.assign(ends.low, { at: data.from })
    Object.assign(ends.high, { at: data.to })
    for (const [end, one] of Object.entries(ends)) {
      const wrong = data.error && one.input.getRootNode().activeElement === one.input
      if (!wrong) one.input.value = data[end]
      speak(end, data[end] || facts.texts[end === "low" ? 0 : last])
    }
    place()
  }
  return update
}

