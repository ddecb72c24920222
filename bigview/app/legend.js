// The legend of a map: categories by rank, or a colour bar; and the signs on its buttons.

function oneStop(bar) {  // Tab stops at it once; arrow keys walk through its buttons
  const buttons = [...bar.querySelectorAll("button")]
  const stop = (chosen) => { for (const one of buttons) one.tabIndex = one === chosen ? 0 : -1 }
  stop(buttons[0])
  bar.addEventListener("focusin", (event) => stop(event.target.closest("button")))
  bar.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(event.target.closest("button")), last = buttons.length - 1
    const before = Math.max(0, at - 1), after = Math.min(last, at + 1)
    const to = { ArrowUp: before, ArrowLeft: before, ArrowDown: after, ArrowRight: after, Home: 0, End: last }[event.key]
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    event.stopPropagation()
    buttons[to].focus()
  })
}

function drawCategories(box, legend, pick) {
  const bar = add(box, "div", ""), list = add(bar, "ol", "ranks")
  bar.setAttribute("role", "toolbar")
  bar.setAttribute("aria-label", "Categories in view: arrow keys walk, Enter filters by one, with Shift by one more")
  for (const item of legend.items) {
    const row = add(list, "li", item.on ? "" : "off")
    const button = add(row, "button", "rank")
    button.type = "button"
    button.dataset.name = item.name
    button.setAttribute("aria-pressed", String(legend.picked > 0 && item.on))
    add(button, "span", "swatch").style.background = item.color
    add(button, "span", "name", item.label ?? item.name).title = item.label ?? item.name
    add(button, "span", "count", item.count)
    const share = add(button, "span", "share")
    share.style.width = `${Math.max(1, 100 * item.share)}%`
    share.style.background = item.color
    button.addEventListener("click", (event) => pick(item.name, event.shiftKey || event.ctrlKey || event.metaKey))
  }
  oneStop(bar)
  if (legend.more) add(box, "div", "more", legend.more)
}

function drawBar(box, legend) {
  const bar = add(box, "div", "bar")
  bar.style.background = `linear-gradient(to right, ${legend.colors.join(",")})`
  const ticks = add(box, "div", "ticks")
  // The first and the last tick always show; one between them where it has room. A character takes about 3 % of the bar.
  const span = ({ at, text }) => [at * (1 - 0.032 * text.length), at + (1 - at) * 0.032 * text.length]
  const last = legend.ticks.at(-1)
  let free = -1
  for (const tick of legend.ticks) {
    const [start, end] = span(tick)
    if (tick !== last && (start < free || end + 0.03 > span(last)[0])) continue
    const mark = add(ticks, "span", "tick", tick.text)
    mark.style.left = `${100 * tick.at}%`
    mark.style.transform = `translateX(${-100 * tick.at}%)`
    free = end + 0.03
  }
}

function drawLegend(box, legend, pick) {
  const top = box.scrollTop, held = box.getRootNode().activeElement?.dataset?.name
  box.replaceChildren()
  box.hidden = !legend.kind
  if (box.hidden) return
  add(box, "h2", "", legend.title)
  legend.kind === "bar" ? drawBar(box, legend) : drawCategories(box, legend, pick)
  if (legend.missing) {
    const line = add(box, "div", "gap")
    add(line, "span", "stripes").style.background = `repeating-linear-gradient(135deg, ${legend.missing[0]} 0 3px, ${legend.missing[1]} 3px 5px)`
    add(line, "span", "", "missing")
  }
  box.scrollTop = top
  if (held !== undefined) [...box.querySelectorAll(".rank")].find((one) => one.dataset.name === held)?.focus({ preventScroll: true })
}

function sign(path_) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path")
  svg.setAttribute("viewBox", "0 0 16 16")
  svg.setAttribute("aria-hidden", "true")
  path.setAttribute("d", path_)
  svg.append(path)
  return svg
}
