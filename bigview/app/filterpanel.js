// The panel of filters. Everything that comes from the data enters through textContent or value, so it can never be markup.

let numbered = 0
const unique = (what) => `${what}-${++numbered}`

function button(parent, name, text, act) {
  const made = add(parent, "button", name, text)
  made.type = "button"
  made.addEventListener("click", act)
  return made
}

function field(parent, kind, label) {
  const made = add(parent, "input", "field")
  made.type = kind
  made.setAttribute("aria-label", label)
  made.autocomplete = "off"
  made.spellcheck = false
  return made
}

// What the visitor is doing goes before what an echo of a moment ago says.
function presence() {
  let last = 0, gesture = 0
  return {
    touch(pause = 1000) {
      if (Date.now() - last > pause) gesture = Date.now()
      last = Date.now()
      return gesture
    },
    begin() { last = gesture = Date.now(); return gesture },
    get busy() { return Date.now() - last < 700 },
    get gesture() { return gesture },
  }
}

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

// Categories: a list with counts, searched by the server.

function categoryControl(box, facts, send) {
  const name = facts.name, boolean = facts.kind === "boolean"
  const search = field(box, "search", `Search ${name}`)
  search.placeholder = "Search"
  const ask = paced(() => send("search", { name, text: search.value }), 150)
  search.addEventListener("input", ask)
  const list = add(box, "ul", "items")
  list.setAttribute("aria-label", name)
  const more = add(box, "p", "soft more")
  const label = (item) => (boolean ? { True: "yes", False: "no" }[item] ?? item : item || "(empty)")
  const draw = (item, count, on) => {
    const row = add(add(list, "li", ""), "label", "item")
    const check = add(row, "input", "")
    check.type = "checkbox"
    check.checked = on
    check.dataset.item = item
    add(row, "span", "name", label(item)).title = label(item)
    add(row, "span", "soft", count)
    check.addEventListener("change", () => send("pick", { name, item }))
  }
  return (data) => {
    const root = list.getRootNode(), held = root.activeElement?.dataset?.item, top = list.scrollTop
    search.hidden = !data.many
    list.replaceChildren()
    const picked = new Set(data.picked), items = data.items ?? []
    const listed = new Set(items.map(([item]) => item))
    if (!search.value) for (const item of data.picked) if (!listed.has(item)) draw(item, "", true)
    for (const [item, count] of items) draw(item, count, picked.has(item))
    list.scrollTop = top
    more.textContent = data.items ? data.more : "…"
    more.hidden = !more.textContent
    if (held !== undefined) [...list.querySelectorAll("input")].find((one) => one.dataset.item === held)?.focus({ preventScroll: true })
  }
}

// Text: what it contains, or a pattern.

function textControl(box, facts, send) {
  const name = facts.name, doing = presence()
  const row = add(box, "div", "ends")
  const mode = add(row, "select", "field mode")
  mode.setAttribute("aria-label", `How ${name} is searched`)
  for (const [value, text] of [["contains", "contains"], ["regex", "regex"]]) add(mode, "option", "", text).value = value
  const input = field(row, "search", `Text, ${name}`)
  let timer = null, later = null
  const say = () => {
    clearTimeout(timer)
    send("text", { name, mode: mode.value, text: input.value, gesture: doing.gesture })
  }
  input.addEventListener("input", () => {
    doing.touch(2000)
    clearTimeout(timer)
    timer = setTimeout(say, 300)
  })
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") { doing.touch(2000); say() } })
  mode.addEventListener("change", () => { doing.begin(); if (input.value) say() })
  const update = (data) => {
    clearTimeout(later)
    if (doing.busy) { later = setTimeout(() => update(data), 750); return }
    if (data.error) return  // what was typed stays, to be mended
    if (data.text || input.value) mode.value = data.mode
    input.value = data.text
  }
  return update
}

const KINDS = { number: rangeControl, integer: rangeControl, datetime: rangeControl, category: categoryControl, boolean: categoryControl, text: textControl }

function control(box, facts, send) {
  const name = facts.name
  const make = KINDS[facts.kind]
  const inner = make && (make !== rangeControl || facts.texts) ? make(box, facts, send) : () => {}
  const wrong = add(box, "p", "wrong")
  wrong.setAttribute("role", "alert")
  const foot = add(box, "div", "foot")
  const gaps = {}
  for (const [which, text] of [["missing", "is missing"], ["present", "is not missing"]]) {
    gaps[which] = button(foot, "pill", text, () => send("gap", { name, which }))
    gaps[which].setAttribute("aria-label", `${name} ${text}`)
  }
  add(foot, "span", "soft small", facts.missing ? `${facts.missing.toLocaleString("en")} missing` : "No value is missing")
  const result = add(box, "div", "result")
  const count = add(result, "span", "soft count")
  count.setAttribute("aria-live", "polite")
  const clear = button(result, "pill clear", "Clear", () => {
    box.querySelector(".handle, input:not([hidden]), button")?.focus({ preventScroll: true })
    send("clear", { name })
  })
  clear.setAttribute("aria-label", `Clear the filter of ${name}`)
  let seen = ""
  return (data) => {
    const now = JSON.stringify(data)
    if (now === seen) return
    seen = now
    inner(data)
    wrong.textContent = data.error
    wrong.hidden = !data.error
    for (const [which, pill] of Object.entries(gaps)) {
      pill.setAttribute("aria-pressed", String(data.gap === which))
      pill.hidden = !facts.missing && !data.gap  // it would choose no row, or all
    }
    count.textContent = data.active ? data.count || "…" : ""
    result.hidden = !data.active
  }
}

// The line for any expression, with completion of column names.

function word(text) {  // the column's name that is being written at the end of a text
  if ((text.match(/'/g) ?? []).length % 2) return null
  const quotes = (text.match(/"/g) ?? []).length % 2
  const found = quotes ? /"([^"]*)$/.exec(text) : /([\p{L}_][\p{L}\p{N}_]*)$/u.exec(text)
  return found && { start: found.index, text: found[1].toLowerCase() }
}

function expression(box, model, send) {
  const input = field(box, "text", "Filter by an SQL expression")
  input.placeholder = "SQL, such as  score > 0.5"
  const list = add(box, "ul", "names")
  const wrong = add(box, "div", "wrong")
  const said = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": (list.id = unique("names")) }
  for (const [attribute, value] of Object.entries(said)) input.setAttribute(attribute, value)
  list.setAttribute("role", "listbox")
  list.setAttribute("aria-label", "Columns")
  wrong.setAttribute("role", "alert")
  wrong.id = unique("wrong")
  wrong.hidden = list.hidden = true
  let options = [], chosen = -1, at = null

  const show = () => {
    list.hidden = !options.length
    list.replaceChildren()
    options.forEach(([name, kind], i) => {
      const option = add(list, "li", "option")
      option.id = unique("option")
      option.setAttribute("role", "option")
      option.setAttribute("aria-selected", String(i === chosen))
      add(option, "span", "name", name)
      add(option, "span", "soft", kind)
      option.addEventListener("pointerdown", (event) => { event.preventDefault(); take(i) })
      if (i === chosen) {
        input.setAttribute("aria-activedescendant", option.id)
        option.scrollIntoView({ block: "nearest" })
      }
    })
    if (chosen < 0) input.removeAttribute("aria-activedescendant")
    input.setAttribute("aria-expanded", String(!list.hidden))
  }
  const close = () => { options = []; chosen = -1; show() }
  const complete = (whole) => {
    const before = input.value.slice(0, input.selectionStart)
    at = word(before) ?? (whole && !((before.match(/'/g) ?? []).length % 2) ? { start: before.length, text: "" } : null)
    if (!at) return close()
    const starts = model.columns.filter(([name]) => name.toLowerCase().startsWith(at.text))
    const others = model.columns.filter(([name]) => name.toLowerCase().indexOf(at.text) > 0)
    options = [...starts, ...others].slice(0, 50)
    if (options.length === 1 && options[0][0].toLowerCase() === at.text) options = []
    chosen = -1
    show()
  }
  const take = (i) => {
    const caret = input.selectionStart, name = options[i][2]
    const rest = input.value.slice(caret).replace(input.value[at.start] === '"' ? /^[^"]*"/ : /^[\p{L}\p{N}_]+/u, "")
    input.value = input.value.slice(0, at.start) + name + rest
    input.setSelectionRange(at.start + name.length, at.start + name.length)
    close()
  }
  input.addEventListener("input", () => {
    wrong.hidden = true
    input.removeAttribute("aria-invalid")
    complete(false)
  })
  input.addEventListener("blur", close)
  input.addEventListener("keydown", (event) => {
    const open = options.length > 0
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault()
      if (!open) complete(true)
      if (!options.length) return
      const step = event.key === "ArrowDown" ? 1 : -1
      chosen = chosen < 0 && step < 0 ? options.length - 1 : (chosen + step + options.length) % options.length
      show()
    } else if ((event.key === "Enter" && chosen >= 0) || (event.key === "Tab" && open && !event.shiftKey)) {
      event.preventDefault()
      take(Math.max(chosen, 0))
    } else if (event.key === "Enter") {
      close()
      send("sql", input.value)
    } else if (event.key === "Escape" && open) {
      event.stopPropagation()
      close()
    }
  })
  let taken = model.line.taken ?? 0
  return () => {
    const line = model.line
    if ((line.taken ?? 0) !== taken) {
      taken = line.taken
      if (input.value.trim() === line.text) input.value = ""
    }
    const mine = line.error && input.value.trim() === line.text
    wrong.hidden = !mine
    wrong.replaceChildren()
    if (!mine) return
    input.setAttribute("aria-invalid", "true")
    input.setAttribute("aria-describedby", wrong.id)
    if (line.place !== null && line.place !== undefined) {
      // The server counts characters, this language pairs of bytes.
      const signs = [...line.text], place = Math.min(line.place, signs.length)
      const bad = /^\s*([\p{L}\p{N}_]+|.)?/su.exec(signs.slice(place).join(""))[0] || " "
      const code = add(wrong, "code", "")
      const start = Math.max(0, place - 24)
      code.append((start ? "…" : "") + signs.slice(start, place).join(""))
      add(code, "mark", "", bad)
      code.append(signs.slice(place + [...bad].length, place + 40).join(""))
      const lead = input.value.length - input.value.trimStart().length + signs.slice(0, place).join("").length
      if (input.getRootNode().activeElement === input) input.setSelectionRange(lead, lead + (bad === " " ? 0 : bad.length))
    }
    add(wrong, "p", "", line.error)
  }
}

const MANY = 8  // columns from which a search of them is worth its place

export function render({ model }) {
  const root = document.createElement("div")
  root.className = "panel-filters"
  const send = (kind, value) => model.send_msg({ kind, value })
  const top = add(root, "div", "top")
  const line = expression(top, model, send)
  const search = field(top, "search", "Search columns")
  search.placeholder = "Search columns"
  const list = add(root, "ul", "columns")
  list.setAttribute("aria-label", "Columns")
  const none = add(root, "p", "soft none", "No such column")
  const rows = new Map()

  const sift = () => {
    const wanted = search.value.trim().toLowerCase()
    let found = 0
    for (const [name, row] of rows) {
      row.item.hidden = !name.toLowerCase().includes(wanted)
      found += !row.item.hidden
    }
    none.hidden = found > 0
  }
  const columns = () => {
    search.hidden = model.columns.length <= MANY
    const names = model.columns.map(([name]) => name)
    if (names.length === rows.size && names.every((name) => rows.has(name))) return  // only the quotes have changed
    rows.clear()
    list.replaceChildren()
    for (const [name, kind] of model.columns) {
      const item = add(list, "li", "column")
      const head = button(item, "head", undefined, () => send("open", name))
      add(head, "span", "mark", "")
      add(head, "span", "name", name).title = name
      add(head, "span", "soft", kind)
      const body = add(item, "div", "control")
      body.id = unique("control")
      body.setAttribute("role", "group")
      body.setAttribute("aria-label", name)
      head.setAttribute("aria-controls", body.id)
      rows.set(name, { item, head, body, update: null })
    }
    sift()
  }
  const controls = () => {
    const active = new Set(model.active)
    for (const [name, row] of rows) {
      const facts = model.facts[name], state = model.controls[name]
      const data = facts && state && { ...model.counts[name], ...state }
      row.head.setAttribute("aria-expanded", String(Boolean(data)))
      row.head.classList.toggle("active", active.has(name))
      row.head.setAttribute("aria-label", active.has(name) ? `${name}, filtered` : name)
      row.body.hidden = !data
      if (!data) {
        row.body.replaceChildren()
        row.update = null
        continue
      }
      row.update ??= control(row.body, facts, send)
      row.update(data)
    }
  }
  search.addEventListener("input", sift)
  const draw = { columns: () => { columns(); controls() }, controls, facts: controls, counts: controls, active: controls, line }
  for (const [name, act] of Object.entries(draw)) {
    model.on(name, act)
    act()
  }
  whenSeen(root, (seen) => send("seen", seen))
  return root
}
