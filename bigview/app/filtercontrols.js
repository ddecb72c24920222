// The control of a column, made from what it holds.

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
  input.placeholder = "any text"
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

