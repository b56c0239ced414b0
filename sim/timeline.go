package sim

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Timeline draws a run as one SVG picture: a lane for each machine, in it when
// it was down, when it led which group, what befell it; and the way of the call
// that the first broken promise names.
func Timeline(o Options, r *Result) string {
	t := &timeline{end: int64(o.For), nodes: max(o.Nodes, len(nodesOf(r.History))), history: r.History}
	t.frame()
	t.lives()
	t.leaders()
	t.events(r.Script)
	if len(r.Violations) > 0 {
		t.broken(r.Violations[0])
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="10">`+"\n%s</svg>\n",
		left+width+20, t.lane(t.nodes+2)+10, t.b.String())
}

// Measures of the picture, in pixels.
const (
	left   = 70
	width  = 1500
	top    = 24
	height = 72 // of a lane
)

// colours of the groups whose leaders are shown.
var colours = []string{"#1f77b4", "#2ca02c", "#9467bd", "#8c564b", "#e377c2"}

type timeline struct {
	b       strings.Builder
	end     int64
	nodes   int
	history History
}

func (t *timeline) x(at int64) float64 { return left + width*float64(at)/float64(t.end) }

func (t *timeline) lane(i int) int { return top + i*height }

// of is the lane of a machine: its node's, or the one of the clients.
func (t *timeline) of(machine string) int {
	if n, err := strconv.Atoi(strings.TrimPrefix(machine, "n")); err == nil {
		return n - 1
	}
	return t.nodes
}

func (t *timeline) rect(lane, dy, h int, from, to int64, colour, title string) {
	fmt.Fprintf(&t.b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"><title>%s</title></rect>`+"\n",
		t.x(from), t.lane(lane)+dy, max(1, t.x(to)-t.x(from)), h, colour, html.EscapeString(title))
}

func (t *timeline) text(x float64, y int, text string) {
	fmt.Fprintf(&t.b, `<text x="%.1f" y="%d">%s</text>`+"\n", x, y, html.EscapeString(text))
}

func (t *timeline) frame() {
	for s := int64(0); s <= t.end; s += 5e9 {
		fmt.Fprintf(&t.b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/>`+"\n", t.x(s), top-6, t.x(s), t.lane(t.nodes+1))
		t.text(t.x(s), top-10, fmt.Sprintf("%d s", s/1e9))
	}
	for i := range t.nodes + 1 {
		name := "n" + strconv.Itoa(i+1)
		if i == t.nodes {
			name = "clients"
		}
		t.text(4, t.lane(i)+height/2, name)
		fmt.Fprintf(&t.b, `<line x1="0" y1="%d" x2="%d" y2="%d" stroke="#888"/>`+"\n", t.lane(i), left+width, t.lane(i))
	}
}

// lives shows when each machine ran.
func (t *timeline) lives() {
	since := map[string]int64{}
	for _, e := range t.history {
		switch {
		case e.Line == "booted":
			since[e.Machine] = e.At
		case e.Line == "killed" || e.Line == "stopped" || strings.HasPrefix(e.Line, "exited"):
			t.alive(e.Machine, since[e.Machine], e.At)
			t.rect(t.of(e.Machine), 4, height-8, e.At, e.At, "#d00", e.Line)
			delete(since, e.Machine)
		}
	}
	for _, machine := range sorted(since) {
		t.alive(machine, since[machine], t.end)
	}
}

func (t *timeline) alive(machine string, from, to int64) {
	t.rect(t.of(machine), 4, height-8, from, to, "#eef6ee", machine)
}

// leaders shows which node led which group: a bar per group.
func (t *timeline) leaders() {
	type reign struct{ machine, group string }
	since := map[reign]int64{}
	end := func(k reign, at int64) {
		if from, ok := since[k]; ok {
			g, _ := strconv.Atoi(k.group)
			t.rect(t.of(k.machine), 8+7*(g%len(colours)), 6, from, at, colours[g%len(colours)], "leads group "+k.group)
			delete(since, k)
		}
	}
	for _, e := range t.history {
		f := strings.Fields(e.Line)
		switch {
		case len(f) == 3 && f[0] == "leading":
			since[reign{e.Machine, f[1]}] = e.At
		case len(f) == 2 && f[0] == "following":
			end(reign{e.Machine, f[1]}, e.At)
		case e.Line == "killed" || e.Line == "stopped" || len(f) > 0 && f[0] == "exited":
			for _, k := range sorted(since) {
				if k.machine == e.Machine {
					end(k, e.At)
				}
			}
		}
	}
	for _, k := range sorted(since) {
		end(k, t.end)
	}
}

func sorted[K comparable](m map[K]int64) (keys []K) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b K) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return keys
}

// events shows faults and operations, from their beginning to their end.
func (t *timeline) events(script []Event) {
	i := slices.IndexFunc(t.history, func(e Entry) bool { return e.Line == "prepared" })
	if i < 0 {
		return
	}
	for n, e := range script {
		at := t.history[i].At + int64(e.At)
		t.rect(e.Node, 46, 8, at, min(at+int64(e.For), t.end-int64(Settle)), "#f4a261", e.String())
		t.text(t.x(at), t.lane(e.Node)+54+8*(n%2), e.Kind)
	}
}

// calls finds the identifier that the history gives a call.
var calls = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// broken marks when a promise broke, and the way of the call that it is about.
func (t *timeline) broken(v Violation) {
	fmt.Fprintf(&t.b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="red" stroke-width="2"/>`+"\n", t.x(v.At), top-6, t.x(v.At), t.lane(t.nodes+1))
	t.text(left, t.lane(t.nodes+1)+16, v.String())
	id := calls.FindString(v.Detail)
	if id == "" {
		return
	}
	var way []string
	for n, e := range t.history {
		if strings.Contains(e.Line, id) {
			x, y := t.x(e.At), t.lane(t.of(e.Machine))+height-14
			way = append(way, fmt.Sprintf("%.1f,%d", x, y))
			fmt.Fprintf(&t.b, `<circle cx="%.1f" cy="%d" r="3" fill="red"><title>%s</title></circle>`+"\n", x, y, html.EscapeString(e.Line))
			word, _, _ := strings.Cut(e.Line, " ")
			t.text(x+4, y+10*(n%2), word)
		}
	}
	fmt.Fprintf(&t.b, `<polyline points="%s" fill="none" stroke="red"/>`+"\n", strings.Join(way, " "))
}
