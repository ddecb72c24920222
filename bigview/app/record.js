// The card of a record: what it holds, its images, and others like it. Everything that comes from the data enters through textContent.

function fieldList(parent, fields) {
  const list = add(parent, "dl", "fields")
  for (const [name, value] of fields) {
    add(list, "dt", "", name)
    add(list, "dd", "", value)
  }
}

function drawImages(box, images) {
  box.replaceChildren()
  for (const image of images) {
    const figure = add(box, "figure", "")
    const show = (source) => {
      const shown = add(figure, "img", "")
      shown.alt = image.name
      shown.referrerPolicy = "no-referrer"
      shown.addEventListener("error", () => { figure.textContent = `${image.name}: the image cannot be shown.` })
      shown.src = source
    }
    if (image.data) show(image.data)
    else if (image.note) figure.textContent = `${image.name}: ${image.note}`
    else {  // nothing is fetched from elsewhere unasked: its owner would learn who looks at what
      const button = add(figure, "button", "tool", `Show the image from ${image.host}`)
      button.type = "button"
      button.addEventListener("click", () => { button.remove(); show(image.address) })
    }
  }
}

// Everything like this row: which columns are to agree, and by how much; or how many of the nearest.
function drawAlike(box, offer, send) {
  box.replaceChildren()
  box.hidden = !offer.columns
  if (box.hidden) return
  const fold = add(box, "details", ""), form = add(fold, "form", "")
  fold.prepend(add(fold, "summary", "", "Others like this one"))
  const agree = add(form, "fieldset", "")
  add(agree, "legend", "", "That agree in")
  const columns = offer.columns.map((column) => {
    const row = add(agree, "div", "trait"), label = add(row, "label", "")
    const tick = add(label, "input", "")
    tick.type = "checkbox"
    tick.checked = column.on
    add(label, "span", "name", column.name)
    add(label, "span", "soft", column.text).title = column.text
    const most = column.most === "" ? null : numberField(row, column.most, `${column.name} may differ by`)
    most?.addEventListener("input", () => { tick.checked = true })
    if (most) most.before("± ")
    if (column.unit) row.append(` ${column.unit}`)
    return { name: column.name, tick, most }
  })
  const NEARS = { "": "anywhere", map: "nearest on the map", vectors: "nearest by vector" }
  const line = add(form, "div", "trait"), near = add(add(line, "label", "", "Where "), "select", "field")
  for (const name of ["", ...offer.nears]) add(near, "option", "", NEARS[name] ?? `nearest by ${name.slice("column:".length)}`).value = name
  const count = numberField(line, "100", "How many of the nearest")
  near.addEventListener("change", () => { count.hidden = !near.value })
  count.hidden = true
  const tools = add(form, "div", "trait")
  for (const [act, text] of [["select", "Select"], ["filter", "Filter"]]) {
    const button = add(tools, "button", "tool", text)
    button.value = act
    button.setAttribute("aria-label", `${text} all rows like this one`)
  }
  add(form, "p", "soft said").setAttribute("role", "status")
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    const chosen = columns.filter((one) => one.tick.checked).map((one) => [one.name, one.most?.value ?? ""])
    sayAlike(box, "Looking for them …")
    send("alike", { columns: chosen, near: near.value, count: count.value, act: event.submitter?.value ?? "select" })
  })
}

function numberField(parent, value, label) {
  const field = add(parent, "input", "field number")
  field.value = value
  field.inputMode = "decimal"
  field.maxLength = 40
  field.setAttribute("aria-label", label)
  return field
}

function sayAlike(box, text) {
  const said = box.querySelector(".said")
  if (said) said.textContent = text
}

function recordCard(box, close) {  // its parts are filled one by one: images come later, and a form that is being filled in stays
  const head = add(box, "header", ""), title = add(head, "h2", ""), button = add(head, "button", "close", "×")
  button.type = "button"
  button.setAttribute("aria-label", "Close the record")
  button.addEventListener("click", close)
  const card = { pictures: add(box, "div", "pictures"), values: add(box, "div", ""), alike: add(box, "div", "alike") }
  card.draw = (record) => {
    box.hidden = !record.fields
    card.values.replaceChildren()
    if (box.hidden) return
    title.textContent = record.title
    fieldList(card.values, record.fields)
    box.scrollTop = 0
  }
  return card
}

function drawHover(box, hover, stage) {
  box.hidden = !hover.fields
  if (box.hidden) return
  box.replaceChildren()
  const title = hover.title ? add(box, "h2", "", hover.title) : null
  if (title && hover.swatch) {
    const swatch = document.createElement("span")
    swatch.className = "swatch"
    swatch.style.background = hover.swatch
    title.prepend(swatch)
  }
  fieldList(box, hover.fields)
  const gap = 16, wide = box.offsetWidth, high = box.offsetHeight
  const right = hover.x + gap + wide <= stage.clientWidth - 8
  const below = hover.y + gap + high <= stage.clientHeight - 8
  box.style.left = `${Math.max(8, right ? hover.x + gap : hover.x - gap - wide)}px`
  box.style.top = `${Math.max(8, below ? hover.y + gap : hover.y - gap - high)}px`
}
