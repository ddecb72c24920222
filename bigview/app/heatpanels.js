// The panels beside a matrix: the window as a table, profiles, the selection against the rest. All of the data enters as text.

function drawTable(box, grid) {
  box.replaceChildren()
  add(box, "p", "soft", grid.note ?? "")
  if (!grid.cols) return
  const frame = add(box, "div", "scroll"), table = add(frame, "table", "")
  frame.tabIndex = 0
  frame.setAttribute("role", "region")
  frame.setAttribute("aria-label", "Values in view")
  add(table, "caption", "spoken", grid.note)
  const head = add(add(table, "thead", ""), "tr", "")
  add(head, "td", "")
  for (const name of grid.known ?? []) Object.assign(add(head, "th", "known", name), { scope: "col", title: name })
  for (const name of grid.cols) Object.assign(add(head, "th", "", name), { scope: "col", title: name })
  const body = add(table, "tbody", "")
  grid.rows.forEach((name, i) => {
    const row = add(body, "tr", "")
    Object.assign(add(row, "th", "", name), { scope: "row", title: name })
    for (const text of grid.facts?.[i] ?? []) add(row, "td", "known", text).title = text
    grid.values[i].forEach((text, j) => {
      const cell = add(row, "td", text === "" ? "none" : "", text || "–"), color = grid.swatches?.[i][j]
      if (color) cell.style.boxShadow = `inset 4px 0 0 ${color}`
    })
  })
}

const SVG = "http://www.w3.org/2000/svg"

function chartOf(box, title, spoken) {  // a figure of 300 by 80; returns where its ends are named, and what draws a path
  const figure = add(box, "figure", "profile"), svg = document.createElementNS(SVG, "svg")
  add(figure, "figcaption", "", title)
  for (const [name, value] of [["viewBox", "0 0 300 80"], ["preserveAspectRatio", "none"], ["role", "img"], ["aria-label", spoken]]) svg.setAttribute(name, value)
  figure.append(svg)
  const path = (name, d) => {
    const made = document.createElementNS(SVG, "path")
    made.setAttribute("class", name)
    made.setAttribute("d", d)
    svg.append(made)
  }
  return { path, ends: add(figure, "div", "ends") }
}

function drawLine(box, line) {  // a profile: mean as a line within the band from the least to the greatest value
  const { path, ends: foot } = chartOf(box, line.title, line.spoken)
  const { mean, low, high, ends } = line, count = mean.length
  const x = (k) => count > 1 ? (300 * k) / (count - 1) : 150, y = (value) => 78 - (76 * (value - ends[0])) / ((ends[1] - ends[0]) || 1)
  const there = mean.map((value, k) => [k, value]).filter(([, value]) => value !== null)
  if (there.length) {
    const up = there.map(([k]) => `${x(k).toFixed(1)},${y(high[k]).toFixed(1)}`), down = there.map(([k]) => `${x(k).toFixed(1)},${y(low[k]).toFixed(1)}`).reverse()
    path("band", `M${[...up, ...down].join("L")}Z`)
    path("mean", `M${there.map(([k, value]) => `${x(k).toFixed(1)},${y(value).toFixed(1)}`).join("L")}`)
  }
  add(foot, "span", "", line.first)
  add(foot, "span", "", line.last)
}

function drawRest(box, rest) {  // both distributions, and the lines that differ most
  box.replaceChildren()
  const { spread, differs } = rest
  if (spread) {
    add(box, "h3", "", rest.title)
    const { path, ends } = chartOf(box, spread.title, spread.spoken)
    const most = Math.max(...spread.here, ...spread.rest) || 1, wide = 300 / spread.here.length
    for (const [name, shares] of [["spread here", spread.here], ["spread rest", spread.rest]]) {
      const steps = shares.map((share, k) => `V${(79 - (74 * share) / most).toFixed(1)}H${((k + 1) * wide).toFixed(1)}`)
      path(name, `M0,79${steps.join("")}V79`)
    }
    add(ends, "span", "", spread.first)
    for (const [name, text] of [["here", "selected"], ["rest", "the rest"]]) add(ends, "span", `key ${name}`, text)
    add(ends, "span", "", spread.last)
  }
  if (differs?.length) {
    add(box, "h3", "", "Differs most from the rest")
    fieldList(box, differs)
  }
}

const UP = "M8 14V5M4 9l4-4 4 4", LEFT = "M14 8H5M9 4L5 8l4 4", DOWN = "M8 2v9M4 7l4 4 4-4", RIGHT = "M2 8h9M7 4l4 4-4 4"
const MOVES = [  // the selected rows, or columns, by hand: how each way is called, its sign and its keys
  ["rows", "Rows", "Move rows", [["first", "To the top", `M3 2h10${UP}`, "Alt and Page up"], ["back", "Up", UP, "Alt and arrow"], ["on", "Down", DOWN, "Alt and arrow"], ["last", "To the bottom", `M3 14h10${DOWN}`, "Alt and Page down"]]],
  ["cols", "Columns", "Move columns", [["first", "To the left end", `M2 3v10${LEFT}`, "Alt and Home"], ["back", "Left", LEFT, "Alt and arrow"], ["on", "Right", RIGHT, "Alt and arrow"], ["last", "To the right end", `M14 3v10${RIGHT}`, "Alt and End"]]],
]

function drawProfile(box, profile, send) {
  box.replaceChildren()
  if (!profile.title) return
  add(box, "h2", "", profile.title)
  fieldList(box, profile.fields)
  for (const [axis, name, label, ways] of MOVES) {
    if (!profile.movable?.includes(axis)) continue
    const group = add(box, "div", "moves")
    group.setAttribute("role", "group")
    group.setAttribute("aria-label", label)
    add(group, "span", "soft", label)
    for (const [way, text, path, keys] of ways) {
      const button = add(group, "button", "tool icon")
      button.type = "button"
      button.append(sign(path))
      button.title = `${text} (${keys})`
      button.setAttribute("aria-label", `${name} ${text.toLowerCase()}`)
      button.addEventListener("click", () => send("move", { axis, way }))
    }
  }
  for (const line of profile.lines) drawLine(box, line)
  add(box, "div", "against")
  let files = null, group = null
  for (const file of profile.files ?? []) {
    if (file.group !== group) {  // of two matrices, each has its own
      group = file.group
      files = add(box, "div", "files")
      add(files, "span", "soft", group ? `Download ${group}` : "Download")
    }
    const link = add(files, "a", "tool", `${file.name} ${file.size}`)
    link.href = file.link
    link.download = ""
    if (group) link.setAttribute("aria-label", `${group}: ${file.name} ${file.size}`)
  }
  if (!files && profile.note) add(box, "p", "soft", profile.note)
}

const ARROWS = "← ↑ ↓ →"
const KEYS = [  // what the keyboard does on the map, and on what stands beside it
  ["Map", [[ARROWS, "Cell cursor: reads row, column and value"], ["Page up, Page down", "Ten cells up or down"], ["I", "Reads what else is known of row and column"], ["S", "Rows by this column: descending, ascending, as stored"], ["Shift and S", "Columns by this row"], ["+ −", "Zoom at the cell cursor"], ["0", "All of the matrix"], ["F", "Full screen"], ["/", "Find names"], ["?", "This list"]]],
  ["Selection", [[`Shift and ${ARROWS}`, "A box from the cell cursor"], ["R, or Shift and space", "Whole rows of the cell or the box"], ["C, or Ctrl and space", "Whole columns"], ["Enter", "Zoom to the selection"], ["Escape", "Nothing selected, no cell cursor"]]],
  ["By hand", [["Alt and ↑ ↓", "Selected rows up or down"], ["Alt and Page up, Page down", "… to the top, to the bottom"], ["Alt and ← →", "Selected columns left or right"], ["Alt and Home, End", "… to the left end, to the right end"], ["M", "What is selected before the cell cursor"]]],
  ["Trees", [["Tab", "To the cut, then to the branches"], ["at the cut: arrows", "More or fewer clusters; Home: none"], ["at the branches: arrows", "Away from the map: the branch around; to the map: into it; along: the next"], ["Enter", "Select the branch"]]],
]

function drawKeys(box) {
  box.replaceChildren()
  box.tabIndex = 0  // it may have to be scrolled
  add(box, "h2", "", "Keys")
  for (const [title, keys] of KEYS) {
    add(box, "h3", "", title)
    fieldList(box, keys)
  }
}

// What a key is called with what is held down; null for one that is the browser's.
const PLAIN_KEYS = new Set(["+", "=", "-", "_", "0", "Home", "End", "Escape", "Enter", "r", "R", "c", "C", "m", "M", "s", "S", "i", "I", "?"])
function keyOf(event) {
  const key = event.key === " " ? "Space" : event.key, arrow = /^(Arrow|Page)/.test(key), { shiftKey, ctrlKey, altKey, metaKey } = event
  if (metaKey || (ctrlKey && altKey)) return null
  if (ctrlKey) return key === "Space" ? "Control+Space" : null
  if (altKey) return arrow || key === "Home" || key === "End" ? `Alt+${key}` : null
  if (shiftKey && (arrow || key === "Space")) return `Shift+${key}`
  return arrow || PLAIN_KEYS.has(key) ? key : null
}
