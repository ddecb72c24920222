// What every component of the page begins with: component.py puts it before each of them.

// Text enters through textContent, so what comes from the data can never be markup.
function add(parent, kind, name, text) {
  const made = document.createElement(kind)
  if (name) made.className = name
  if (text !== undefined) made.textContent = text
  parent.append(made)
  return made
}

// The newest call wins: one at once, then one each interval.
function paced(act, interval) {
  let timer = null, waiting = null
  const next = () => {
    timer = null
    if (waiting) run(...waiting)
  }
  const run = (...values) => {
    if (timer !== null) { waiting = values; return }
    waiting = null
    timer = setTimeout(next, interval)
    act(...values)
  }
  return run
}

// Tell whether an element is on the screen, each time that this changes: what is not seen is not worked out.
function whenSeen(element, tell) {
  let seen = true
  new ResizeObserver(() => {
    if (!element.isConnected) return  // Panel has made the component anew
    const now = element.offsetHeight > 0
    if (now !== seen) tell((seen = now))
  }).observe(element)
}

function fitPhones() {  // without this, a phone shows a page as wide as a desk, and very small
  if (document.querySelector('meta[name="viewport"]')) return
  const meta = add(document.head, "meta", "")
  meta.name = "viewport"
  meta.content = "width=device-width, initial-scale=1"
}

